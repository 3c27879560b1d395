package holdfast.port;

/**
 * Runs a task on a loop again and again, each time so long after the last one ended. Loop thread
 * only, but for {@link #stop}.
 */
public final class Periodic {
  private final Loop loop;
  private final long everyNs;
  private final String name;
  private final Runnable task;
  private volatile boolean isStopped;

  /** Runs nothing before {@link #start}. */
  public Periodic(Loop loop, long everyNs, String name, Runnable task) {
    this.loop = loop;
    this.everyNs = everyNs;
    this.name = name;
    this.task = task;
  }

  /** Runs the task now, and from now on. Once; no effect when stopped. */
  public void start() {
    if (isStopped) {
      return;
    }
    task.run();
    loop.at(loop.nowNs() + everyNs, name, this::start);
  }

  /** Runs it no more; also before it was started. Any thread. */
  public void stop() {
    isStopped = true;
  }

  /** Whether {@link #stop} was called. */
  public boolean isStopped() {
    return isStopped;
  }
}
