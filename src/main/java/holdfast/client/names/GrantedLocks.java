package holdfast.client.names;

import holdfast.client.file.FileHandle;
import holdfast.client.file.Ranges;
import holdfast.metadata.op.FileLock;
import holdfast.metadata.op.LockFamily;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The locks that the pool has granted to this client's session: by owner, on which bytes at most,
 * and by which handles they were asked for. Any thread.
 */
final class GrantedLocks {
  /** An owner of locks of a file. */
  record Owner(long inode, LockFamily family, long number) {
    static Owner of(long inode, FileLock lock) {
      return new Owner(inode, lock.family(), lock.owner());
    }
  }

  /** All that an owner was granted. */
  private static final class Grant {
    final Set<FileHandle> handles = new HashSet<>();
    final Ranges ranges = new Ranges();
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Owner, Grant> all = new HashMap<>();
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

  /**
   * Adds a lock that was asked for at {@code since}; false if its session is gone already. To be
   * called when the pool has set it.
   */
  boolean add(Owner owner, Set<FileHandle> handles, FileLock added, long since) {
    lock.lock();
    try {
      if (losses != since) {
        return false;
      }
      handles.forEach(FileHandle::noteLock);
      Grant grant = all.computeIfAbsent(owner, key -> new Grant());
      grant.handles.addAll(handles);
      grant.ranges.add(Math.min(added.first(), Long.MAX_VALUE - 1), end(added));
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** A file has no byte at the largest number. */
  private static long end(FileLock lock) {
    return lock.last() == Long.MAX_VALUE ? lock.last() : lock.last() + 1;
  }

  /** Whether it may have locks. */
  boolean contains(Owner owner) {
    lock.lock();
    try {
      return all.containsKey(owner);
    } finally {
      lock.unlock();
    }
  }

  /**
   * It has none on these bytes any more; by which handles it had asked. To be called before the
   * pool releases it: another thread of the owner may set one as soon as that has happened.
   */
  Set<FileHandle> remove(Owner owner, FileLock removed) {
    lock.lock();
    try {
      Grant grant = all.get(owner);
      if (grant == null) {
        return Set.of();
      }
      grant.ranges.remove(removed.first(), end(removed));
      if (grant.ranges.isEmpty()) {
        all.remove(owner);
      }
      return Set.copyOf(grant.handles);
    } finally {
      lock.unlock();
    }
  }

  /** Who has asked by this handle. */
  List<Owner> ownersBy(FileHandle handle) {
    if (!handle.hasLocked()) {
      return List.of();
    }
    lock.lock();
    try {
      var owners = new ArrayList<Owner>();
      all.forEach(
          (owner, grant) -> {
            if (grant.handles.contains(handle)) {
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
      all.values().forEach(grant -> lost.addAll(grant.handles));
      all.clear();
      return lost;
    } finally {
      lock.unlock();
    }
  }
}
