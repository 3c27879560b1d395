package holdfast.client.file;

import java.util.concurrent.locks.ReentrantLock;

/**
 * Tracks whether an open file still has a name, and whether it is pinned in the pool without one:
 * apart from its content, since invalidations for others' removals come while that is being saved.
 * Any thread; never blocks.
 */
public final class LinkState {
  private final ReentrantLock lock = new ReentrantLock();

  /** The last name is gone, here or elsewhere. */
  private boolean isNameless;

  /** Likewise, in a session that was lost: a power cut may have undone the removal. */
  private boolean isNameIndeterminate;

  /** The pool keeps it for this client though it has no name, or was asked to. */
  private boolean isPinned;

  /** No handle is left: what comes to know that the name is gone pins nothing any more. */
  private boolean isClosed;

  /** The pool doesn't know it any more. */
  private boolean isGone;

  /** Whether it has no name any more. */
  public boolean isNameless() {
    lock.lock();
    try {
      return isNameless;
    } finally {
      lock.unlock();
    }
  }

  /** Whether the pool keeps it for this client, or was asked to. */
  public boolean isPinned() {
    lock.lock();
    try {
      return isPinned;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Its last name is gone.
   *
   * @param isPinnedByThat whether the operation that removed it has pinned the file
   * @return whether the caller has to ask the pool to pin it
   */
  public boolean lostName(boolean isPinnedByThat) {
    lock.lock();
    try {
      isNameless = true;
      isNameIndeterminate = false;
      boolean isFirst = !isPinned && !isClosed;
      isPinned |= isFirst;
      return isFirst && !isPinnedByThat;
    } finally {
      lock.unlock();
    }
  }

  /** The pool has it with a name: a power cut has undone the removal. */
  public void foundNamed() {
    lock.lock();
    try {
      isNameless &= !isNameIndeterminate;
      isNameIndeterminate = false;
    } finally {
      lock.unlock();
    }
  }

  /** The pool couldn't be asked to pin it: it is asked again when the next leader is heard of. */
  public void pinFailed() {
    lock.lock();
    try {
      isPinned = false;
    } finally {
      lock.unlock();
    }
  }

  /**
   * The last handle is closed.
   *
   * @return whether the caller has to unpin it
   */
  public boolean closed() {
    lock.lock();
    try {
      boolean wasPinned = isPinned && !isGone;
      isClosed = true;
      isPinned = false;
      return wasPinned;
    } finally {
      lock.unlock();
    }
  }

  /** The session is lost, and with it perhaps the removal of the last name. */
  void sessionLost() {
    lock.lock();
    try {
      isNameIndeterminate = isNameless && !isGone;
    } finally {
      lock.unlock();
    }
  }

  /**
   * The pool doesn't know it any more.
   *
   * @return whether it had a name until now, as far as was known
   */
  boolean gone() {
    lock.lock();
    try {
      boolean hadName = !isNameless;
      isNameless = true;
      isGone = true;
      return hadName;
    } finally {
      lock.unlock();
    }
  }
}
