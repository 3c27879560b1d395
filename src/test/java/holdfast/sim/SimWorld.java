package holdfast.sim;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/**
 * Simulated time and the one event queue that everything in a simulation runs from: ordered by
 * (time, sequence), so the same seed gives the same run.
 */
public final class SimWorld {
  public static final long MS = 1_000_000L;
  public static final long S = 1_000 * MS;

  /** More events at one moment mean that something spins. */
  private static final int EVENTS_AT_ONCE_MAX = 2_000_000;

  private final PriorityQueue<SimEvent> queue =
      new PriorityQueue<>(
          Comparator.comparingLong((SimEvent e) -> e.timeNs).thenComparingLong(e -> e.sequence));
  private final SplittableRandom random;
  private final SimTrace trace;
  private long nowNs = 1_000 * S;
  private long sequence;
  private int eventsAtOnce;
  private SimLoop current;

  public SimWorld(long seed) {
    random = new SplittableRandom(seed);
    trace = new SimTrace(Boolean.getBoolean("trace"));
  }

  /** One thing that will happen. */
  static final class SimEvent {
    private long timeNs;
    private long sequence;
    private final SimLoop loopOrNull;
    private final String name;
    private Runnable task;

    /** Null unless it comes from elsewhere: whether a sleeping machine misses it. */
    private BooleanSupplier isMissed;

    private SimEvent(long timeNs, long sequence, SimLoop loopOrNull, String name, Runnable task) {
      this.timeNs = timeNs;
      this.sequence = sequence;
      this.loopOrNull = loopOrNull;
      this.name = name;
      this.task = task;
    }

    void cancel() {
      task = null;
    }
  }

  public long nowNs() {
    return nowNs;
  }

  public SimTrace trace() {
    return trace;
  }

  /** A generator of its own, so that one part's draws don't shift another's. */
  public SplittableRandom split() {
    return random.split();
  }

  /** Runs {@code task} outside of any loop. */
  public void after(long delayNs, String name, Runnable task) {
    schedule(nowNs + delayNs, null, name, task);
  }

  SimEvent schedule(long timeNs, SimLoop loopOrNull, String name, Runnable task) {
    var event = new SimEvent(Math.max(timeNs, nowNs), sequence++, loopOrNull, name, task);
    queue.add(event);
    return event;
  }

  /**
   * Runs {@code task} when something arrives at a process; {@code isMissed} is asked instead while
   * its machine sleeps, and if it says no, the task runs when the machine has woken.
   */
  void arrive(long timeNs, SimLoop loop, String name, Runnable task, BooleanSupplier isMissed) {
    schedule(timeNs, loop, name, task).isMissed = isMissed;
  }

  SimLoop current() {
    return current;
  }

  /** Runs what is due within {@code durationNs} and moves the clock there. */
  public void run(long durationNs) {
    long untilNs = nowNs + durationNs;
    while (!queue.isEmpty() && queue.peek().timeNs <= untilNs) {
      step();
    }
    nowNs = untilNs;
  }

  private void step() {
    SimEvent event = queue.poll();
    eventsAtOnce = event.timeNs == nowNs ? eventsAtOnce + 1 : 0;
    if (eventsAtOnce > EVENTS_AT_ONCE_MAX) {
      throw new AssertionError("events at one moment: expected=fewer, last=" + event.name);
    }
    nowNs = event.timeNs;
    Runnable task = event.task;
    if (task == null || event.loopOrNull != null && event.loopOrNull.isDead()) {
      return;
    }
    if (event.loopOrNull != null && event.loopOrNull.isAsleep()) {
      putOff(event);
      return;
    }
    event.task = null;
    trace.add(nowNs, event.loopOrNull == null ? "world" : event.loopOrNull.name(), event.name);
    current = event.loopOrNull;
    try {
      task.run();
    } finally {
      current = null;
    }
  }

  /** Its machine sleeps: it happens at the end of that, or not at all. */
  private void putOff(SimEvent event) {
    if (event.isMissed == null || !event.isMissed.getAsBoolean()) {
      event.timeNs = event.loopOrNull.asleepUntilNs();
      event.sequence = sequence++;
      queue.add(event);
    }
  }
}
