package holdfast.storage;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.lang.System.Logger.Level;

/**
 * Keeps a small file whose content others know too: damaged it is dropped, and learnt again. Its
 * content is magic, u32 version, u32 length, so many bytes, u32 CRC of all before. One thread at a
 * time. Blocks on the disk; throws {@link holdfast.model.StorageException}.
 *
 * @param elsewhere who knows it too, for the message
 */
record SealedFile(String name, String magic, int bytesMax, String elsewhere) {
  static final int HEADER_BYTES = 16;
  private static final int CRC_BYTES = 4;
  private static final System.Logger LOG = System.getLogger(SealedFile.class.getName());

  /** Replaces it; durable when this returns. */
  void write(Disk disk, byte[] content) {
    SmallFile.replace(disk, name, sealed(content));
  }

  /** Likewise, for what needn't outlast the machine: a power cut leaves anything of it. */
  void writeUnforced(Disk disk, byte[] content) {
    SmallFile.replaceUnforced(disk, name, sealed(content));
  }

  private byte[] sealed(byte[] content) {
    int sizeBytes = HEADER_BYTES + content.length + CRC_BYTES;
    var out = new ByteWriter(sizeBytes).raw(SmallFile.magic(magic));
    out.u32(DirectoryFormat.VERSION).u32(content.length).raw(content);
    return Crc.seal(out, sizeBytes);
  }

  /** What was written last; empty if nothing was, or it is damaged. */
  byte[] read(Disk disk) {
    if (!disk.exists(name)) {
      return new byte[0];
    }
    byte[] bytes;
    try (var file = disk.open(name, Disk.Mode.READ)) {
      bytes = SmallFile.readUpTo(file, 0, HEADER_BYTES + bytesMax + CRC_BYTES);
    }
    boolean isLong = bytes.length >= HEADER_BYTES + CRC_BYTES;
    if (!isLong || !SmallFile.isWhole(bytes, bytes.length, magic)) {
      LOG.log(Level.WARNING, "read {0}: was=damaged; {1}", disk.path(name), elsewhere);
      return new byte[0];
    }
    ByteReader in =
        SmallFile.header(bytes, bytes.length, magic, DirectoryFormat.VERSION, disk.path(name));
    return in.raw(in.u32());
  }
}
