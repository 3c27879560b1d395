package holdfast.client.fuse;

import holdfast.client.api.PoolFileSystem;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Calls that were answered with an error while they were still worked on: nothing moved for too
 * long, or their caller was killed. With the answer the kernel lets go of the locks that keep other
 * calls away until then, so they are kept away here: what changes an inode, its locks, or closes
 * it, comes behind the abandoned calls on that inode. Else a killed program's write or removal
 * would meet what its successor has made since, and a close would drop what isn't written yet. At
 * the end of an abandoned change the kernel is told that there is something of which it had no
 * answer. Any thread.
 */
final class AbandonedCalls {
  private final PoolFileSystem files;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition ended = lock.newCondition();
  private final Map<Long, Unfinished> byInode = new HashMap<>();
  private final Set<FuseRequest> waiting = new HashSet<>();
  private volatile int callCount;
  private long nextTurn = 1;

  /** What still runs on one inode, and the handles to be released after it. */
  private static final class Unfinished {
    final Set<FuseRequest> calls = new HashSet<>();
    final List<Long> toRelease = new ArrayList<>();
  }

  AbandonedCalls(PoolFileSystem files) {
    this.files = files;
  }

  /**
   * Answers for a call that goes on, unless that has happened. Under the lock, which its thread
   * takes at the call's end: so neither that end nor the session's overtakes the answer.
   *
   * @param then what is to be done before that end, too
   * @return whether this was the answer
   */
  boolean abandon(FuseRequest request, int errno, Runnable then) {
    lock.lock();
    try {
      if (!request.abandon()) {
        return false;
      }
      callCount++;
      if (request.call().kind().isOrdered()) {
        for (long inode : request.call().inodes()) {
          byInode.computeIfAbsent(inode, key -> new Unfinished()).calls.add(request);
        }
      }
      ended.signalAll(); // it may have waited for its turn
      request.send(errno);
      then.run();
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** How many run on. */
  int callCount() {
    return callCount;
  }

  /**
   * Waits for the abandoned calls that this one comes behind. A change that is abandoned itself
   * meanwhile has never happened.
   *
   * @return whether it is to be done now
   */
  boolean awaitTurn(FuseRequest request) {
    if (callCount == 0 || !request.call().kind().isOrdered()) {
      return true;
    }
    lock.lock();
    try {
      request.takeTurn(nextTurn++);
      if (!isAnyBefore(request)) {
        request.takeTurn(0);
        return true;
      }
      waiting.add(request);
      while (isAnyBefore(request)) {
        if (request.isAbandoned() && !request.call().kind().isDoneAnyway()) {
          return false;
        }
        ended.awaitUninterruptibly();
      }
      return true;
    } finally {
      waiting.remove(request);
      lock.unlock();
    }
  }

  /** Those that wait, wait for earlier ones only. */
  private boolean isAnyBefore(FuseRequest request) {
    for (long inode : request.call().inodes()) {
      Unfinished unfinished = byInode.get(inode);
      if (unfinished != null
          && unfinished.calls.stream().anyMatch(earlier -> isBehind(request, earlier))) {
        return true;
      }
    }
    return false;
  }

  private static boolean isBehind(FuseRequest request, FuseRequest earlier) {
    return earlier.turn() < request.turn()
        && request.call().kind().comesBehind(earlier.call().kind());
  }

  /**
   * The kernel's release of a handle: needs no turn, and no thread that waits for it.
   *
   * @return whether the last call that runs on the inode will release it
   */
  boolean releaseLater(long inode, long handle) {
    lock.lock();
    try {
      Unfinished unfinished = byInode.get(inode);
      if (unfinished == null) {
        return false;
      }
      unfinished.toRelease.add(handle);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * A call has ended that was abandoned or has waited for such. Blocks as a release does.
   *
   * @param isStopped the file system is being closed: it closes what is open by itself
   */
  void ended(FuseRequest request, boolean isStopped) {
    if (request.isAbandoned()) {
      endAndRelease(request, isStopped);
    }
    if (!isStopped && isToTell(request)) {
      files.changedUnseen(request.call().inode());
    }
  }

  private void endAndRelease(FuseRequest request, boolean isStopped) {
    boolean isDone = false;
    try {
      while (!isStopped && !isDone) {
        takeReleases(request).forEach(files::release);
        isDone = end(request, false);
      }
    } finally {
      if (!isDone) {
        end(request, true);
      }
    }
  }

  /**
   * Whether the kernel is to be told now. It has the inode's lock for changes that wait, and would
   * wait for them: the last of these tells it.
   */
  private boolean isToTell(FuseRequest request) {
    lock.lock();
    try {
      return request.call().kind().isChange()
          && waiting.stream().noneMatch(other -> other.call().isChangeBeside(request.call()));
    } finally {
      lock.unlock();
    }
  }

  /** The handles that nobody but this call's thread releases. */
  private List<Long> takeReleases(FuseRequest request) {
    var handles = new ArrayList<Long>();
    lock.lock();
    try {
      for (long inode : request.call().inodes()) {
        if (isLast(request, inode)) {
          handles.addAll(byInode.get(inode).toRelease);
          byInode.get(inode).toRelease.clear();
        }
      }
    } finally {
      lock.unlock();
    }
    return handles;
  }

  private boolean isLast(FuseRequest request, long inode) {
    Unfinished unfinished = byInode.get(inode);
    return unfinished != null && unfinished.calls.equals(Set.of(request));
  }

  /** False where it leaves handles to be released, unless it may. */
  private boolean end(FuseRequest request, boolean mayLeaveHandles) {
    lock.lock();
    try {
      long[] inodes = request.call().inodes();
      for (long inode : inodes) {
        boolean isLast = isLast(request, inode);
        if (isLast && !byInode.get(inode).toRelease.isEmpty() && !mayLeaveHandles) {
          return false;
        }
      }
      for (long inode : inodes) {
        if (isLast(request, inode)) {
          byInode.remove(inode);
        } else if (byInode.containsKey(inode)) {
          byInode.get(inode).calls.remove(request);
        }
      }
      callCount--;
      ended.signalAll();
      return true;
    } finally {
      lock.unlock();
    }
  }
}
