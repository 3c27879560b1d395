package holdfast.client.file;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/**
 * The state of one open(2) of a file: reported losses, read pattern, and whether its locks last.
 */
public final class FileHandle {
  private final OpenFile file;
  private final Losses.Reporter reporter;
  private final ReadPattern pattern = new ReadPattern();

  /** What was locked through it is lost with its session: it fails until it is closed. */
  private volatile boolean isLockLost;

  private volatile boolean hasLocked;

  FileHandle(OpenFile file) {
    this.file = file;
    reporter = file.losses().reporter();
  }

  /** The file that it opened, shared with its other handles. */
  public OpenFile file() {
    return file;
  }

  /** The file's inode. */
  public long inode() {
    return file.inode();
  }

  /** Before what it locks is noted anywhere. */
  public void noteLock() {
    hasLocked = true;
  }

  /** Whether any lock was ever set by it: most never have one. */
  public boolean hasLocked() {
    return hasLocked;
  }

  public void loseLock() {
    isLockLost = true;
  }

  /** Throws NO_SESSION if a lock was lost. */
  public void checkLock() {
    if (isLockLost) {
      throw new HoldfastException(
          ErrorCode.NO_SESSION,
          "use file: expected=the lock it had, was=lost with the session; open it again, inode="
              + file.inode());
    }
  }

  /**
   * For a change of the content: throws what it would rest on and is lost, once.
   *
   * @return how many losses there were by then: one that comes before the change is done stops it
   */
  public long checkBeforeChange() {
    checkLock();
    return reporter.onWrite();
  }

  /** Something was written through it. */
  void noteWrite() {
    reporter.noteWrite();
  }

  /** At the end of an fsync, or of a close: throws what it has to report. */
  void report(boolean isFsync) {
    checkLock();
    if (isFsync) {
      reporter.onForce();
    } else {
      reporter.onClose();
    }
  }

  /** How it reads; to be used under the file's lock only. */
  ReadPattern pattern() {
    return pattern;
  }
}
