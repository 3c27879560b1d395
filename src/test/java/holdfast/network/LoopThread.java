package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.NetworkException;
import holdfast.port.Loop;
import holdfast.util.SystemClocks;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** A node loop on a thread of its own. A task that throws is kept: tests ask for it at the end. */
public final class LoopThread implements Loop, AutoCloseable {
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

  private final long startedNs = nowNs();

  @Override
  public long nowNs() {
    return SystemClocks.monotonic().nowNs();
  }

  @Override
  public long awakeSinceNs() {
    return startedNs;
  }

  @Override
  public void post(Runnable task) {
    try {
      executor.execute(guarded(task));
    } catch (RejectedExecutionException e) {
      throw new NetworkException(ErrorCode.SHUTTING_DOWN, "test loop: closed", e);
    }
  }

  @Override
  public Timer at(long deadlineNs, String name, Runnable task) {
    try {
      ScheduledFuture<?> pending =
          executor.schedule(guarded(task), deadlineNs - nowNs(), TimeUnit.NANOSECONDS);
      return () -> pending.cancel(false);
    } catch (RejectedExecutionException e) {
      throw new NetworkException(ErrorCode.SHUTTING_DOWN, "test loop: closed", e);
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

  /** What a task threw, or null. */
  public Throwable failure() {
    return failure.get();
  }

  @Override
  public void close() {
    executor.shutdownNow();
  }

  private Runnable guarded(Runnable task) {
    return () -> {
      try {
        task.run();
      } catch (RuntimeException | Error e) {
        failure.compareAndSet(null, e);
        throw e;
      }
    };
  }
}
