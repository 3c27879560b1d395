package holdfast.app;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;

/**
 * SIGTERM and SIGINT end a command in good order, with exit code 0 if it went well by then: the
 * JVM's shutdown hook asks the command to stop, waits until it has, and ends the process.
 */
final class StopSignal {
  /** A command that stops, of which nothing has moved for so long, is ended. */
  private static final long SILENCE_MAX_S = 30;

  private final AtomicReference<Runnable> onAsked = new AtomicReference<>(() -> {});
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile LongSupplier moved = () -> 0;
  private volatile boolean isAsked;
  private volatile int exitCode = Main.EXIT_FAILED;
  private volatile String failureOrNull;
  private final Thread hook = new Thread(this::stop, "stop");

  StopSignal() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /**
   * What asks the command to stop: called once or twice, on a thread of its own, or at once when
   * the signal came before.
   */
  void whenAsked(Runnable stop) {
    onAsked.set(stop);
    if (isAsked) {
      stop.run();
    }
  }

  /** Rises while the command gets on with its end: with what it saves, never with time. */
  void whileMoves(LongSupplier count) {
    moved = count;
  }

  /** The command has done its work: what follows is the end of a run without a failure. */
  void wentWell() {
    exitCode = Main.EXIT_DONE;
  }

  /** The command failed: should a signal end the process now, nobody else says so. */
  void failed(String text) {
    failureOrNull = text;
  }

  /** The command has ended, asked or not. */
  void done() {
    ended.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The hook runs already and ends the process: nothing else may happen now.
      waitForTheEnd();
    }
  }

  private void stop() {
    try {
      isAsked = true;
      onAsked.get().run();
      if (MovingWait.isDone(ended::await, moved, SILENCE_MAX_S, () -> false)) {
        if (failureOrNull != null) {
          System.err.println("holdfast: " + failureOrNull);
        }
        Runtime.getRuntime().halt(exitCode);
      }
      System.err.println(
          "holdfast: stop: not everything was saved, and nothing more for " + SILENCE_MAX_S + " s");
    } catch (RuntimeException e) {
      System.err.println("holdfast: stop: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().halt(Main.EXIT_FAILED);
  }

  private static void waitForTheEnd() {
    try {
      new CountDownLatch(1).await(); // the hook ends the process
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
