package holdfast.client.pool;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.BoundedMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Reports lost changes of directories to fsync(2): remembers those of this client that may not be
 * on disk yet. When the session is lost, a power cut may have lost the changes: a force of such a
 * directory then fails, once, if the last of them isn't there any more. Any thread.
 */
public final class ChangedDirectories {
  /** Most that are remembered of either map. */
  static final int REMEMBERED_MAX = 16_384;

  /** Longer than peers take to force everything by themselves. */
  private static final long FORCED_AFTER_NS = TimeUnit.SECONDS.toNanos(5);

  private final ReentrantLock lock = new ReentrantLock();

  /**
   * The last change of a directory.
   *
   * @param answeredNs when the newest one was answered, on the monotonic clock
   */
  private record Changed(long answeredNs, DirectoryChange last) {}

  /**
   * The last change known when the session was lost, and the last of those that were in flight
   * then: these were made before that, or again in the next session.
   */
  private record Indeterminate(DirectoryChange known, DirectoryChange inFlight) {}

  /** It is known that changes are lost. */
  private static final Indeterminate LOST = new Indeterminate(null, null);

  /** Eldest first. */
  private final Map<Long, Changed> changed = BoundedMap.of(REMEMBERED_MAX);

  /** Changes of lost sessions, of which the pool may have lost any. */
  private final Map<Long, Indeterminate> indeterminate = BoundedMap.of(REMEMBERED_MAX);

  private long sessionCount;

  /**
   * Counts the sessions that were lost: read before {@link #beforeChange}, so that a change that
   * none was looked for before is known as one that was in flight.
   */
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
  public void changed(Operation operation, OperationResult.Done done, long session, long nowNs) {
    lock.lock();
    try {
      for (DirectoryChange change : DirectoryChange.of(operation, done)) {
        if (session == sessionCount) {
          remember(change, nowNs);
        } else {
          wasInFlight(change);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private void remember(DirectoryChange change, long nowNs) {
    // The session lives: what was changed in it so long ago is on disk.
    var eldest = changed.values().iterator();
    while (eldest.hasNext() && nowNs - eldest.next().answeredNs() > FORCED_AFTER_NS) {
      eldest.remove();
    }
    Changed old = changed.remove(change.directory());
    // Answers of two threads may come in another order than their changes were made in.
    boolean isLast = old == null || change.version() > old.last().version();
    changed.put(change.directory(), new Changed(nowNs, isLast ? change : old.last()));
  }

  /** A number that another change had before was given again: that one is in no log any more. */
  private void wasInFlight(DirectoryChange change) {
    indeterminate.merge(
        change.directory(),
        new Indeterminate(change, change),
        (old, now) -> {
          if (old == LOST
              || change.version() == old.known().version()
              || change.version() == old.inFlight().version()) {
            return LOST;
          }
          if (change.version() < old.inFlight().version()) {
            return old;
          }
          return change.proves(old.known()) ? now : new Indeterminate(old.known(), change);
        });
  }

  public void onSessionLost() {
    lock.lock();
    try {
      sessionCount++;
      changed.forEach(
          (directory, now) ->
              indeterminate.merge(
                  directory,
                  new Indeterminate(now.last(), now.last()),
                  (old, unsettled) -> old == LOST ? LOST : unsettled));
      changed.clear();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Has the directory's changes forced: when this returns, they are on disk at a majority. Throws
   * STORE_FAILED, once, if a change of it was lost before. Blocks until the deadline at most.
   */
  public void force(long directory, PoolService service, Deadlines deadlines) {
    Deadline deadline = deadlines.begin();
    while (true) {
      ClientId under = service.client();
      try {
        vouch(directory, service, deadlines, deadline);
        deadlines.await(service.forceLog(under, deadline), deadline);
        return;
      } catch (HoldfastException e) {
        if (e.code() != ErrorCode.NO_SESSION || deadline.isOver()) {
          throw SaveFailure.of(e);
        }
      }
    }
  }

  /**
   * A change is about to be made, after which an earlier one may not be missed any more: finds out
   * before whether it is lost. Blocks until the deadline at most.
   */
  public void beforeChange(
      Operation operation, PoolService service, Deadlines deadlines, Deadline deadline) {
    for (long directory : DirectoryChange.directories(operation)) {
      Indeterminate unsettled = indeterminateOrNull(directory);
      if (unsettled != null && unsettled != LOST) {
        boolean isLost = isLost(unsettled, service, deadlines, deadline);
        lock.lock();
        try {
          if (isLost) {
            indeterminate.replace(directory, unsettled, LOST);
          } else {
            indeterminate.remove(directory, unsettled);
          }
        } finally {
          lock.unlock();
        }
      }
    }
  }

  private Indeterminate indeterminateOrNull(long directory) {
    lock.lock();
    try {
      return indeterminate.get(directory);
    } finally {
      lock.unlock();
    }
  }

  /** Throws STORE_FAILED, once, if a change of the directory is lost. */
  private void vouch(long directory, PoolService service, Deadlines deadlines, Deadline deadline) {
    Indeterminate unsettled = indeterminateOrNull(directory);
    while (unsettled != null) {
      boolean isLost = unsettled == LOST || isLost(unsettled, service, deadlines, deadline);
      if (settle(directory, unsettled)) {
        if (isLost) {
          throw LostContent.ofDirectory(directory);
        }
        return;
      }
      // One that was in flight may have been answered meanwhile.
      unsettled = indeterminateOrNull(directory);
    }
  }

  private boolean settle(long directory, Indeterminate unsettled) {
    lock.lock();
    try {
      return indeterminate.remove(directory, unsettled);
    } finally {
      lock.unlock();
    }
  }

  private static boolean isLost(
      Indeterminate unsettled, PoolService service, Deadlines deadlines, Deadline deadline) {
    return unsettled.known().isLost(query -> ask(query, service, deadlines, deadline))
        || (!unsettled.inFlight().equals(unsettled.known())
            && unsettled.inFlight().isLost(query -> ask(query, service, deadlines, deadline)));
  }

  private static Answer ask(
      Query query, PoolService service, Deadlines deadlines, Deadline deadline) {
    PoolService.Answered answered = deadlines.await(service.ask(query, deadline), deadline);
    if (answered.stale()) {
      throw new HoldfastException(
          ErrorCode.NO_QUORUM,
          "look at changed directory: expected=a leader, was=an older state only; start the peers"
              + " that are missing");
    }
    return answered.answer();
  }
}
