package holdfast.storage;

/** A lock on a directory, until it is closed. */
public interface DiskLock extends AutoCloseable {
  /** Releases it; a second call does nothing. Never throws. */
  @Override
  void close();
}
