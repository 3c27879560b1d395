package holdfast.storage;

import holdfast.consensus.Recovery;
import holdfast.model.ChunkLoss;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * Encodes and decodes the small files that say what a storage directory is and how it was left: its
 * id, the run that used it, the log's end, the recovery mark (docs/disk-format.md, "The
 * directory").
 */
final class DirectoryFormat {
  /** The peer's key, which is made after the format file: see {@code crypto.NodeKey}. */
  static final String KEY_FILE = "node.key";

  static final int VERSION = 6;
  static final int FORMAT_BYTES = 64;
  static final int RUN_BYTES = 160;
  static final int RECOVERY_BYTES = 256;
  static final int REASON_BYTES_MAX = 206;

  static final int DIRECTORY_ID_BYTES = 16;
  static final int BOOT_ID_BYTES = 36;

  static final PairFile.Kind FORMAT =
      new PairFile.Kind("format", "HFSTORE1", FORMAT_BYTES, VERSION);
  static final PairFile.Kind RUN = new PairFile.Kind("run", "HFRUNNER", RUN_BYTES, VERSION);
  static final PairFile.Kind RECOVERY =
      new PairFile.Kind("recovery", "HFRECOVR", RECOVERY_BYTES, VERSION);

  private DirectoryFormat() {}

  /**
   * What {@code format} says: which directory this is, the peer's incarnation, and whether a log
   * was ever begun here.
   */
  record Format(byte[] directoryId, long incarnation, boolean isLogBegun) {}

  /** Where the log ended when a run did. */
  record LogEnd(long lastIndex, long lastTerm, int chain) {}

  /**
   * What {@code run} says.
   *
   * @param number of the run, one more at each start
   * @param folderId what the file system calls the folder, 0 where it has no lasting name for it
   * @param chunkDamage names what was found wrong with the chunk segments when the run began, and
   *     stays wrong; 0: nothing
   * @param lastSegment number of the chunk segment made last; 0: none was made
   * @param logEnd of a clean end
   */
  record Run(
      boolean isClean,
      Machine machine,
      long number,
      long folderId,
      long chunkDamage,
      long lastSegment,
      Optional<LogEnd> logEnd) {}

  /** That something may be missing: of the log and the vote, and why; of the chunks. */
  record Mark(Recovery recovery, String reason, ChunkLoss chunks) {
    static final Mark NONE = new Mark(Recovery.NONE, "", ChunkLoss.NONE);

    boolean isNone() {
      return !recovery.isNeeded() && chunks.isNone();
    }
  }

  static byte[] format(long sequence, Format format) {
    var out = start(FORMAT, sequence).raw(format.directoryId()).u64(format.incarnation());
    return Crc.seal(out.bool(format.isLogBegun()), FORMAT_BYTES);
  }

  static Format readFormat(byte[] bytes, String path) {
    ByteReader in = read(FORMAT, bytes, path);
    return new Format(in.raw(DIRECTORY_ID_BYTES), in.u64(), in.bool());
  }

  static byte[] run(long sequence, Run run) {
    var out = start(RUN, sequence).bool(run.isClean());
    out.raw(ascii(run.machine().bootId())).raw(ascii(run.machine().machineId()));
    out.u64(run.number()).u64(run.folderId()).bool(run.logEnd().isPresent());
    LogEnd end = run.logEnd().orElse(new LogEnd(0, 0, 0));
    out.u64(end.lastIndex()).u64(end.lastTerm()).u32(end.chain());
    return Crc.seal(out.u64(run.chunkDamage()).u64(run.lastSegment()), RUN_BYTES);
  }

  static Run readRun(byte[] bytes, String path) {
    ByteReader in = read(RUN, bytes, path);
    boolean isClean = in.bool();
    var machine = new Machine(text(in, BOOT_ID_BYTES), text(in, BOOT_ID_BYTES));
    long number = in.u64();
    long folderId = in.u64();
    boolean hasEnd = in.bool();
    var end = new LogEnd(in.u64(), in.u64(), in.u32());
    long chunkDamage = in.u64();
    long lastSegment = in.u64();
    Optional<LogEnd> logEnd = hasEnd ? Optional.of(end) : Optional.empty();
    return new Run(isClean, machine, number, folderId, chunkDamage, lastSegment, logEnd);
  }

  /** The mark; its reason is cut to what fits. */
  static byte[] recovery(long sequence, Mark mark) {
    Recovery recovery = mark.recovery();
    byte[] reason = mark.reason().getBytes(StandardCharsets.UTF_8);
    var out = start(RECOVERY, sequence).u64(recovery.nonce()).u8(recovery.cause().ordinal());
    out.bool(recovery.isVoteLost());
    out.u64(mark.chunks().powerCutTick()).u64(mark.chunks().damageTick());
    return Crc.seal(out.raw(Arrays.copyOf(reason, REASON_BYTES_MAX)), RECOVERY_BYTES);
  }

  static Mark readRecovery(byte[] bytes, String path) {
    ByteReader in = read(RECOVERY, bytes, path);
    long nonce = in.u64();
    var cause = Recovery.Cause.values()[in.u8()];
    var recovery = new Recovery(nonce, cause, in.bool());
    var chunks = new ChunkLoss(in.u64(), in.u64());
    String reason = new String(in.raw(REASON_BYTES_MAX), StandardCharsets.UTF_8);
    return new Mark(recovery, reason.replace("\0", ""), chunks);
  }

  private static ByteWriter start(PairFile.Kind kind, long sequence) {
    var out = new ByteWriter(kind.sizeBytes()).raw(SmallFile.magic(kind.magic()));
    return out.u32(kind.version()).u64(sequence);
  }

  /** Checks the header; returns a reader behind the sequence. */
  private static ByteReader read(PairFile.Kind kind, byte[] bytes, String path) {
    ByteReader in = SmallFile.header(bytes, kind.sizeBytes(), kind.magic(), kind.version(), path);
    in.u64();
    return in;
  }

  private static byte[] ascii(String text) {
    return Arrays.copyOf(text.getBytes(StandardCharsets.US_ASCII), BOOT_ID_BYTES);
  }

  private static String text(ByteReader in, int sizeBytes) {
    return new String(in.raw(sizeBytes), StandardCharsets.US_ASCII).replace("\0", "");
  }
}
