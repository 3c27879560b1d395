package holdfast.storage;

import holdfast.peer.port.OperationLog;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.lang.System.Logger.Level;

/**
 * What is known of other peers' runs, in the file {@code known}. Damaged it is forgotten: others
 * know it too, and this peer learns it again.
 */
final class KnownRunsFile {
  static final String NAME = "known";
  static final int HEADER_BYTES = 16;
  private static final String MAGIC = "HFKNOWNR";
  private static final int CRC_BYTES = 4;
  private static final System.Logger LOG = System.getLogger(KnownRunsFile.class.getName());

  private KnownRunsFile() {}

  /** Replaces it; durable when this returns. */
  static void write(Disk disk, byte[] known) {
    var out = new ByteWriter(HEADER_BYTES + known.length + CRC_BYTES).raw(SmallFile.magic(MAGIC));
    out.u32(DirectoryFormat.VERSION).u32(known.length).raw(known);
    SmallFile.replace(disk, NAME, Crc.seal(out, HEADER_BYTES + known.length + CRC_BYTES));
  }

  /** What was written last; empty if nothing was, or it is damaged. */
  static byte[] read(Disk disk) {
    if (!disk.exists(NAME)) {
      return new byte[0];
    }
    byte[] bytes;
    try (var file = disk.open(NAME, Disk.Mode.READ)) {
      bytes = SmallFile.readUpTo(file, 0, HEADER_BYTES + OperationLog.KNOWN_BYTES_MAX + CRC_BYTES);
    }
    boolean isLong = bytes.length >= HEADER_BYTES + CRC_BYTES;
    if (!isLong || !SmallFile.isWhole(bytes, bytes.length, MAGIC)) {
      LOG.log(Level.WARNING, "read {0}: was=damaged; others know it too", disk.path(NAME));
      return new byte[0];
    }
    ByteReader in =
        SmallFile.header(bytes, bytes.length, MAGIC, DirectoryFormat.VERSION, disk.path(NAME));
    return in.raw(in.u32());
  }
}
