package holdfast.client.pool;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.BoundedMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Reports lost changes of modes, owners, times and extended attributes, as {@link
 * ChangedDirectories} does for names: remembers those of this client that may not be on disk yet,
 * and after a lost session whether the pool still has them. Any thread.
 */
public final class ChangedAttributes {
  /** Most that are remembered of either map. */
  static final int REMEMBERED_MAX = 16_384;

  /** Longer than peers take to force everything by themselves. */
  private static final long FORCED_AFTER_NS = TimeUnit.SECONDS.toNanos(5);

  /**
   * The last change of an inode.
   *
   * @param after what it had then
   * @param isXattr of its extended attributes, of which {@code after} has the number only
   */
  private record Changed(long answeredNs, Attributes after, boolean isXattr, boolean isLost) {
    Changed lost() {
      return new Changed(answeredNs, after, isXattr, true);
    }

    /** Whether what another change of the inode left as it was isn't as it was after this one. */
    boolean isGoneBeside(Operation operation, Attributes now) {
      int set = operation instanceof Operation.SetAttributes its ? its.mask() : 0;
      return isOther(set, Operation.SetAttributes.MODE, now.mode(), after.mode())
          || isOther(set, Operation.SetAttributes.UID, now.uid(), after.uid())
          || isOther(set, Operation.SetAttributes.GID, now.gid(), after.gid())
          || isOther(set, Operation.SetAttributes.ATIME, now.atimeNs(), after.atimeNs());
    }

    private static boolean isOther(int set, int field, long now, long before) {
      return (set & field) == 0 && now != before;
    }

    /** Changes by others since, or of the content, have a later time, or left what this set. */
    boolean isGoneFrom(Attributes found) {
      boolean isSame =
          !isXattr
              && found.mode() == after.mode()
              && found.uid() == after.uid()
              && found.gid() == after.gid()
              && found.mtimeNs() == after.mtimeNs()
              && found.atimeNs() == after.atimeNs();
      return isLost || !isSame && found.ctimeNs() < after.ctimeNs();
    }
  }

  private final ReentrantLock lock = new ReentrantLock();

  /** Eldest first. */
  private final Map<Long, Changed> changed = BoundedMap.of(REMEMBERED_MAX);

  /** Changes of lost sessions, of which the pool may have lost any. */
  private final Map<Long, Changed> indeterminate = BoundedMap.of(REMEMBERED_MAX);

  private long sessionCount;

  /** Inodes whose ctime an operation advances, besides that of what it makes or removes. */
  public static List<Long> inodes(Operation operation) {
    var inodes = new ArrayList<>(DirectoryChange.directories(operation));
    switch (operation) {
      case Operation.SetAttributes set -> inodes.add(set.inode());
      case Operation.SetXattr set -> inodes.add(set.inode());
      case Operation.RemoveXattr remove -> inodes.add(remove.inode());
      case Operation.Link link -> inodes.add(link.inode());
      case Operation.Rename rename -> inodes.add(rename.inode());
      default -> {
        // Of the others a directory's at most.
      }
    }
    return inodes;
  }

  /** Whether an operation changes what is remembered here. */
  public static boolean isOf(Operation operation) {
    return operation instanceof Operation.SetAttributes || isXattr(operation);
  }

  private static boolean isXattr(Operation operation) {
    return operation instanceof Operation.SetXattr || operation instanceof Operation.RemoveXattr;
  }

  /** Counts the sessions that were lost. */
  public long sessionCount() {
    lock.lock();
    try {
      return sessionCount;
    } finally {
      lock.unlock();
    }
  }

  /**
   * The pool has made a change.
   *
   * @param session the count before it was asked for
   */
  public void changed(Operation operation, Attributes after, long session, long nowNs) {
    lock.lock();
    try {
      var eldest = changed.values().iterator();
      while (eldest.hasNext() && nowNs - eldest.next().answeredNs() > FORCED_AFTER_NS) {
        eldest.remove(); // The session lives: what was changed in it so long ago is on disk.
      }
      // One that was in flight when the session was lost was made before that, or again since.
      Map<Long, Changed> remembered = session == sessionCount ? changed : indeterminate;
      Changed old = remembered.remove(after.inode());
      boolean isLost = old != null && old.isLost();
      isLost |= old != null && session != sessionCount && old.isGoneBeside(operation, after);
      boolean isXattr = isXattr(operation) || old != null && old.isXattr();
      remembered.put(after.inode(), new Changed(nowNs, after, isXattr, isLost));
    } finally {
      lock.unlock();
    }
  }

  /** To be called after all open files are indeterminate. */
  public void onSessionLost() {
    lock.lock();
    try {
      sessionCount++;
      changed.forEach(
          (inode, last) ->
              indeterminate.merge(inode, last, (old, now) -> old.isLost() ? now.lost() : now));
      changed.clear();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the pool may have lost a change of the inode. */
  public boolean isIndeterminate(long inode) {
    return indeterminateOrNull(inode) != null;
  }

  private Changed indeterminateOrNull(long inode) {
    lock.lock();
    try {
      return indeterminate.get(inode);
    } finally {
      lock.unlock();
    }
  }

  /**
   * The inode was found like this since the session was lost: whether it has lost a change, which
   * is remembered until it is reported.
   */
  public boolean isLostFrom(Attributes found) {
    lock.lock();
    try {
      Changed last = indeterminate.get(found.inode());
      boolean isLost = last != null && last.isGoneFrom(found);
      if (isLost) {
        indeterminate.put(found.inode(), last.lost());
      } else {
        indeterminate.remove(found.inode());
      }
      return isLost;
    } finally {
      lock.unlock();
    }
  }

  /** Whether the inode is known to have lost a change: once. */
  public boolean takeLost(long inode) {
    lock.lock();
    try {
      Changed last = indeterminate.get(inode);
      boolean isLost = last != null && last.isLost();
      if (isLost) {
        indeterminate.remove(inode);
        changed.remove(inode);
      }
      return isLost;
    } finally {
      lock.unlock();
    }
  }

  /** A loss of the inode's is reported: what was changed before may be part of it. */
  public void reported(long inode) {
    lock.lock();
    try {
      indeterminate.remove(inode);
      changed.remove(inode);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Something of the inode is about to be changed, after which an earlier change may not be missed
   * any more: finds out before whether it is lost. Blocks until the deadline at most.
   */
  public void beforeChange(
      long inode, PoolService service, Deadlines deadlines, Deadline deadline) {
    Changed last = indeterminateOrNull(inode);
    if (last == null || last.isLost()) {
      return;
    }
    boolean isLost = isGone(last, service, deadlines, deadline);
    lock.lock();
    try {
      if (isLost) {
        indeterminate.replace(inode, last, last.lost());
      } else {
        indeterminate.remove(inode, last);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Throws STORE_FAILED, once, if a change of the directory's own attributes is lost. */
  public void vouchForDirectory(
      long directory, PoolService service, Deadlines deadlines, Deadline deadline) {
    Changed last = indeterminateOrNull(directory);
    if (last == null) {
      return;
    }
    if (isGone(last, service, deadlines, deadline)) {
      reported(directory);
      throw LostContent.ofAttributes(directory);
    }
    lock.lock();
    try {
      indeterminate.remove(directory, last);
    } finally {
      lock.unlock();
    }
  }

  private static boolean isGone(
      Changed last, PoolService service, Deadlines deadlines, Deadline deadline) {
    if (last.isLost()) {
      return true;
    }
    var query = new Query.GetAttributes(last.after().inode());
    PoolService.Answered answered = deadlines.await(service.ask(query, deadline), deadline);
    if (answered.stale()) {
      throw new HoldfastException(
          ErrorCode.NO_QUORUM,
          "look at changed attributes: expected=a leader, was=an older state only; start the peers"
              + " that are missing");
    }
    // An inode that is gone has lost more than that: a call for it fails.
    return answered.answer() instanceof Answer.Inode found && last.isGoneFrom(found.attributes());
  }
}
