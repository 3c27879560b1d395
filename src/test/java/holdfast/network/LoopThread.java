package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.port.Loop;
import holdfast.util.Invariants;
import holdfast.util.SystemClocks;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;

/** A node loop on a thread of its own. A task that throws is kept: tests ask for it at the end. */
public final class LoopThread implements Loop, AutoCloseable {
  private static final long TURN_MS = 20;

  private final AtomicReference<Thread> thread = new AtomicReference<>();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final ScheduledExecutorService executor =
      Executors.newSingleThreadScheduledExecutor(
          body -> {
            var made = new Thread(body, "test loop");
            made.setDaemon(true);
            thread.set(made);
            return made;
          });
  private final AtomicInteger waitingTasks = new AtomicInteger();
  private final ReentrantLock lock = new ReentrantLock();

  /** Guarded by the lock. */
  private final PriorityQueue<Pending> timers =
      new PriorityQueue<>(
          Comparator.comparingLong((Pending timer) -> timer.deadlineNs)
              .thenComparingLong(timer -> timer.number));

  private long nextNumber;

  /** When this thread read the clock last. */
  private long readNs = SystemClocks.monotonic().nowNs();

  private long awakeSinceNs = readNs;

  public LoopThread() {
    // However little there is to do, it looks at its clock.
    executor.scheduleWithFixedDelay(this::runDue, TURN_MS, TURN_MS, TimeUnit.MILLISECONDS);
  }

  private final class Pending implements Timer {
    private final long deadlineNs;
    private final long number;
    private final Runnable task;

    Pending(long deadlineNs, long number, Runnable task) {
      this.deadlineNs = deadlineNs;
      this.number = number;
      this.task = task;
    }

    @Override
    public void cancel() {
      lock.lock();
      try {
        timers.remove(this);
      } finally {
        lock.unlock();
      }
    }
  }

  @Override
  public long nowNs() {
    long nowNs = SystemClocks.monotonic().nowNs();
    if (Thread.currentThread() == thread.get()) {
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
    if (waitingTasks.incrementAndGet() > TASKS_MAX) {
      waitingTasks.decrementAndGet();
      throw new HoldfastException(
          ErrorCode.BUSY, "post task: expected=at most " + TASKS_MAX + " waiting");
    }
    try {
      executor.execute(
          () -> {
            waitingTasks.decrementAndGet();
            runGuarded(task);
          });
    } catch (RejectedExecutionException e) {
      throw new NetworkException(ErrorCode.SHUTTING_DOWN, "test loop: closed", e);
    }
  }

  @Override
  public Timer at(long deadlineNs, String name, Runnable task) {
    Pending timer;
    boolean isFirst;
    lock.lock();
    try {
      Invariants.check(
          timers.size() < 2 * TIMERS_MAX, "start timer %s: %s pending", name, timers.size());
      timer = new Pending(deadlineNs, nextNumber++, task);
      timers.add(timer);
      isFirst = timers.peek() == timer;
    } finally {
      lock.unlock();
    }
    if (isFirst) {
      wakeAt(deadlineNs);
    }
    return timer;
  }

  private void wakeAt(long deadlineNs) {
    try {
      executor.schedule(this::runDue, deadlineNs - nowNs(), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      throw new NetworkException(ErrorCode.SHUTTING_DOWN, "test loop: closed", e);
    }
  }

  private void runDue() {
    for (Pending due = nextDue(); due != null; due = nextDue()) {
      runGuarded(due.task);
    }
  }

  private Pending nextDue() {
    long nowNs = nowNs();
    lock.lock();
    try {
      Pending first = timers.peek();
      if (first != null && first.deadlineNs <= nowNs) {
        return timers.poll();
      }
      if (first != null && first.deadlineNs - nowNs < TimeUnit.MILLISECONDS.toNanos(TURN_MS)) {
        wakeAt(first.deadlineNs);
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  /** Runs a task on the loop and waits for it. */
  void run(Runnable task) {
    try {
      executor.submit(task).get(10, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError("task on the loop", e);
    }
  }

  /** Whether it is called on the loop's thread. */
  boolean isThis() {
    return Thread.currentThread() == thread.get();
  }

  /** What a task threw, or null. */
  public Throwable failure() {
    return failure.get();
  }

  @Override
  public void close() {
    executor.shutdownNow();
  }

  /** The loop goes on with the next task. */
  private void runGuarded(Runnable task) {
    nowNs();
    try {
      task.run();
    } catch (RuntimeException | Error e) {
      failure.compareAndSet(null, e);
    }
  }
}
