package holdfast.client.file;

import holdfast.client.kernel.CacheLease;
import holdfast.client.pool.Deadlines;

/**
 * Lets a commit whose appended bytes have to move wait for them: from the moment it is needed until
 * it is closed, nothing is appended to the file. A write that waits has pages locked in the kernel,
 * so others' changes of the file are confirmed meanwhile before those are dropped: two mounts would
 * wait for each other otherwise. One thread, which doesn't hold the file's lock.
 */
public final class AppendGate implements AutoCloseable {
  private final FileContent content;
  private final CacheLease cacheLease;
  private CacheLease.Ticket ticketOrNull;

  AppendGate(FileContent content, CacheLease cacheLease) {
    this.content = content;
    this.cacheLease = cacheLease;
  }

  /** What was appended with the handle has come wholly: it is being saved or closed. */
  public static void settle(FileHandle handle) {
    FileContent content = handle.content;
    content.lock.lock();
    try {
      if (content.appends.isOpen(handle)) {
        content.appends.settle();
      }
    } finally {
      content.lock.unlock();
    }
  }

  /**
   * Waits, not for long, for the rest of a write that may not have come wholly. Where ever more
   * comes, its last part stays out of the commit. {@code isNow}: it has come, since the kernel lets
   * nobody write meanwhile.
   */
  static void settle(FileContent content, boolean isNow, Deadlines deadlines, long deadlineNs) {
    content.lock.lock();
    try {
      long untilNs = deadlines.nowNs() + AppendLog.OPEN_MAX_NS;
      long openNs = content.appends.openLeftNs(deadlines.nowNs());
      while (!isNow && openNs > 0 && untilNs - deadlines.nowNs() > 0) {
        ContentWaits.change(
            content, deadlines, deadlineNs, Math.min(openNs, untilNs - deadlines.nowNs()));
        openNs = content.appends.openLeftNs(deadlines.nowNs());
      }
      if (isNow || openNs <= 0) {
        content.appends.settle();
      }
    } finally {
      content.lock.unlock();
    }
  }

  /** Whether appended bytes have to be saved first; from then on no more come. */
  boolean isNeeded() {
    content.lock.lock();
    try {
      if (ticketOrNull == null && content.appends.isOvertaken()) {
        ticketOrNull = cacheLease.begin(content.inode);
        content.appends.closeGate();
      }
      return ticketOrNull != null;
    } finally {
      content.lock.unlock();
    }
  }

  @Override
  public void close() {
    if (ticketOrNull == null) {
      return;
    }
    content.lock.lock();
    try {
      content.appends.openGate();
      content.changed.signalAll();
    } finally {
      content.lock.unlock();
    }
    ticketOrNull.close();
  }
}
