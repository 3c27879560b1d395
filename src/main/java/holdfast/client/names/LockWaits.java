package holdfast.client.names;

import holdfast.client.api.PendingLock;
import holdfast.client.file.FileHandle;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.metadata.op.FileLock;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.NamedThreads;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/**
 * Queues calls that wait for a lock, so that none occupies a thread. Each tries again when the pool
 * says that something was released, when something is released here, and every second besides. Any
 * thread.
 */
public final class LockWaits {
  /** Calls that wait at once; one more is refused with NO_LOCKS. */
  static final int WAITING_MAX = 1_024;

  private static final int LOCKER_COUNT = 2;
  private static final long RETRY_NS = TimeUnit.SECONDS.toNanos(1);
  private static final System.Logger LOG = System.getLogger(LockWaits.class.getName());

  private final LockManager lockManager;
  private final Deadlines deadlines;
  private final ThreadPoolExecutor lockers;
  private final ThreadPoolExecutor releaser;
  private final AtomicBoolean isReleasing = new AtomicBoolean();
  private final Thread retrier;
  private final ReentrantLock lock = new ReentrantLock();
  private final Set<Wait> waiting = new LinkedHashSet<>();
  private volatile boolean isClosed;

  public LockWaits(LockManager lockManager, Deadlines deadlines, NamedThreads threads) {
    this.lockManager = lockManager;
    this.deadlines = deadlines;
    lockers = threads.platformPool("locker", LOCKER_COUNT, WAITING_MAX);
    releaser = threads.platformPool("lock-releaser", 1, 1);
    retrier = threads.startPlatform("lock-retry", this::retry);
  }

  /** One call; its fields are guarded by {@link #lock}. */
  private final class Wait implements PendingLock {
    final FileHandle handle;
    final FileLock wanted;
    final Listener listener;
    boolean isQueued;
    boolean isTrying;

    /** Something was released since the last try began; else the pool is asked first. */
    boolean isWorthAnother;

    boolean isCancelled;

    Wait(FileHandle handle, FileLock wanted, Listener listener) {
      this.handle = handle;
      this.wanted = wanted;
      this.listener = listener;
    }

    @Override
    public void cancel() {
      lock.lock();
      try {
        isCancelled = true;
      } finally {
        lock.unlock();
      }
      LockSupport.unpark(retrier);
    }
  }

  /** Waits for the lock from now on; NO_LOCKS when too many wait. */
  public PendingLock await(FileHandle handle, FileLock wanted, PendingLock.Listener listener) {
    var wait = new Wait(handle, wanted, listener);
    lock.lock();
    try {
      if (waiting.size() >= WAITING_MAX || isClosed) {
        throw new HoldfastException(
            ErrorCode.NO_LOCKS, "wait for lock: expected=" + WAITING_MAX + " calls at most");
      }
      waiting.add(wait);
      queue(wait, false);
    } finally {
      lock.unlock();
    }
    return wait;
  }

  /** A lock of this file may be free. Doesn't block. */
  public void wake(long inode) {
    wakeAll(wait -> wait.handle.inode() == inode, false);
  }

  /** Any may be free. Doesn't block. */
  public void wakeAll() {
    wakeAll(wait -> true, false);
  }

  private void wakeAll(Predicate<Wait> which, boolean isToAsk) {
    lock.lock();
    try {
      waiting.stream().filter(which).forEach(wait -> queue(wait, isToAsk));
    } finally {
      lock.unlock();
    }
  }

  /** Called under the lock. */
  private void queue(Wait wait, boolean isToAsk) {
    wait.isWorthAnother |= !isToAsk;
    if (wait.isQueued || wait.isTrying) {
      return;
    }
    try {
      wait.isQueued = true;
      lockers.execute(() -> attempt(wait));
    } catch (RejectedExecutionException e) {
      wait.isQueued = false;
      LOG.log(Level.DEBUG, "try for lock: too many at once, later");
    }
  }

  private void attempt(Wait wait) {
    boolean isToAsk;
    lock.lock();
    try {
      wait.isQueued = false;
      isToAsk = !wait.isWorthAnother;
      if (wait.isCancelled || !waiting.contains(wait)) {
        return;
      }
      wait.isTrying = true;
      wait.isWorthAnother = false;
    } finally {
      lock.unlock();
    }
    HoldfastException failure = null;
    try {
      Deadline deadline = deadlines.begin();
      if (isToAsk && !lockManager.isFree(wait.handle, wait.wanted, deadline)) {
        failure = new HoldfastException(ErrorCode.LOCKED, "wait for lock: was=held by another");
      } else {
        lockManager.set(wait.handle, wait.wanted, deadline);
      }
    } catch (HoldfastException e) {
      failure = e;
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "wait for lock", e);
      failure = new HoldfastException(ErrorCode.INTERNAL, "wait for lock: " + e, e);
    }
    attempted(wait, failure);
  }

  private void attempted(Wait wait, HoldfastException failureOrNull) {
    boolean isOver = failureOrNull == null || failureOrNull.code() != ErrorCode.LOCKED;
    boolean isTooLate = false;
    boolean isCancelled;
    lock.lock();
    try {
      wait.isTrying = false;
      isCancelled = wait.isCancelled;
      if (isOver) {
        isTooLate = !waiting.remove(wait);
      } else if (wait.isWorthAnother && waiting.contains(wait)) {
        queue(wait, false);
      }
    } finally {
      lock.unlock();
    }
    if (isOver && !isTooLate) {
      wait.listener.onEnd(failureOrNull);
    } else if (isTooLate && failureOrNull == null) {
      lockManager.returnLock(wait.handle, wait.wanted);
      wake(wait.handle.inode());
    } else if (isCancelled) {
      LockSupport.unpark(retrier);
    }
  }

  private void retry() {
    long triedNs = deadlines.nowNs();
    while (!isClosed) {
      LockSupport.parkNanos(RETRY_NS);
      endCancelled();
      if (deadlines.nowNs() - triedNs >= RETRY_NS) {
        triedNs = deadlines.nowNs();
        release();
        wakeAll(wait -> true, true);
      }
    }
  }

  /** On another thread: it may take long, and signals are to be heard meanwhile. */
  private void release() {
    if (!isReleasing.compareAndSet(false, true)) {
      return;
    }
    try {
      releaser.execute(
          () -> {
            try {
              lockManager.releaseUnreleased();
            } catch (RuntimeException e) {
              LOG.log(Level.ERROR, "release locks", e);
            } finally {
              isReleasing.set(false);
            }
          });
    } catch (RejectedExecutionException e) {
      isReleasing.set(false);
      LOG.log(Level.DEBUG, "release locks: the file system is closed");
    }
  }

  /**
   * A try whose owner has locks of the file already isn't abandoned while it is in flight:
   * releasing what it was granted would release what the owner had before.
   */
  private boolean isToEnd(Wait wait) {
    return wait.isCancelled && !(wait.isTrying && lockManager.hasLocks(wait.handle, wait.wanted));
  }

  private void endCancelled() {
    List<Wait> cancelled;
    lock.lock();
    try {
      cancelled = waiting.stream().filter(this::isToEnd).toList();
      cancelled.forEach(waiting::remove);
    } finally {
      lock.unlock();
    }
    for (Wait wait : cancelled) {
      wait.listener.onEnd(
          new HoldfastException(ErrorCode.INTERRUPTED, "wait for lock: ended by a signal"));
    }
  }

  /** Ends all waiting. */
  public void close() {
    List<Wait> left;
    lock.lock();
    try {
      isClosed = true;
      left = new ArrayList<>(waiting);
      waiting.clear();
    } finally {
      lock.unlock();
    }
    LockSupport.unpark(retrier);
    for (Wait wait : left) {
      wait.listener.onEnd(
          new HoldfastException(ErrorCode.SHUTTING_DOWN, "wait for lock: unmounting"));
    }
    lockers.shutdown();
    releaser.shutdown();
  }
}
