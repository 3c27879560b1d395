package holdfast.client;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/** One open(2) of a file. */
final class FileHandle {
  final FileContent content;
  private long failureSeen;

  /** Where a sequential reader would read next, and how far was read ahead; under the lock. */
  private long nextOffset;

  /** What was locked through it is lost with its session: it fails until it is closed. */
  private volatile boolean isLockLost;

  private volatile boolean hasLocked;

  private int sequentialCount;
  private long aheadTo;

  FileHandle(FileContent content) {
    this.content = content;
    this.failureSeen = content.failureNumber;
  }

  /** Before what it locks is noted anywhere. */
  void noteLock() {
    hasLocked = true;
  }

  /** Whether any lock was ever set by it: most never have one. */
  boolean hasLocked() {
    return hasLocked;
  }

  void loseLock() {
    isLockLost = true;
  }

  /** Throws NO_SESSION if a lock was lost. */
  void checkLock() {
    if (isLockLost) {
      throw new HoldfastException(
          ErrorCode.NO_SESSION,
          "use file: expected=the lock it had, was=lost with the session; open it again, inode="
              + content.inode);
    }
  }

  /** Throws a background failure that this handle hasn't reported yet; under the content's lock. */
  void throwFailure() {
    checkLock();
    if (failureSeen != content.failureNumber) {
      failureSeen = content.failureNumber;
      HoldfastException why = content.failureOrNull;
      throw new HoldfastException(why.code(), why.getMessage(), why);
    }
  }

  /**
   * Notes a read and tells what to read ahead: the range's start and end, empty when the reading
   * isn't sequential. Several threads of one reader arrive slightly out of order: that counts as
   * sequential. Under the content's lock.
   */
  Ranges.Range ahead(long offset, int lengthBytes, int aheadBytes, int slackBytes) {
    boolean isSequential = offset <= nextOffset + slackBytes && offset >= nextOffset - slackBytes;
    if (!isSequential) {
      sequentialCount = 0;
      aheadTo = 0;
      nextOffset = offset + lengthBytes;
      return new Ranges.Range(0, 0);
    }
    nextOffset = Math.max(nextOffset, offset + lengthBytes);
    if (++sequentialCount < 2) {
      return new Ranges.Range(0, 0);
    }
    long from = Math.max(aheadTo, nextOffset);
    long to = nextOffset + aheadBytes;
    if (to - from < aheadBytes / 4) {
      return new Ranges.Range(0, 0); // in larger steps, so that runs are long
    }
    aheadTo = to;
    return new Ranges.Range(from, to);
  }
}
