package holdfast.process;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits that end: each has a deadline and says what it waited for. */
final class Await {
  private static final long LOOK_EVERY_NS = 20_000_000L;

  private Await() {}

  /** Waits until the condition holds; {@code state} is put into the message if it never does. */
  static void until(
      String what, Duration limit, BooleanSupplier condition, Supplier<String> state) {
    until(what, limit, LOOK_EVERY_NS, condition, state);
  }

  /** Likewise, with a pause of so long after each look: some cost more than others. */
  static void until(
      String what,
      Duration limit,
      long pauseNs,
      BooleanSupplier condition,
      Supplier<String> state) {
    long endNs = System.nanoTime() + limit.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - endNs >= 0) {
        throw new AssertionError(
            "wait for " + what + ": expected=within " + limit + ", was=" + state.get());
      }
      LockSupport.parkNanos(pauseNs);
    }
  }

  /** Looks all the time that the condition holds. */
  static void holds(Duration duration, BooleanSupplier condition) {
    long endNs = System.nanoTime() + duration.toNanos();
    while (System.nanoTime() - endNs < 0) {
      if (!condition.getAsBoolean()) {
        throw new AssertionError(
            "expected=a condition that holds for " + duration + ", was=broken");
      }
      LockSupport.parkNanos(LOOK_EVERY_NS);
    }
  }

  /**
   * Runs what may hang in a system call on a thread of its own, which is left behind if it does.
   */
  static <T> T within(String what, Duration limit, Callable<T> task) throws Exception {
    var done = new CompletableFuture<T>();
    var thread =
        new Thread(
            () -> {
              try {
                done.complete(task.call());
              } catch (Exception | AssertionError e) {
                done.completeExceptionally(e);
              }
            },
            what);
    thread.setDaemon(true);
    thread.start();
    try {
      return done.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError(what + ": expected=done within " + limit + ", was=not", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof AssertionError failure) {
        throw failure;
      }
      throw new AssertionError(what + ": was=" + e.getCause(), e.getCause());
    }
  }
}
