package holdfast.client.fuse;

import holdfast.util.MonotonicClock;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;

/**
 * Answers for calls that go on: ETIMEDOUT when nothing has moved for longer than the deadline, so
 * that no caller waits for ever for a file system that hangs, and EINTR when the caller was killed
 * ({@link DyingCallers}), so that it is gone within half a second. The late reply finds the request
 * claimed, and {@link AbandonedCalls} puts right what it left.
 *
 * <p>Looks ten times in a deadline, so a caller waits 1.1 deadlines at most after the last sign of
 * progress, not counting what the machine slept; four times in a second at least for who was
 * killed. A killed process closes its files one after another, and may wait for each: for a moment
 * after one was seen it looks more often.
 */
final class Watchdog implements Runnable {
  private static final Logger LOG = System.getLogger("holdfast.client.fuse");
  private static final int LOOKS_PER_DEADLINE = 10;
  private static final long NS_PER_MS = 1_000_000L;

  /** A call that is answered sooner costs no look at its caller. */
  private static final long KILLED_AFTER_NS = 250 * NS_PER_MS;

  private static final long HURRIED_LOOK_NS = 25 * NS_PER_MS;
  private static final long HURRY_NS = 1_000 * NS_PER_MS;

  private final FuseSession session;
  private final AbandonedCalls abandoned;
  private final ToLongFunction<Thread> movedNs;
  private final MonotonicClock clock;
  private final long deadlineNs;
  private long lookedNs;
  private long awakeSinceNs;

  /** Until when killed processes are expected to send more. */
  private long hurriedUntilNs;

  private final DyingCallers dying = new DyingCallers();

  /**
   * @param movedNs when a thread's call has moved last, on the clock
   */
  Watchdog(
      FuseSession session,
      AbandonedCalls abandoned,
      ToLongFunction<Thread> movedNs,
      MonotonicClock clock,
      Duration deadline) {
    this.session = session;
    this.abandoned = abandoned;
    this.movedNs = movedNs;
    this.clock = clock;
    this.deadlineNs = deadline.toNanos();
    this.lookedNs = clock.nowNs();
    this.awakeSinceNs = lookedNs;
    this.hurriedUntilNs = lookedNs;
  }

  @Override
  public void run() {
    while (session.drained().getCount() > 0) {
      long everyNs = isHurried(clock.nowNs()) ? HURRIED_LOOK_NS : KILLED_AFTER_NS;
      LockSupport.parkNanos(Math.min(everyNs, deadlineNs / LOOKS_PER_DEADLINE));
      try {
        look();
      } catch (RuntimeException | OutOfMemoryError e) { // that a thread can't be started is one
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
      if (request == null || request.isClaimed()) {
        continue;
      }
      if (isOverdue(worker, request, nowNs)) {
        timedOut(request);
      } else if (isKilled(request, nowNs)) {
        killed(request);
      }
    }
  }

  private void timedOut(FuseRequest request) {
    if (answer(request, Errno.ETIMEDOUT)) {
      LOG.log(
          Level.WARNING,
          "fuse {0}: expected=a sign of progress within {1} ms, was=none; answered ETIMEDOUT",
          request,
          deadlineNs / NS_PER_MS);
    }
  }

  private void killed(FuseRequest request) {
    if (answer(request, Errno.EINTR)) {
      hurriedUntilNs = clock.nowNs() + HURRY_NS;
      LOG.log(Level.DEBUG, "fuse {0}: its caller was killed; answered EINTR", request);
    }
  }

  private boolean answer(FuseRequest request, int errno) {
    return abandoned.abandon(request, errno, session::threadAbandoned);
  }

  private boolean isHurried(long nowNs) {
    return hurriedUntilNs - nowNs > 0;
  }

  private boolean isKilled(FuseRequest request, long nowNs) {
    long afterNs = isHurried(nowNs) ? HURRIED_LOOK_NS : KILLED_AFTER_NS;
    return nowNs - request.startNs() >= afterNs && dying.contains(request.callerThread());
  }

  private boolean isOverdue(Worker worker, FuseRequest request, long nowNs) {
    long sinceNs = Math.max(request.startNs(), awakeSinceNs);
    return nowNs - sinceNs > deadlineNs && nowNs - movedNs.applyAsLong(worker.thread) > deadlineNs;
  }
}
