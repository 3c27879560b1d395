package holdfast.client;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/** One open(2) of a file. */
final class FileHandle {
  final FileContent content;

  /** The content's last failure that a write or an fsync of this handle told. */
  private long warnedOf;

  /** The content's last failure that an fsync of this handle told. */
  private long forceTold;

  /** Where a sequential reader would read next, and how far was read ahead; under the lock. */
  private long nextOffset;

  /** What was locked through it is lost with its session: it fails until it is closed. */
  private volatile boolean isLockLost;

  private volatile boolean hasLocked;
  private boolean hasWritten;

  private int sequentialCount;
  private long aheadTo;

  FileHandle(FileContent content) {
    this.content = content;
    warnedOf = content.failureNumber;
    forceTold = content.failureNumber;
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

  /** For a write: throws a failure that this handle hasn't told yet; under the content's lock. */
  void warnOfFailure() {
    checkLock();
    if (warnedOf != content.failureNumber) {
      warnedOf = content.failureNumber;
      throwFailure();
    }
  }

  /** Something was written through it; under the content's lock. */
  void noteWrite() {
    hasWritten = true;
  }

  /**
   * For a close(2) of one of its descriptors: throws a failure that no fsync has told. It may be a
   * child that closes what it inherited, and looks at no answer: so every close tells it, but for a
   * handle that nothing was written through, which tells it once. Under the content's lock.
   */
  void tellCloser() {
    if (hasWritten && forceTold != content.failureNumber) {
      checkLock();
      throwFailure();
    }
    warnOfFailure();
  }

  /**
   * For an fsync: throws a failure once, whichever write or close has told it before: what was
   * written earlier is lost, and only an fsync answers for all of that. Under the content's lock.
   */
  void tellForcer() {
    checkLock();
    if (forceTold != content.failureNumber) {
      forceTold = content.failureNumber;
      warnedOf = content.failureNumber;
      throwFailure();
    }
  }

  private void throwFailure() {
    HoldfastException why = content.failureOrNull;
    throw new HoldfastException(why.code(), why.getMessage(), why);
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
