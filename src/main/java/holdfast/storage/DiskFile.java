package holdfast.storage;

import java.nio.ByteBuffer;

/**
 * An open file of a {@link Disk}. Blocking, errors, threads and durability: see {@link Disk}. Reads
 * may run at the same time as each other and as a write elsewhere in the file.
 */
public interface DiskFile extends AutoCloseable {
  /** The name it was opened by. */
  String name();

  /**
   * Reads from {@code position} until {@code into} is full or the file ends; returns how many bytes
   * were read, 0 at or behind the end.
   */
  int read(long position, ByteBuffer into);

  /**
   * Writes all remaining bytes of {@code from} at {@code position}; a gap before it reads as zeros.
   * After an exception the range holds anything: the old bytes, the new, or some of both, and the
   * file may have grown by a part.
   */
  void write(long position, ByteBuffer from);

  /**
   * Returns when everything written and truncated so far is durable, and the size with it. After a
   * failure what had been written since the last force may be lost for good, and calling again may
   * report success without it: never retry.
   */
  void force();

  /**
   * Whether its name still stands for it. Where somebody has removed or replaced it, or its
   * directory, what is forced is gone when it is closed.
   */
  boolean isInPlace();

  /** Cuts the file to {@code sizeBytes} if it is longer. */
  void truncate(long sizeBytes);

  /** Size in bytes. */
  long size();

  /**
   * Maps a range for reading, or whatever has the same effect. INVALID if the file ends before it;
   * the range must not be cut or written as long as the region lives. Stays usable after the file
   * is closed, renamed or deleted.
   */
  Region map(long position, long lengthBytes);

  /** Closes the handle; a second call does nothing. Forces nothing. Never throws. */
  @Override
  void close();
}
