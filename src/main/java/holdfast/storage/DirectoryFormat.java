package holdfast.storage;

import holdfast.consensus.Recovery;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The small files of a storage directory (docs/disk-format.md, "The directory"). */
final class DirectoryFormat {
  static final int VERSION = 1;
  static final int FORMAT_BYTES = 64;
  static final int INCARNATION_BYTES = 32;
  static final int RUN_BYTES = 64;
  static final int RECOVERY_BYTES = 256;
  static final int REASON_BYTES_MAX = 220;

  static final int DIRECTORY_ID_BYTES = 16;
  static final int BOOT_ID_BYTES = 36;
  private static final String FORMAT_MAGIC = "HFSTORE1";
  private static final String INCARNATION_MAGIC = "HFINCARN";
  private static final String RUN_MAGIC = "HFRUNNER";
  private static final String RECOVERY_MAGIC = "HFRECOVR";

  private DirectoryFormat() {}

  /** What {@code run} says. */
  record Run(boolean isClean, String bootId) {}

  /** That something may be missing, and why. */
  record Mark(Recovery recovery, String reason) {}

  static byte[] format(byte[] directoryId) {
    return Crc.seal(start(FORMAT_MAGIC).raw(directoryId), FORMAT_BYTES);
  }

  static byte[] readFormat(byte[] bytes, String path) {
    return SmallFile.header(bytes, FORMAT_BYTES, FORMAT_MAGIC, VERSION, path)
        .raw(DIRECTORY_ID_BYTES);
  }

  static byte[] incarnation(long incarnation) {
    return Crc.seal(start(INCARNATION_MAGIC).u64(incarnation), INCARNATION_BYTES);
  }

  static long readIncarnation(byte[] bytes, String path) {
    return SmallFile.header(bytes, INCARNATION_BYTES, INCARNATION_MAGIC, VERSION, path).u64();
  }

  static byte[] run(Run run) {
    byte[] bootId = Arrays.copyOf(run.bootId().getBytes(StandardCharsets.US_ASCII), BOOT_ID_BYTES);
    return Crc.seal(start(RUN_MAGIC).bool(run.isClean()).raw(bootId), RUN_BYTES);
  }

  static boolean isRun(byte[] bytes) {
    return SmallFile.isWhole(bytes, RUN_BYTES, RUN_MAGIC);
  }

  static Run readRun(byte[] bytes, String path) {
    ByteReader in = SmallFile.header(bytes, RUN_BYTES, RUN_MAGIC, VERSION, path);
    boolean isClean = in.bool();
    String bootId = new String(in.raw(BOOT_ID_BYTES), StandardCharsets.US_ASCII);
    return new Run(isClean, bootId.replace("\0", ""));
  }

  /** The mark; its reason is cut to what fits. */
  static byte[] recovery(Mark mark) {
    Recovery recovery = mark.recovery();
    byte[] reason = mark.reason().getBytes(StandardCharsets.UTF_8);
    var out = start(RECOVERY_MAGIC).u64(recovery.nonce()).u8(recovery.cause().ordinal());
    out.bool(recovery.isVoteLost());
    return Crc.seal(out.raw(Arrays.copyOf(reason, REASON_BYTES_MAX)), RECOVERY_BYTES);
  }

  static boolean isRecovery(byte[] bytes) {
    return SmallFile.isWhole(bytes, RECOVERY_BYTES, RECOVERY_MAGIC);
  }

  static Mark readRecovery(byte[] bytes, String path) {
    ByteReader in = SmallFile.header(bytes, RECOVERY_BYTES, RECOVERY_MAGIC, VERSION, path);
    long nonce = in.u64();
    var cause = Recovery.Cause.values()[in.u8()];
    var recovery = new Recovery(nonce, cause, in.bool());
    String reason = new String(in.raw(REASON_BYTES_MAX), StandardCharsets.UTF_8);
    return new Mark(recovery, reason.replace("\0", ""));
  }

  private static ByteWriter start(String magic) {
    return new ByteWriter(FORMAT_BYTES).raw(SmallFile.magic(magic)).u32(VERSION);
  }
}
