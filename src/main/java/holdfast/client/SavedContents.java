package holdfast.client;

import holdfast.metadata.Attributes;
import holdfast.model.ClientId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Which content versions this client has committed lately of which files, open or closed: a power
 * cut of all voters may take one that wasn't forced, and then what rests on it must not be done.
 * Any thread.
 */
final class SavedContents {
  /** Most that are remembered. */
  static final int REMEMBERED_MAX = 16_384;

  /** Much longer than peers take to force everything by themselves. */
  private static final long FORCED_AFTER_NS = TimeUnit.SECONDS.toNanos(30);

  private record Saved(ClientId under, long savedNs, long version) {}

  private final ReentrantLock lock = new ReentrantLock();

  /** Eldest first. */
  private final Map<Long, Saved> saved = new LinkedHashMap<>();

  /** The pool has acknowledged this version of a file, in the session of this id. */
  void saved(long inode, long version, ClientId under, long nowNs) {
    lock.lock();
    try {
      saved.remove(inode);
      saved.put(inode, new Saved(under, nowNs, Attributes.contentVersion(version)));
      var eldest = saved.values().iterator();
      while (eldest.hasNext()) {
        Saved next = eldest.next();
        // While a session lives, what was committed in it so long ago is on disk.
        boolean isForced = next.under().equals(under) && nowNs - next.savedNs() > FORCED_AFTER_NS;
        if (!isForced && saved.size() <= REMEMBERED_MAX) {
          return;
        }
        eldest.remove();
      }
    } finally {
      lock.unlock();
    }
  }

  /** The content version that a file must have at least, which the pool has told to be so. */
  long version(Attributes told) {
    lock.lock();
    try {
      Saved known = saved.get(told.inode());
      long toldVersion = Attributes.contentVersion(told.version());
      return known == null ? toldVersion : Math.max(known.version(), toldVersion);
    } finally {
      lock.unlock();
    }
  }

  /** Whether a file that has this version now has lost what was committed from here. */
  boolean isLost(long inode, long version) {
    lock.lock();
    try {
      Saved known = saved.get(inode);
      return known != null && known.version() > Attributes.contentVersion(version);
    } finally {
      lock.unlock();
    }
  }

  /** Its author was told that it is lost; whether it was remembered. */
  boolean forget(long inode) {
    lock.lock();
    try {
      return saved.remove(inode) != null;
    } finally {
      lock.unlock();
    }
  }
}
