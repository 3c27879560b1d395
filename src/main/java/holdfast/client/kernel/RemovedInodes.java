package holdfast.client.kernel;

import holdfast.metadata.op.Attributes;
import holdfast.util.BoundedMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The last attributes of inodes that lost their last name here, for who has one open still: a
 * directory, a pipe or a symbolic link, of which the file system hears neither open nor close. The
 * kernel forgets an inode when nobody has it any more, and then so do we. Any thread.
 */
public final class RemovedInodes {
  /** Beyond it the oldest goes, and its stat(2) fails: hardly anybody keeps removed things open. */
  static final int REMEMBERED_MAX = 4_096;

  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, Attributes> removed = BoundedMap.of(REMEMBERED_MAX);

  /** Remembers it if it has no name any more. */
  public void remember(Attributes after) {
    if (after.linkCount() > 0) {
      return;
    }
    lock.lock();
    try {
      removed.put(after.inode(), after);
    } finally {
      lock.unlock();
    }
  }

  /** Its attributes when it was removed; null if it wasn't, or was forgotten. */
  public Attributes orNull(long inode) {
    lock.lock();
    try {
      return removed.get(inode);
    } finally {
      lock.unlock();
    }
  }

  /** The kernel knows it no more. */
  public void forget(long inode) {
    lock.lock();
    try {
      removed.remove(inode);
    } finally {
      lock.unlock();
    }
  }
}
