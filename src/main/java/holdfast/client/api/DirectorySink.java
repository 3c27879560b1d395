package holdfast.client.api;

/**
 * Receives the entries of a directory, until it is full. Called on the thread that called {@code
 * readDirectory}.
 */
@FunctionalInterface
public interface DirectorySink {
  /**
   * Offers one entry: raw name, inode number, type ({@link FileAttributes#TYPE_MASK} bits of its
   * mode) and the cookie (never 0) that goes on behind it. Returns false if it didn't fit: the
   * entry was not accepted, and the caller stops.
   */
  boolean accept(byte[] name, long inode, int type, long nextCookie);
}
