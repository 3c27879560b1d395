package holdfast.storage;

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

  static final int DIRECTORY_ID_BYTES = 16;
  static final int BOOT_ID_BYTES = 36;
  private static final String FORMAT_MAGIC = "HFSTORE1";
  private static final String INCARNATION_MAGIC = "HFINCARN";
  private static final String RUN_MAGIC = "HFRUNNER";

  private DirectoryFormat() {}

  /** What {@code run} says. */
  record Run(boolean isClean, String bootId) {}

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

  private static ByteWriter start(String magic) {
    return new ByteWriter(FORMAT_BYTES).raw(SmallFile.magic(magic)).u32(VERSION);
  }
}
