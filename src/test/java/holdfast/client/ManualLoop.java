package holdfast.client;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.Loop;
import holdfast.util.Invariants;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.PriorityQueue;

/**
 * A loop that runs when a test says so, with a clock that moves when a test says so. All on the
 * test's thread.
 */
public class ManualLoop implements Loop {
  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final PriorityQueue<Pending> timers =
      new PriorityQueue<>(
          Comparator.comparingLong((Pending timer) -> timer.deadlineNs)
              .thenComparingLong(timer -> timer.number));
  private long nowNs = 1_000_000_000_000L;
  private long awakeSinceNs = nowNs;
  private long nextNumber;
  private int pendingCount;

  private final class Pending implements Timer {
    private final long deadlineNs;
    private final long number;
    private final Runnable task;
    private boolean isDone;

    Pending(long deadlineNs, long number, Runnable task) {
      this.deadlineNs = deadlineNs;
      this.number = number;
      this.task = task;
    }

    @Override
    public void cancel() {
      pendingCount -= isDone ? 0 : 1;
      isDone = true;
    }

    void run() {
      if (!isDone) {
        pendingCount--;
        isDone = true;
        task.run();
      }
    }
  }

  @Override
  public final long nowNs() {
    return nowNs;
  }

  @Override
  public final long awakeSinceNs() {
    return awakeSinceNs;
  }

  /** The machine sleeps: time passes, and nothing runs until something lets the loop go on. */
  public final void sleep(long forNs) {
    nowNs += forNs;
    awakeSinceNs = forNs > PAUSE_NS ? nowNs : awakeSinceNs;
  }

  @Override
  public void post(Runnable task) {
    if (tasks.size() >= TASKS_MAX) {
      throw new HoldfastException(
          ErrorCode.BUSY, "post task: expected=at most " + TASKS_MAX + " waiting");
    }
    tasks.add(task);
  }

  @Override
  public final Timer at(long deadlineNs, String name, Runnable task) {
    Invariants.check(
        pendingCount < 2 * TIMERS_MAX, "start timer %s: %s pending", name, pendingCount);
    pendingCount++;
    var timer = new Pending(deadlineNs, nextNumber++, task);
    timers.add(timer);
    return timer;
  }

  /** Runs what is due now. */
  public final void run() {
    advance(0);
  }

  /** Lets time pass and runs everything that becomes due, in order. */
  public final void advance(long byNs) {
    long untilNs = nowNs + byNs;
    while (true) {
      Runnable task = tasks.poll();
      if (task != null) {
        task.run();
      } else if (!timers.isEmpty() && timers.peek().deadlineNs <= Math.max(untilNs, nowNs)) {
        Pending timer = timers.poll();
        nowNs = Math.max(nowNs, timer.deadlineNs);
        timer.run();
      } else {
        nowNs = Math.max(nowNs, untilNs);
        return;
      }
    }
  }
}
