package holdfast.client.file;

import holdfast.client.pool.SaveFailure;
import holdfast.model.HoldfastException;
import java.lang.System.Logger.Level;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Remembers what was lost of what was written to one file, and which of its handles has reported
 * it: a loss outlives the call that met it, and is due at the next write, fsync or close of each
 * handle. Any thread; never blocks.
 */
final class Losses {
  private static final System.Logger LOG = System.getLogger(Losses.class.getName());

  private final ReentrantLock lock = new ReentrantLock();
  private HoldfastException lastOrNull;
  private long count;

  /** Why the content is older than what closed handles had written, with nothing unsaved. */
  private HoldfastException backOrNull;

  private long backCount;

  /** The number of the last one that an fsync has reported, of whichever handle. */
  private long forceReported;

  /** Logs a loss: the programs whose calls would fail may have ended. Not under the file's lock. */
  static void log(long inode, HoldfastException why) {
    LOG.log(
        Level.WARNING,
        "file: something that was written is lost, inode={0}: {1}",
        Long.toString(inode),
        why.getMessage());
  }

  /** Something that was written is lost, whatever becomes of who wrote it. */
  public void add(HoldfastException why) {
    lock.lock();
    try {
      lastOrNull = SaveFailure.asLoss(why);
      count++;
    } finally {
      lock.unlock();
    }
  }

  /**
   * With nothing unsaved, it has an older content again than what closed handles had written. An
   * fsync reports that; but who has it open may have read the newer, and hears of it before it
   * writes.
   */
  void wentBack(HoldfastException why) {
    lock.lock();
    try {
      backOrNull = SaveFailure.asLoss(why);
      backCount++;
    } finally {
      lock.unlock();
    }
  }

  /** How many there were: the number of the last one. */
  long count() {
    lock.lock();
    try {
      return count;
    } finally {
      lock.unlock();
    }
  }

  /** Throws the last one if any came after this count. */
  void throwSince(long before) {
    lock.lock();
    try {
      if (count != before) {
        throwAgain(lastOrNull);
      }
    } finally {
      lock.unlock();
    }
  }

  /** What one handle has reported: as of now, what was lost before is another's to report. */
  Reporter reporter() {
    return new Reporter();
  }

  /** With the stack of who hears of it now. */
  private static void throwAgain(HoldfastException why) {
    throw new HoldfastException(why.code(), why.getMessage(), why);
  }

  /** Which losses one handle has reported. Any thread. */
  final class Reporter {
    /** The number of the last loss that was known when it was opened. */
    private final long openedAt;

    /** The last one that a write or an fsync of this handle reported. */
    private long warnedOf;

    /**
     * The last one that an fsync of this handle reported, or that of another before it was opened:
     * one that no fsync has reported is this one's to report, as Linux has it.
     */
    private long forceReportedHere;

    /** Up to where it has reported that the content went back. */
    private long backReported;

    private boolean hasWritten;

    private Reporter() {
      lock.lock();
      try {
        openedAt = count;
        warnedOf = count;
        forceReportedHere = forceReported;
        backReported = backCount;
      } finally {
        lock.unlock();
      }
    }

    /** Something was written through the handle. */
    void noteWrite() {
      lock.lock();
      try {
        hasWritten = true;
      } finally {
        lock.unlock();
      }
    }

    /**
     * For a write: throws a loss that this handle hasn't reported yet, or that the content went
     * back.
     *
     * @return how many losses there were by then
     */
    long onWrite() {
      lock.lock();
      try {
        warn();
        if (backReported != backCount) {
          backReported = backCount;
          throwAgain(backOrNull);
        }
        return count;
      } finally {
        lock.unlock();
      }
    }

    private void warn() {
      if (warnedOf != count) {
        warnedOf = count;
        throwAgain(lastOrNull);
      }
    }

    /**
     * For a close(2) of one of its descriptors: throws a loss since it was opened that no fsync of
     * it has reported. It may be a child that closes what it inherited, and looks at no answer: so
     * every close reports it, but for a handle that nothing was written through, which reports it
     * once.
     */
    void onClose() {
      lock.lock();
      try {
        if (hasWritten && forceReportedHere != count && openedAt != count) {
          throwAgain(lastOrNull);
        }
        warn();
      } finally {
        lock.unlock();
      }
    }

    /**
     * For an fsync: throws a loss once, whichever write or close has reported it before: what was
     * written earlier is lost, and only an fsync answers for all of that.
     */
    void onForce() {
      lock.lock();
      try {
        if (forceReportedHere != count) {
          forceReportedHere = count;
          warnedOf = count;
          forceReported = count;
          backReported = backCount;
          throwAgain(lastOrNull);
        }
      } finally {
        lock.unlock();
      }
    }
  }
}
