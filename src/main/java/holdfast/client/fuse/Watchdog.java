package holdfast.client.fuse;

import holdfast.util.MonotonicClock;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;

/**
 * Answers ETIMEDOUT for requests of which nothing has moved for longer than the deadline, so that
 * no caller waits for ever for a file system that hangs. The late reply finds the request claimed.
 * Looks ten times in a deadline, so a caller waits 1.1 deadlines at most after the last sign of
 * progress, not counting what the machine slept.
 */
final class Watchdog implements Runnable {
  private static final Logger LOG = System.getLogger("holdfast.client.fuse");
  private static final int LOOKS_PER_DEADLINE = 10;
  private static final long NS_PER_MS = 1_000_000L;

  private final FuseSession session;
  private final ToLongFunction<Thread> movedNs;
  private final MonotonicClock clock;
  private final long deadlineNs;
  private long lookedNs;
  private long awakeSinceNs;

  /**
   * @param movedNs when a thread's call has moved last, on the clock
   */
  Watchdog(
      FuseSession session,
      ToLongFunction<Thread> movedNs,
      MonotonicClock clock,
      Duration deadline) {
    this.session = session;
    this.movedNs = movedNs;
    this.clock = clock;
    this.deadlineNs = deadline.toNanos();
    this.lookedNs = clock.nowNs();
    this.awakeSinceNs = lookedNs;
  }

  @Override
  public void run() {
    while (session.drained().getCount() > 0) {
      LockSupport.parkNanos(deadlineNs / LOOKS_PER_DEADLINE);
      try {
        look();
      } catch (RuntimeException e) {
        LOG.log(Level.ERROR, "fuse watchdog: failed", e);
      }
    }
  }

  private void look() {
    long nowNs = clock.nowNs();
    if (nowNs - lookedNs > 2 * deadlineNs / LOOKS_PER_DEADLINE) {
      awakeSinceNs = nowNs; // the machine slept: who works on a request has done so too
    }
    lookedNs = nowNs;
    for (Worker worker : session.workers()) {
      FuseRequest request = worker.current;
      if (request != null && isOverdue(worker, request, nowNs) && request.reply(Errno.ETIMEDOUT)) {
        LOG.log(
            Level.WARNING,
            "fuse {0}: expected=a sign of progress within {1} ms, was=none; answered ETIMEDOUT",
            request,
            deadlineNs / NS_PER_MS);
      }
    }
  }

  private boolean isOverdue(Worker worker, FuseRequest request, long nowNs) {
    long sinceNs = Math.max(request.startNs(), awakeSinceNs);
    return nowNs - sinceNs > deadlineNs && nowNs - movedNs.applyAsLong(worker.thread) > deadlineNs;
  }
}
