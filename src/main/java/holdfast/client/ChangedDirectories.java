package holdfast.client;

import holdfast.metadata.Operation;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.FileService;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Directories that this client has changed and that may not be on disk yet. When the session is
 * lost, a power cut may have taken the changes: who asks to force such a directory then is told so,
 * once. Any thread.
 */
final class ChangedDirectories {
  /** Most that are remembered, changed or lost. */
  static final int REMEMBERED_MAX = 16_384;

  /** Longer than peers take to force everything by themselves. */
  private static final long FORCED_AFTER_NS = TimeUnit.SECONDS.toNanos(5);

  private final ReentrantLock lock = new ReentrantLock();

  /** When it was changed last, eldest first. */
  private final Map<Long, Long> changed = new LinkedHashMap<>();

  private final Set<Long> lost = Collections.newSetFromMap(new LinkedHashMap<>());
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
    lock.lock();
    try {
      if (session != sessionCount) {
        lost.addAll(directories);
        bound(lost);
        return;
      }
      // The session lives: what was changed in it so long ago is on disk.
      var eldest = changed.values().iterator();
      while (eldest.hasNext() && nowNs - eldest.next() > FORCED_AFTER_NS) {
        eldest.remove();
      }
      for (long directory : directories) {
        changed.remove(directory);
        changed.put(directory, nowNs);
      }
      bound(changed.keySet());
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

  private static void bound(Set<Long> remembered) {
    var eldest = remembered.iterator();
    while (remembered.size() > REMEMBERED_MAX) {
      eldest.next();
      eldest.remove();
    }
  }

  void onSessionLost() {
    lock.lock();
    try {
      sessionCount++;
      lost.addAll(changed.keySet());
      bound(lost);
      changed.clear();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Has the directory's changes forced: when this returns, they are on disk at a majority. Throws
   * STORE_FAILED, once, if a change of it may have been lost before. Blocks until the deadline at
   * most.
   */
  void force(long directory, FileService service, Waits waits) {
    long deadlineNs = waits.deadlineNs();
    while (true) {
      ClientId under = service.client();
      throwLost(directory);
      try {
        waits.await(service.forceLog(under, deadlineNs), deadlineNs);
        return;
      } catch (HoldfastException e) {
        if (e.code() != ErrorCode.NO_SESSION || deadlineNs - waits.nowNs() <= 0) {
          throw SaveFailure.of(e);
        }
      }
    }
  }

  private void throwLost(long directory) {
    lock.lock();
    try {
      if (lost.remove(directory)) {
        throw LostContent.ofDirectory(directory);
      }
    } finally {
      lock.unlock();
    }
  }
}
