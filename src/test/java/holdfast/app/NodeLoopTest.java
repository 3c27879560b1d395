package holdfast.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.Loop;
import holdfast.port.LoopContractTest;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class NodeLoopTest extends LoopContractTest {
  private static final long MS = 1_000_000L;

  private final CompletableFuture<Throwable> broken = new CompletableFuture<>();
  private final AtomicLong pausedNs = new AtomicLong();
  private final NodeLoop loop = loopThatSleeps(pausedNs);

  @AfterEach
  void stop() {
    loop.stop();
  }

  @Override
  protected Loop loop() {
    return loop;
  }

  @Override
  protected void runUntil(BooleanSupplier condition) {
    long endNs = loop.nowNs() + 20_000 * MS;
    boolean holds = false;
    while (!holds) {
      assertTrue(loop.nowNs() - endNs < 0, "wait for the loop");
      try {
        var seen = new CompletableFuture<Boolean>();
        loop.post(() -> seen.complete(condition.getAsBoolean()));
        holds = seen.get(10, TimeUnit.SECONDS);
      } catch (HoldfastException e) {
        assertEquals(ErrorCode.BUSY, e.code());
      } catch (Exception e) {
        throw new AssertionError("task on the loop", e);
      }
      LockSupport.parkNanos(MS / 10);
    }
  }

  @Override
  protected void pause(long forNs) {
    pausedNs.addAndGet(forNs);
  }

  @Test
  void itsThreadIsOneOfItsOwn() throws Exception {
    var seen = new CompletableFuture<Boolean>();
    loop.post(() -> seen.complete(loop.onLoop()));

    assertTrue(seen.get(10, TimeUnit.SECONDS));
    assertFalse(loop.onLoop());
  }

  @Test
  void aTaskThatThrowsEndsTheLoopAndIsToldOnce() throws Exception {
    var bug = new IllegalStateException("a bug");
    var ran = new ArrayList<String>();
    loop.post(
        () -> {
          throw bug;
        });
    assertSame(bug, broken.get(10, TimeUnit.SECONDS));

    loop.post(() -> ran.add("task"));
    loop.at(loop.nowNs(), "timer", () -> ran.add("timer"));

    assertEquals(List.of(), ran);
  }

  /** A mount ran out of memory: timers of answered requests kept bodies for their deadline. */
  @Test
  void aCancelledTimerLetsGoOfWhatItWasAbout() throws Exception {
    var held = new java.lang.ref.WeakReference<>(cancelledTimer());

    for (long endNs = loop.nowNs() + 10_000 * MS; held.get() != null && loop.nowNs() < endNs; ) {
      System.gc();
    }

    assertNull(held.get());
  }

  private Object cancelledTimer() {
    var body = new byte[1 << 20];
    loop.at(loop.nowNs() + 60_000 * MS, "late", () -> body[0]++).cancel();
    return body;
  }

  /** Sleep as a thread sees it: its wait goes on where it was, the clock has moved on. */
  @Test
  void afterSleepTimersThatAreDueRunAtOnceWhateverTheLoopWaitedFor() throws Exception {
    var sleptNs = new AtomicLong();
    var asleep = loopThatSleeps(sleptNs);
    try {
      var due = new CompletableFuture<Void>();
      asleep.at(asleep.nowNs() + 3_600_000 * MS, "in an hour", () -> due.complete(null));
      drain(asleep);

      sleptNs.addAndGet(3_600_000 * MS);

      due.get(1, TimeUnit.SECONDS);
    } finally {
      asleep.stop();
    }
  }

  @Test
  void aPauseIsNoticedBeforeAnythingElseIsDone() throws Exception {
    var sleptNs = new AtomicLong();
    var asleep = loopThatSleeps(sleptNs);
    try {
      var seen = new CompletableFuture<List<Long>>();
      var isUnderWay = new CompletableFuture<Void>();
      var isAsleep = new CompletableFuture<Void>();
      asleep.post(
          () -> {
            long beforeNs = asleep.nowNs();
            isUnderWay.complete(null);
            isAsleep.join();
            // Not a turn of the loop yet: the task was under way.
            seen.complete(List.of(beforeNs, asleep.awakeSinceNs(), asleep.nowNs()));
          });

      isUnderWay.get(10, TimeUnit.SECONDS);
      sleptNs.addAndGet(2_000 * MS);
      isAsleep.complete(null);

      List<Long> times = seen.get(10, TimeUnit.SECONDS);
      assertTrue(times.get(1) - times.get(0) >= 2_000 * MS, times.toString());
      assertTrue(times.get(1) <= times.get(2), times.toString());
    } finally {
      asleep.stop();
    }
  }

  @Test
  void anIdleLoopThatNothingHoldsUpHasNoPause() throws Exception {
    var before = new CompletableFuture<Long>();
    loop.post(() -> before.complete(loop.awakeSinceNs()));
    long sinceNs = before.get(10, TimeUnit.SECONDS);
    var after = new CompletableFuture<Long>();
    // Longer than what counts as a pause, without a task or a timer in between.
    loop.at(loop.nowNs() + 2 * Loop.PAUSE_NS, "later", () -> after.complete(loop.awakeSinceNs()));

    assertEquals(sinceNs, after.get(10, TimeUnit.SECONDS));
  }

  private NodeLoop loopThatSleeps(AtomicLong sleptNs) {
    var clock = SystemClocks.monotonic();
    return new NodeLoop(
        () -> clock.nowNs() + sleptNs.get(),
        new NamedThreads((thread, failure) -> {}),
        broken::complete);
  }

  private static void drain(NodeLoop which) throws Exception {
    var drained = new CompletableFuture<Void>();
    which.post(() -> drained.complete(null));
    drained.get(10, TimeUnit.SECONDS);
  }
}
