package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.util.NamedThreads;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Two ways to one node: the second is tried as soon as the first has failed, or is silent for a
 * while. Whichever leads there first counts; what leads there later is closed.
 */
final class DialRace {
  /** How long the first may be silent. */
  static final long SECOND_AFTER_NS = TimeUnit.MILLISECONDS.toNanos(500);

  private final CompletableFuture<Authenticated> winner = new CompletableFuture<>();
  private final CompletableFuture<HoldfastException> firstFailed = new CompletableFuture<>();

  /** Begins the first. */
  DialRace(NamedThreads threads, String name, Dialer.Attempt first) {
    threads.startVirtual(name + " directly", () -> runFirst(first));
  }

  private void runFirst(Dialer.Attempt first) {
    HoldfastException why =
        new NetworkException(ErrorCode.INTERNAL, "dial: expected=no bug, was=one");
    try {
      if (!wins(first.run())) {
        why = new NetworkException(ErrorCode.UNREACHABLE, "dial: another way was faster");
      }
    } catch (HoldfastException e) {
      why = e;
    } finally {
      firstFailed.complete(why); // says nothing where it has won
    }
  }

  private boolean wins(Authenticated done) {
    boolean isFirst = winner.complete(done);
    if (!isFirst) {
      Sockets.closeQuietly(done.socket());
    }
    return isFirst;
  }

  /**
   * What either leads to. Blocks for as long as both try.
   *
   * @throws HoldfastException the first one's failure where both fail
   */
  Authenticated orElse(Dialer.Attempt second) {
    try {
      CompletableFuture.anyOf(winner, firstFailed).get(SECOND_AFTER_NS, TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      // silent: that is what the second is for
    } catch (InterruptedException | ExecutionException e) {
      throw interrupted(e);
    }
    if (winner.isDone()) {
      return winner.join();
    }
    HoldfastException secondFailure;
    try {
      wins(second.run());
      return winner.join();
    } catch (HoldfastException e) {
      secondFailure = e;
    }
    try {
      CompletableFuture.anyOf(winner, firstFailed).get();
    } catch (InterruptedException | ExecutionException e) {
      throw interrupted(e);
    }
    if (winner.isDone()) {
      return winner.join();
    }
    HoldfastException failure = firstFailed.join();
    failure.addSuppressed(secondFailure);
    throw failure;
  }

  private static HoldfastException interrupted(Exception cause) {
    if (cause instanceof InterruptedException) {
      Thread.currentThread().interrupt();
    }
    return new NetworkException(ErrorCode.SHUTTING_DOWN, "dial: interrupted", cause);
  }
}
