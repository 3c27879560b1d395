package holdfast.client.file;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/** One open(2) of a file. */
public final class FileHandle {
  public final FileContent content;

  /** The number of the content's last loss that was known when it was opened. */
  private final long openedAt;

  /** The last one that a write or an fsync of this handle told. */
  private long warnedOf;

  /**
   * The last one that an fsync of this handle told, or that of another before it was opened: one
   * that nobody has heard of is this one's to tell, as Linux has it.
   */
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
    openedAt = content.losses.count();
    warnedOf = openedAt;
    forceTold = content.losses.forceTold();
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
              + content.inode);
    }
  }

  /** As {@link #warnOfFailure}, for another change of the content. Takes the content's lock. */
  public void warn() {
    content.lock.lock();
    try {
      warnOfFailure();
    } finally {
      content.lock.unlock();
    }
  }

  /** For a write: throws a loss that this handle hasn't told yet; under the content's lock. */
  void warnOfFailure() {
    checkLock();
    if (warnedOf != content.losses.count()) {
      warnedOf = content.losses.count();
      content.losses.throwLast();
    }
  }

  /** Something was written through it; under the content's lock. */
  void noteWrite() {
    hasWritten = true;
  }

  /** For an fsync, or a close: throws what it has to be told. Takes the content's lock. */
  void tell(boolean isFsync) {
    content.lock.lock();
    try {
      if (isFsync) {
        tellForcer();
      } else {
        tellCloser();
      }
    } finally {
      content.lock.unlock();
    }
  }

  /**
   * For a close(2) of one of its descriptors: throws a loss since it was opened that no fsync of it
   * has told. It may be a child that closes what it inherited, and looks at no answer: so every
   * close tells it, but for a handle that nothing was written through, which tells it once. Under
   * the content's lock.
   */
  private void tellCloser() {
    long count = content.losses.count();
    if (hasWritten && forceTold != count && openedAt != count) {
      checkLock();
      content.losses.throwLast();
    }
    warnOfFailure();
  }

  /**
   * For an fsync: throws a loss once, whichever write or close has told it before: what was written
   * earlier is lost, and only an fsync answers for all of that. Under the content's lock.
   */
  private void tellForcer() {
    checkLock();
    if (forceTold != content.losses.count()) {
      forceTold = content.losses.count();
      warnedOf = forceTold;
      content.losses.tellForced();
      content.losses.throwLast();
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
