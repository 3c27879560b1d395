package holdfast.client.pool;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.MonotonicClock;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/**
 * Waits for futures with the mount's deadline, and makes one failure type of what they end with.
 * Any thread but the loop.
 */
public final class Deadlines {
  /**
   * What a wait may take beyond a call's own deadline, so that the call's own error comes first.
   */
  private static final long GRACE_NS = 500_000_000L;

  /** What a thread began last. */
  private static final class Last {
    volatile Deadline deadline;
  }

  private final MonotonicClock clock;
  private final long timeoutNs;
  private final BooleanSupplier isOutOfReach;
  private final BooleanSupplier isAlone;
  private final ThreadLocal<Last> lastOfThread = ThreadLocal.withInitial(this::newLast);

  /** As many as threads live. */
  private final Map<Thread, Last> lastByThread = Collections.synchronizedMap(new WeakHashMap<>());

  public Deadlines(MonotonicClock clock, long timeoutNs) {
    this(clock, timeoutNs, () -> false, () -> false);
  }

  /**
   * @param isOutOfReach whether calls that begin now would wait in vain for all of the timeout; any
   *     thread
   * @param isAlone whether no peer is in reach either; any thread
   */
  public Deadlines(
      MonotonicClock clock, long timeoutNs, BooleanSupplier isOutOfReach, BooleanSupplier isAlone) {
    this.clock = clock;
    this.timeoutNs = timeoutNs;
    this.isOutOfReach = isOutOfReach;
    this.isAlone = isAlone;
  }

  /**
   * The deadline of a call that begins now, on this thread; where the pool has been out of reach
   * for as long as a call waits, it ends as soon as nobody in reach can answer.
   */
  public Deadline begin() {
    Deadline begun = atMost(timeoutNs);
    lastOfThread.get().deadline = begun;
    return begun;
  }

  /** A deadline that begins now, as {@link #begin}, of this length at most. */
  public Deadline atMost(long silenceNs) {
    return isOutOfReach.getAsBoolean()
        ? Deadline.hopeless(clock, isAlone.getAsBoolean())
        : in(Math.min(silenceNs, timeoutNs));
  }

  /**
   * A deadline of the whole length, whether or not the pool is in reach now: of what no program
   * waits for, and would be lost.
   */
  public Deadline inFull() {
    return in(timeoutNs);
  }

  /** A deadline of another length, of a part of a call. */
  public Deadline in(long silenceNs) {
    return Deadline.in(clock, silenceNs);
  }

  /** When the call that this thread began last has moved last; a time long past if it has none. */
  public long movedNs(Thread thread) {
    Last last = lastByThread.get(thread);
    return last == null || last.deadline == null ? Long.MIN_VALUE / 2 : last.deadline.movedNs();
  }

  private Last newLast() {
    var last = new Last();
    lastByThread.put(Thread.currentThread(), last);
    return last;
  }

  /** How long nothing of a call may move. */
  public long timeoutNs() {
    return timeoutNs;
  }

  public long nowNs() {
    return clock.nowNs();
  }

  /**
   * The future's value.
   *
   * @throws HoldfastException what the future failed with, or TIMED_OUT
   */
  public <T> T await(CompletableFuture<T> future, Deadline deadline) {
    try {
      while (true) {
        long untilNs = deadline.untilNs();
        try {
          long leftNs = Math.max(0, untilNs - clock.nowNs()) + GRACE_NS;
          return future.get(leftNs, TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
          if (deadline.untilNs() - untilNs <= 0) { // nothing has moved meanwhile
            throw new HoldfastException(
                ErrorCode.TIMED_OUT,
                "wait for the pool: expected=an answer by the deadline, was=none",
                e);
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HoldfastException(ErrorCode.SHUTTING_DOWN, "wait for the pool: interrupted", e);
    } catch (ExecutionException e) {
      throw asHoldfast(e.getCause());
    }
  }

  /** What a future failed with, as the exception it stands for. */
  public static HoldfastException asHoldfast(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof HoldfastException known) {
      // A new one with the caller's stack: the future's may be thrown on several threads.
      return new HoldfastException(known.code(), known.getMessage(), known);
    }
    return new HoldfastException(ErrorCode.INTERNAL, "complete call: " + cause, cause);
  }
}
