package holdfast.client.pool;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.MonotonicClock;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Waits for futures with the mount's deadline, and makes one failure type of what they end with.
 * Any thread but the loop.
 */
public final class Deadlines {
  /**
   * What a wait may take beyond a call's own deadline, so that the call's own error comes first.
   */
  private static final long GRACE_NS = 500_000_000L;

  private final MonotonicClock clock;
  private final long timeoutNs;

  public Deadlines(MonotonicClock clock, long timeoutNs) {
    this.clock = clock;
    this.timeoutNs = timeoutNs;
  }

  /** The deadline of a call that begins now. */
  public long deadlineNs() {
    return clock.nowNs() + timeoutNs;
  }

  /** How long a call may take. */
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
  public <T> T await(CompletableFuture<T> future, long deadlineNs) {
    try {
      long leftNs = Math.max(0, deadlineNs - clock.nowNs()) + GRACE_NS;
      return future.get(leftNs, TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new HoldfastException(
          ErrorCode.TIMED_OUT,
          "wait for the pool: expected=an answer by the deadline, was=none",
          e);
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
