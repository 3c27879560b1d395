package holdfast.storage;

/** A held lock on a directory. */
public interface DiskLock extends AutoCloseable {
  /** Releases it; a second call does nothing. Never throws. */
  @Override
  void close();
}
