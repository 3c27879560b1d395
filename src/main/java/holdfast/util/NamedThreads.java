package holdfast.util;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Makes threads, in the one place that may: with names and with a handler for what they didn't
 * catch.
 */
public final class NamedThreads {
  private final Thread.UncaughtExceptionHandler uncaught;

  /** {@code uncaught} is called on the failing thread with whatever left its body. */
  public NamedThreads(Thread.UncaughtExceptionHandler uncaught) {
    this.uncaught = uncaught;
  }

  /** Starts a virtual thread: for sockets and other waits, never for disk work. */
  public Thread startVirtual(String name, Runnable body) {
    return Thread.ofVirtual().name(name).uncaughtExceptionHandler(uncaught).start(body);
  }

  /** Starts a daemon platform thread. */
  public Thread startPlatform(String name, Runnable body) {
    return Thread.ofPlatform().daemon().name(name).uncaughtExceptionHandler(uncaught).start(body);
  }

  /**
   * A fixed pool of daemon platform threads with a bounded queue; a full queue makes {@code
   * execute} throw {@link java.util.concurrent.RejectedExecutionException}.
   */
  public ThreadPoolExecutor platformPool(String name, int threadCount, int queueCapacity) {
    ThreadFactory factory =
        Thread.ofPlatform()
            .daemon()
            .name(name + "-", 0)
            .uncaughtExceptionHandler(uncaught)
            .factory();
    return new ThreadPoolExecutor(
        threadCount,
        threadCount,
        0,
        TimeUnit.SECONDS,
        new ArrayBlockingQueue<>(queueCapacity),
        factory);
  }
}
