package holdfast.client.pool;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Directories that this client has changed and that may not be on disk yet. When the session is
 * lost, a power cut may have taken the changes: who asks to force such a directory then is told so,
 * once, if the last of them isn't there any more. Any thread.
 */
public final class ChangedDirectories {
  /** Most that are remembered, changed or lost. */
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
   * The last change known when the session was lost, and the last of those that were under way
   * then: these were made before that, or again in the next session.
   */
  private record Doubt(DirectoryChange known, DirectoryChange underWay) {}

  /** It is known that changes are lost. */
  private static final Doubt LOST = new Doubt(null, null);

  /** Eldest first. */
  private final Map<Long, Changed> changed = new LinkedHashMap<>();

  /** Those of sessions that were lost: are they still there? */
  private final Map<Long, Doubt> doubtful = new LinkedHashMap<>();

  private long sessionCount;

  /**
   * Counts the sessions that were lost: taken before {@link #beforeChange}, so that a change that
   * none was looked for before is known as one that was under way.
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
          wasUnderWay(change);
        }
      }
      bound(changed);
      bound(doubtful);
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
  private void wasUnderWay(DirectoryChange change) {
    doubtful.merge(
        change.directory(),
        new Doubt(change, change),
        (old, now) -> {
          if (old == LOST
              || change.version() == old.known().version()
              || change.version() == old.underWay().version()) {
            return LOST;
          }
          if (change.version() < old.underWay().version()) {
            return old;
          }
          return change.proves(old.known()) ? now : new Doubt(old.known(), change);
        });
  }

  private static void bound(Map<Long, ?> remembered) {
    var eldest = remembered.keySet().iterator();
    while (remembered.size() > REMEMBERED_MAX) {
      eldest.next();
      eldest.remove();
    }
  }

  public void onSessionLost() {
    lock.lock();
    try {
      sessionCount++;
      changed.forEach(
          (directory, now) ->
              doubtful.merge(
                  directory,
                  new Doubt(now.last(), now.last()),
                  (old, doubt) -> old == LOST ? LOST : doubt));
      bound(doubtful);
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
    long deadlineNs = deadlines.deadlineNs();
    while (true) {
      ClientId under = service.client();
      try {
        vouch(directory, service, deadlines, deadlineNs);
        deadlines.await(service.forceLog(under, deadlineNs), deadlineNs);
        return;
      } catch (HoldfastException e) {
        if (e.code() != ErrorCode.NO_SESSION || deadlineNs - deadlines.nowNs() <= 0) {
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
      Operation operation, PoolService service, Deadlines deadlines, long deadlineNs) {
    for (long directory : DirectoryChange.directories(operation)) {
      Doubt doubt = doubtOrNull(directory);
      if (doubt != null && doubt != LOST) {
        boolean isLost = isLost(doubt, service, deadlines, deadlineNs);
        lock.lock();
        try {
          if (isLost) {
            doubtful.replace(directory, doubt, LOST);
          } else {
            doubtful.remove(directory, doubt);
          }
        } finally {
          lock.unlock();
        }
      }
    }
  }

  private Doubt doubtOrNull(long directory) {
    lock.lock();
    try {
      return doubtful.get(directory);
    } finally {
      lock.unlock();
    }
  }

  /** Throws STORE_FAILED, once, if a change of the directory is lost. */
  private void vouch(long directory, PoolService service, Deadlines deadlines, long deadlineNs) {
    Doubt doubt = doubtOrNull(directory);
    while (doubt != null) {
      boolean isLost = doubt == LOST || isLost(doubt, service, deadlines, deadlineNs);
      if (settle(directory, doubt)) {
        if (isLost) {
          throw LostContent.ofDirectory(directory);
        }
        return;
      }
      doubt = doubtOrNull(directory); // one that was under way has been answered meanwhile
    }
  }

  private boolean settle(long directory, Doubt doubt) {
    lock.lock();
    try {
      return doubtful.remove(directory, doubt);
    } finally {
      lock.unlock();
    }
  }

  private static boolean isLost(
      Doubt doubt, PoolService service, Deadlines deadlines, long deadlineNs) {
    return doubt.known().isLost(query -> ask(query, service, deadlines, deadlineNs))
        || (!doubt.underWay().equals(doubt.known())
            && doubt.underWay().isLost(query -> ask(query, service, deadlines, deadlineNs)));
  }

  private static Answer ask(
      Query query, PoolService service, Deadlines deadlines, long deadlineNs) {
    PoolService.Told told = deadlines.await(service.ask(query, deadlineNs), deadlineNs);
    if (told.stale()) {
      throw new HoldfastException(
          ErrorCode.NO_QUORUM,
          "look at changed directory: expected=a leader, was=an older state only; start the peers"
              + " that are missing");
    }
    return told.answer();
  }
}
