package holdfast.client;

import holdfast.metadata.FileLock;
import holdfast.metadata.LockFamily;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Whose locks the pool has for this client's session, and by which handles they were asked for. Any
 * thread.
 */
final class HeldLocks {
  /** Somebody who has locks of a file. */
  record Owner(long inode, LockFamily family, long number) {
    static Owner of(long inode, FileLock lock) {
      return new Owner(inode, lock.family(), lock.owner());
    }
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Owner, Set<FileHandle>> handles = new HashMap<>();
  private long losses;

  /** How many sessions have been lost: what was granted before the last loss is gone. */
  long losses() {
    lock.lock();
    try {
      return losses;
    } finally {
      lock.unlock();
    }
  }

  /** Notes a lock that was asked for at {@code since}; false if its session is gone already. */
  boolean add(Owner owner, FileHandle handle, long since) {
    lock.lock();
    try {
      if (losses != since) {
        return false;
      }
      handles.computeIfAbsent(owner, key -> new HashSet<>()).add(handle);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Whether it may have locks. */
  boolean contains(Owner owner) {
    lock.lock();
    try {
      return handles.containsKey(owner);
    } finally {
      lock.unlock();
    }
  }

  /** It has none any more; by which handles it had asked. */
  Set<FileHandle> remove(Owner owner) {
    lock.lock();
    try {
      Set<FileHandle> removed = handles.remove(owner);
      return removed == null ? Set.of() : removed;
    } finally {
      lock.unlock();
    }
  }

  /** Who has asked by this handle. */
  List<Owner> ownersBy(FileHandle handle) {
    lock.lock();
    try {
      var owners = new ArrayList<Owner>();
      handles.forEach(
          (owner, by) -> {
            if (by.contains(handle)) {
              owners.add(owner);
            }
          });
      return owners;
    } finally {
      lock.unlock();
    }
  }

  /** The session is lost, and every lock with it: by which handles they were asked for. */
  Set<FileHandle> loseAll() {
    lock.lock();
    try {
      losses++;
      var lost = new HashSet<FileHandle>();
      handles.values().forEach(lost::addAll);
      handles.clear();
      return lost;
    } finally {
      lock.unlock();
    }
  }
}
