package holdfast.client;

import holdfast.metadata.Answer;
import holdfast.metadata.Operation;
import holdfast.metadata.Query;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.FileService;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Directories that this client has changed and that may not be on disk yet. When the session is
 * lost, a power cut may have taken the changes: who asks to force such a directory then is told so,
 * once, if its time of change has gone back. Any thread.
 */
final class ChangedDirectories {
  /** Most that are remembered, changed or lost. */
  static final int REMEMBERED_MAX = 16_384;

  /** Longer than peers take to force everything by themselves. */
  private static final long FORCED_AFTER_NS = TimeUnit.SECONDS.toNanos(5);

  private final ReentrantLock lock = new ReentrantLock();

  /**
   * The last change of a directory.
   *
   * @param answeredNs on the monotonic clock
   * @param timeNs the directory's time of change since, as this client gave it
   */
  private record Change(long answeredNs, long timeNs) {}

  /** One that is known to be lost. */
  private static final Change LOST = new Change(0, 0);

  /** Eldest first. */
  private final Map<Long, Change> changed = new LinkedHashMap<>();

  /** Those of sessions that were lost: are they still there? */
  private final Map<Long, Change> doubtful = new LinkedHashMap<>();

  private long sessionCount;

  /** Counts the sessions that were lost: taken before a change is asked for. */
  long sessionCount() {
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
   * @param session the count when it was asked for
   */
  void changed(Operation operation, long session, long nowNs) {
    List<Long> directories = directories(operation);
    if (directories.isEmpty()) {
      return;
    }
    var change = new Change(nowNs, operation.timeNs());
    lock.lock();
    try {
      if (session != sessionCount) {
        directories.forEach(directory -> doubt(directory, change));
        bound(doubtful);
        return;
      }
      // The session lives: what was changed in it so long ago is on disk.
      var eldest = changed.values().iterator();
      while (eldest.hasNext() && nowNs - eldest.next().answeredNs() > FORCED_AFTER_NS) {
        eldest.remove();
      }
      for (long directory : directories) {
        changed.remove(directory);
        changed.put(directory, change);
      }
      bound(changed);
    } finally {
      lock.unlock();
    }
  }

  private static List<Long> directories(Operation operation) {
    return switch (operation) {
      case Operation.Create create -> List.of(create.parent());
      case Operation.Link link -> List.of(link.parent());
      case Operation.Unlink unlink -> List.of(unlink.parent());
      case Operation.RemoveDirectory remove -> List.of(remove.parent());
      case Operation.Rename rename -> List.of(rename.oldParent(), rename.newParent());
      default -> List.of();
    };
  }

  private void doubt(long directory, Change change) {
    doubtful.merge(directory, change, (old, now) -> old == LOST ? LOST : now);
  }

  private static void bound(Map<Long, Change> remembered) {
    var eldest = remembered.keySet().iterator();
    while (remembered.size() > REMEMBERED_MAX) {
      eldest.next();
      eldest.remove();
    }
  }

  void onSessionLost() {
    lock.lock();
    try {
      sessionCount++;
      changed.forEach(this::doubt);
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
  void force(long directory, FileService service, Waits waits) {
    long deadlineNs = waits.deadlineNs();
    while (true) {
      ClientId under = service.client();
      try {
        vouch(directory, service, waits, deadlineNs);
        waits.await(service.forceLog(under, deadlineNs), deadlineNs);
        return;
      } catch (HoldfastException e) {
        if (e.code() != ErrorCode.NO_SESSION || deadlineNs - waits.nowNs() <= 0) {
          throw SaveFailure.of(e);
        }
      }
    }
  }

  /**
   * A change is about to be made, which gives its directories another time: finds out before
   * whether an earlier one is lost. Blocks until the deadline at most.
   */
  void beforeChange(Operation operation, FileService service, Waits waits, long deadlineNs) {
    for (long directory : directories(operation)) {
      Change change = doubtfulOrNull(directory);
      if (change != null && change != LOST) {
        boolean isLost = isLost(directory, change, service, waits, deadlineNs);
        lock.lock();
        try {
          if (isLost) {
            doubtful.replace(directory, change, LOST);
          } else {
            doubtful.remove(directory, change);
          }
        } finally {
          lock.unlock();
        }
      }
    }
  }

  private Change doubtfulOrNull(long directory) {
    lock.lock();
    try {
      return doubtful.get(directory);
    } finally {
      lock.unlock();
    }
  }

  /** Throws STORE_FAILED, once, if a change of the directory is lost. */
  private void vouch(long directory, FileService service, Waits waits, long deadlineNs) {
    Change change = doubtfulOrNull(directory);
    if (change == null) {
      return;
    }
    boolean isLost = change == LOST || isLost(directory, change, service, waits, deadlineNs);
    lock.lock();
    try {
      doubtful.remove(directory, change);
    } finally {
      lock.unlock();
    }
    if (isLost) {
      throw LostContent.ofDirectory(directory);
    }
  }

  private static boolean isLost(
      long directory, Change change, FileService service, Waits waits, long deadlineNs) {
    FileService.Told told =
        waits.await(service.ask(new Query.GetAttributes(directory), deadlineNs), deadlineNs);
    if (told.stale()) {
      throw new HoldfastException(
          ErrorCode.NO_QUORUM,
          "look at changed directory: expected=a leader, was=an older state only; start the peers"
              + " that are missing");
    }
    return !(told.answer() instanceof Answer.Inode found)
        || found.attributes().ctimeNs() < change.timeNs();
  }
}
