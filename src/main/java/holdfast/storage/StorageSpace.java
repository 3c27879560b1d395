package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.ByteSize;
import java.util.OptionalLong;

/**
 * Computes how much of a disk the chunks may take, from capacity, reserve and what is free.
 * Immutable; asks the disk each time.
 */
public final class StorageSpace {
  /** Without a word from the user this part of the disk is left free: one in 20, 5 %. */
  static final int LEAVE_FREE_DIVISOR = 20;

  private final Disk disk;
  private final long limitBytes;
  private final long leaveFreeBytes;

  private StorageSpace(Disk disk, long limitBytes, long leaveFreeBytes) {
    this.disk = disk;
    this.limitBytes = limitBytes;
    this.leaveFreeBytes = leaveFreeBytes;
  }

  /**
   * @param capacityBytes what chunks may take at most; empty: what the disk has
   * @param leaveFreeBytes what must stay free on the disk; empty: 5 % of it
   */
  public static StorageSpace of(
      Disk disk, OptionalLong capacityBytes, OptionalLong leaveFreeBytes) {
    long limit = capacityBytes.orElse(ByteSize.MAX_BYTES);
    long leaveFree =
        leaveFreeBytes.isPresent()
            ? leaveFreeBytes.getAsLong()
            : disk.totalBytes() / LEAVE_FREE_DIVISOR;
    return new StorageSpace(disk, limit, leaveFree);
  }

  /** What chunks could take in all, given what they take now. */
  public long capacityBytes(long usedBytes) {
    return usedBytes + availableBytes(usedBytes);
  }

  /** What chunks could still take, given what they take now: 0 or more. */
  public long availableBytes(long usedBytes) {
    long onDiskBytes = Math.max(0, disk.freeBytes() - leaveFreeBytes);
    return Math.max(0, Math.min(onDiskBytes, limitBytes - usedBytes));
  }

  /** The size that segments should have: so small that the capacity holds at least 16 of them. */
  public int segmentBytes(long usedBytes) {
    long segmentBytes = ChunkFormat.SEGMENT_BYTES_DEFAULT;
    long capacityBytes = capacityBytes(usedBytes);
    while (segmentBytes > ChunkFormat.SEGMENT_BYTES_SMALL && capacityBytes / segmentBytes < 16) {
      segmentBytes /= 2;
    }
    return (int) segmentBytes;
  }

  /** Throws NO_SPACE unless {@code moreBytes} may be written. */
  void requireRoom(long usedBytes, long moreBytes) {
    long availableBytes = availableBytes(usedBytes);
    if (moreBytes > availableBytes) {
      throw new StorageException(
          ErrorCode.NO_SPACE,
          "store chunk: expected=room for %d bytes, was=%d (used=%d, capacity=%d, "
                  .formatted(moreBytes, availableBytes, usedBytes, limitBytes)
              + "disk free=%d, left free=%d), path=%s"
                  .formatted(disk.freeBytes(), leaveFreeBytes, disk.path("")));
    }
  }
}
