package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.nio.ByteBuffer;

/**
 * Rewrites a segment into a new file of the same name: what an earlier process wrote to the old one
 * may have been dropped by a force that failed, and forcing that again would say nothing.
 */
final class ChunkCopy {
  private static final int BUFFER_BYTES = 1 << 20;

  private ChunkCopy() {}

  /**
   * Copies the first bytes of a segment; durable when this returns, the old file or the new one is
   * there before. Who has the old one open goes on reading it.
   *
   * @throws StorageException NO_SPACE: nothing has changed; STORE_FAILED
   */
  static void renew(Disk disk, String name, long sizeBytes) {
    if (disk.freeBytes() < sizeBytes) {
      throw new StorageException(
          ErrorCode.NO_SPACE,
          "copy segment: expected=%d bytes free, was=%d, path=%s"
              .formatted(sizeBytes, disk.freeBytes(), disk.path(name)));
    }
    String temporary = name + SmallFile.TEMPORARY_SUFFIX;
    disk.delete(temporary);
    boolean isCopied = false;
    try {
      copy(disk, name, temporary, sizeBytes);
      isCopied = true;
    } finally {
      if (!isCopied) {
        disk.delete(temporary);
      }
    }
    disk.rename(temporary, name);
    disk.forceDirectory();
  }

  private static void copy(Disk disk, String name, String to, long sizeBytes) {
    try (var from = disk.open(name, Disk.Mode.READ);
        var copy = disk.open(to, Disk.Mode.CREATE)) {
      byte[] buffer = new byte[(int) Math.min(BUFFER_BYTES, sizeBytes)];
      for (long at = 0; at < sizeBytes; ) {
        int wanted = (int) Math.min(buffer.length, sizeBytes - at);
        if (from.read(at, ByteBuffer.wrap(buffer, 0, wanted)) != wanted) {
          throw new StorageException(
              ErrorCode.STORE_FAILED,
              "copy segment: expected=%d bytes, was=less, path=%s"
                  .formatted(sizeBytes, disk.path(name)));
        }
        copy.write(at, ByteBuffer.wrap(buffer, 0, wanted));
        at += wanted;
      }
      copy.force();
    }
  }
}
