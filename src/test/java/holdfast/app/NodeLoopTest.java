package holdfast.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.port.Loop;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class NodeLoopTest {
  private static final long MS = 1_000_000L;

  private final CompletableFuture<Throwable> broken = new CompletableFuture<>();
  private final NodeLoop loop =
      new NodeLoop(
          SystemClocks.monotonic(), new NamedThreads((thread, failure) -> {}), broken::complete);

  @AfterEach
  void stop() {
    loop.stop();
  }

  /** Waits until all that was posted before has run. */
  private void drain() throws Exception {
    drain(loop);
  }

  @Test
  void tasksRunInOrderOnTheLoopsThread() throws Exception {
    var seen = new ArrayList<Integer>();
    for (int i = 0; i < 1_000; i++) {
      int number = i;
      loop.post(() -> seen.add(loop.onLoop() ? number : -1));
    }
    drain();

    assertFalse(loop.onLoop());
    for (int i = 0; i < 1_000; i++) {
      assertEquals(i, seen.get(i));
    }
  }

  @Test
  void timersRunInTheOrderOfTheirDeadlinesAndNeverTooEarly() throws Exception {
    var seen = new ArrayList<String>();
    var last = new CompletableFuture<Void>();
    long startNs = loop.nowNs();
    loop.at(
        startNs + 40 * MS,
        "third",
        () -> {
          seen.add("third");
          last.complete(null);
        });
    loop.at(startNs + 20 * MS, "first", () -> seen.add("first"));
    loop.at(startNs + 20 * MS, "second", () -> seen.add("second"));

    last.get(10, TimeUnit.SECONDS);

    assertTrue(loop.nowNs() - startNs >= 40 * MS);
    assertEquals(List.of("first", "second", "third"), seen);
  }

  @Test
  void aCancelledTimerDoesNotRunHoweverManyThereAre() throws Exception {
    var ran = new ArrayList<Integer>();
    long atNs = loop.nowNs() + 30 * MS;
    var scheduled = new CompletableFuture<Void>();
    loop.post(
        () -> {
          for (int i = 0; i < 1_000; i++) {
            int number = i;
            var timer = loop.at(atNs, "t", () -> ran.add(number));
            if (number % 10 != 0) {
              timer.cancel();
              timer.cancel();
            }
          }
          scheduled.complete(null);
        });
    scheduled.get(10, TimeUnit.SECONDS);
    var after = new CompletableFuture<Void>();
    loop.at(atNs + MS, "after", () -> after.complete(null));
    after.get(10, TimeUnit.SECONDS);

    assertEquals(100, ran.size());
    assertTrue(ran.stream().allMatch(number -> number % 10 == 0));
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
