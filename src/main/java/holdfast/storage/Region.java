package holdfast.storage;

/**
 * A range of a file held ready for reading, counted by reference: one reference from the start,
 * {@link #acquire} adds one, {@link #close} takes one away, and the last one lets the range go.
 * Safe on several threads.
 */
public interface Region extends AutoCloseable {
  /** Length of the range in bytes. */
  long lengthBytes();

  /** Adds a reference; false if the last one is gone already. */
  boolean acquire();

  /**
   * Copies {@code lengthBytes} bytes from {@code offset} within the range. May block on the disk.
   * Throws STORE_FAILED if the disk can't deliver a page.
   */
  void read(long offset, byte[] into, int intoOffset, int lengthBytes);

  /** Drops a reference. Never throws. */
  @Override
  void close();
}
