package holdfast.client;

import holdfast.port.Loop;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.PriorityQueue;

/** A loop that runs when a test says so, with a clock that moves when a test says so. */
public final class ManualLoop implements Loop {
  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final PriorityQueue<Pending> timers =
      new PriorityQueue<>(
          Comparator.comparingLong((Pending timer) -> timer.deadlineNs)
              .thenComparingLong(timer -> timer.number));
  private long nowNs = 1_000_000_000_000L;
  private long awakeSinceNs = nowNs;
  private long nextNumber;

  private static final class Pending implements Timer {
    private final long deadlineNs;
    private final long number;
    private final Runnable task;
    private boolean isCancelled;

    Pending(long deadlineNs, long number, Runnable task) {
      this.deadlineNs = deadlineNs;
      this.number = number;
      this.task = task;
    }

    @Override
    public void cancel() {
      isCancelled = true;
    }
  }

  @Override
  public long nowNs() {
    return nowNs;
  }

  @Override
  public long awakeSinceNs() {
    return awakeSinceNs;
  }

  /** The machine sleeps: time passes, and nothing runs until something lets the loop go on. */
  public void sleep(long forNs) {
    nowNs += forNs;
    awakeSinceNs = nowNs;
  }

  @Override
  public void post(Runnable task) {
    tasks.add(task);
  }

  @Override
  public Timer at(long deadlineNs, String name, Runnable task) {
    var timer = new Pending(deadlineNs, nextNumber++, task);
    timers.add(timer);
    return timer;
  }

  /** Runs what is due now. */
  void run() {
    advance(0);
  }

  /** Lets time pass and runs everything that becomes due, in order. */
  public void advance(long byNs) {
    long untilNs = nowNs + byNs;
    while (true) {
      Runnable task = tasks.poll();
      if (task != null) {
        task.run();
      } else if (!timers.isEmpty() && timers.peek().deadlineNs <= untilNs) {
        Pending timer = timers.poll();
        nowNs = Math.max(nowNs, timer.deadlineNs);
        if (!timer.isCancelled) {
          timer.task.run();
        }
      } else {
        nowNs = untilNs;
        return;
      }
    }
  }
}
