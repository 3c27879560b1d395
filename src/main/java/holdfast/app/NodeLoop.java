package holdfast.app;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.Loop;
import holdfast.util.Invariants;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import java.util.ArrayDeque;
import java.util.PriorityQueue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * The loop of a real node: one platform thread that runs posted tasks in order and timers when they
 * are due. A task that throws ends the loop: a node whose state can't be trusted must not go on.
 *
 * <p>No wait of a thread counts the time in which the machine slept, but the clock does. So the
 * loop never waits for long: what became due in sleep runs within {@link #TURN_MAX_NS} of waking.
 */
final class NodeLoop implements Loop {
  /** Longest wait before the clock is read again. */
  static final long TURN_MAX_NS = 20_000_000L;

  private final MonotonicClock clock;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final PriorityQueue<Pending> timers = new PriorityQueue<>();
  private final Consumer<Throwable> onFailure;
  private final Thread thread;
  private long nextNumber;
  private int cancelledCount;
  private boolean isStopped;

  /** When this thread read the clock last. */
  private long readNs;

  private long awakeSinceNs;

  /**
   * Starts the loop's thread.
   *
   * @param onFailure called on the loop's thread, last, with what a task threw
   */
  NodeLoop(MonotonicClock clock, NamedThreads threads, Consumer<Throwable> onFailure) {
    this.clock = clock;
    this.onFailure = onFailure;
    this.readNs = clock.nowNs();
    this.awakeSinceNs = readNs;
    this.thread = threads.startPlatform("node-loop", this::run);
  }

  private final class Pending implements Timer, Comparable<Pending> {
    final long deadlineNs;
    final long number;

    /** Null once cancelled: what stays queued must not hold what it was about, such as a body. */
    Runnable task;

    boolean isCancelled;

    Pending(long deadlineNs, long number, Runnable task) {
      this.deadlineNs = deadlineNs;
      this.number = number;
      this.task = task;
    }

    @Override
    public void cancel() {
      lock.lock();
      try {
        if (!isCancelled) {
          isCancelled = true;
          task = null;
          // Taken out in bulk: one by one each would cost a search of the whole queue.
          if (++cancelledCount > timers.size() / 2 + 64) {
            timers.removeIf(timer -> timer.isCancelled);
            cancelledCount = 0;
          }
        }
      } finally {
        lock.unlock();
      }
    }

    @Override
    public int compareTo(Pending other) {
      int order = Long.compare(deadlineNs - other.deadlineNs, 0);
      return order != 0 ? order : Long.compare(number, other.number);
    }
  }

  @Override
  public long nowNs() {
    long nowNs = clock.nowNs();
    if (onLoop()) {
      awakeSinceNs = nowNs - readNs > PAUSE_NS ? nowNs : awakeSinceNs;
      readNs = nowNs;
    }
    return nowNs;
  }

  @Override
  public long awakeSinceNs() {
    nowNs(); // a pause that wasn't noticed yet
    return awakeSinceNs;
  }

  @Override
  public void post(Runnable task) {
    lock.lock();
    try {
      if (isStopped) {
        return;
      }
      if (tasks.size() >= TASKS_MAX) {
        throw new HoldfastException(
            ErrorCode.BUSY, "post task: expected=at most " + TASKS_MAX + " waiting");
      }
      tasks.add(task);
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Timer at(long deadlineNs, String name, Runnable task) {
    lock.lock();
    try {
      Invariants.check(
          timers.size() < 2 * TIMERS_MAX, "start timer %s: %s pending", name, timers.size());
      var timer = new Pending(deadlineNs, nextNumber++, task);
      timers.add(timer);
      changed.signal();
      return timer;
    } finally {
      lock.unlock();
    }
  }

  /** True on the loop thread. */
  boolean onLoop() {
    return Thread.currentThread() == thread;
  }

  /** Runs nothing more once the running task is done. Any thread. */
  void stop() {
    lock.lock();
    try {
      isStopped = true;
      tasks.clear();
      timers.clear();
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    try {
      for (Runnable task = next(); task != null; task = next()) {
        task.run();
      }
    } catch (Throwable e) {
      stop();
      onFailure.accept(e);
    }
  }

  /** The next task or due timer; waits for one; null once stopped. */
  private Runnable next() throws InterruptedException {
    lock.lock();
    try {
      while (!isStopped) {
        while (!timers.isEmpty() && timers.peek().isCancelled) {
          timers.poll();
          cancelledCount = Math.max(0, cancelledCount - 1);
        }
        Pending timer = timers.peek();
        long nowNs = nowNs();
        long leftNs = timer == null ? TURN_MAX_NS : timer.deadlineNs - nowNs;
        long waitNs = Math.min(leftNs, TURN_MAX_NS);
        if (waitNs <= 0) {
          timers.poll();
          timer.isCancelled = true; // a cancel from now on counts nothing
          Runnable due = timer.task;
          timer.task = null;
          return due;
        }
        Runnable task = tasks.poll();
        if (task != null) {
          return task;
        }
        changed.awaitNanos(waitNs);
      }
      return null;
    } finally {
      lock.unlock();
    }
  }
}
