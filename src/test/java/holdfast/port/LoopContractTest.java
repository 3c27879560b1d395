package holdfast.port;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What every loop does, the real one and those of the tests. */
public abstract class LoopContractTest {
  private static final long MS = 1_000_000L;

  /** A loop that runs, or does when {@link #runUntil} lets it. */
  protected abstract Loop loop();

  /** Lets it run, and time pass, until this holds; fails if it never does. */
  protected abstract void runUntil(BooleanSupplier condition);

  /** So much time passes for the loop, in which it does nothing and looks at no clock. */
  protected abstract void pause(long forNs);

  /** Runs a task on the loop, to its end. */
  private void onLoop(Runnable task) {
    var outcome = new AtomicReference<Throwable>();
    var ended = new AtomicReference<Boolean>();
    loop()
        .post(
            () -> {
              try {
                task.run();
              } catch (RuntimeException | Error e) {
                outcome.set(e);
              }
              ended.set(true);
            });
    runUntil(() -> ended.get() != null);
    assertNull(outcome.get(), () -> "task on the loop: " + outcome.get());
  }

  @Test
  void tasksRunOneAtATimeInTheOrderInWhichTheyWerePosted() {
    var seen = new ArrayList<Integer>();
    for (int i = 0; i < 1_000; i++) {
      int number = i;
      loop().post(() -> seen.add(number));
    }
    onLoop(() -> seen.add(1_000));

    assertEquals(1_001, seen.size());
    for (int i = 0; i <= 1_000; i++) {
      assertEquals(i, seen.get(i));
    }
  }

  @Test
  void whatATaskPostsRunsAfterItAndAfterWhatWasPostedBefore() {
    var seen = new ArrayList<String>();

    onLoop(
        () -> {
          loop().post(() -> seen.add("second"));
          loop().post(() -> loop().post(() -> seen.add("fourth")));
          loop().post(() -> seen.add("third"));
          seen.add("first");
        });
    runUntil(() -> seen.size() == 4);

    assertEquals(List.of("first", "second", "third", "fourth"), seen);
  }

  @Test
  void aTimerRunsOnceAndNotBeforeItsDeadlineAndInTheOrderOfDeadlines() {
    var seen = new ArrayList<String>();
    var early = new ArrayList<String>();

    onLoop(
        () -> {
          long startNs = loop().nowNs();
          for (int ms : new int[] {40, 20, 30, 0, -5}) {
            long deadlineNs = startNs + ms * MS;
            loop()
                .at(
                    deadlineNs,
                    "timer",
                    () -> {
                      seen.add("after " + ms);
                      if (loop().nowNs() < deadlineNs) {
                        early.add("after " + ms);
                      }
                    });
          }
          assertEquals(List.of(), seen, "none within the call");
        });
    runUntil(() -> seen.size() == 5);
    onLoop(() -> {});

    assertEquals(List.of("after 20", "after 30", "after 40"), seen.subList(2, 5));
    assertEquals(List.of(), early);
  }

  @Test
  void aCancelledTimerDoesNotRunAndOneThatRanIsCancelledInVain() {
    var ran = new ArrayList<Integer>();
    var timers = new ArrayList<Loop.Timer>();

    onLoop(
        () -> {
          long atNs = loop().nowNs() + 10 * MS;
          for (int i = 0; i < 100; i++) {
            int number = i;
            timers.add(loop().at(atNs, "timer", () -> ran.add(number)));
          }
          for (int i = 0; i < 100; i++) {
            if (i % 10 != 0) {
              timers.get(i).cancel();
              timers.get(i).cancel();
            }
          }
          loop().at(atNs + MS, "last", () -> ran.add(1_000));
        });
    runUntil(() -> ran.contains(1_000));
    onLoop(() -> timers.forEach(Loop.Timer::cancel));

    assertEquals(List.of(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 1_000), ran);
  }

  @Test
  void aDueTimerThatIsCancelledBeforeItsTurnDoesNotRun() {
    var ran = new ArrayList<String>();

    onLoop(
        () -> {
          long nowNs = loop().nowNs();
          var timers = new ArrayList<Loop.Timer>();
          timers.add(loop().at(nowNs + MS, "first", () -> timers.forEach(Loop.Timer::cancel)));
          timers.add(loop().at(nowNs + MS + 1, "second", () -> ran.add("second")));
          loop().at(nowNs + 5 * MS, "last", () -> ran.add("last"));
        });
    runUntil(() -> !ran.isEmpty());

    assertEquals(List.of("last"), ran);
  }

  @Test
  void cancelledTimersAreNoneOfThosePending() {
    var ran = new ArrayList<String>();

    onLoop(
        () -> {
          long atNs = loop().nowNs() + 3_600_000 * MS;
          for (int i = 0; i < 3 * Loop.TIMERS_MAX; i++) {
            loop().at(atNs, "timer", () -> ran.add("cancelled")).cancel();
          }
          loop().at(loop().nowNs() + MS, "one more", () -> ran.add("one more"));
        });
    runUntil(() -> !ran.isEmpty());

    assertEquals(List.of("one more"), ran);
  }

  @Test
  void timersWithOneDeadlineRunInTheOrderOfTheCalls() {
    var ran = new ArrayList<Integer>();

    onLoop(
        () -> {
          long atNs = loop().nowNs() + MS;
          for (int i = 0; i < 100; i++) {
            int number = i;
            loop().at(atNs, "timer", () -> ran.add(number));
          }
        });
    runUntil(() -> ran.size() == 100);

    assertEquals(IntStream.range(0, 100).boxed().toList(), ran);
  }

  @Test
  void timersWithoutEndAreABug() {
    var refused = new AtomicReference<Throwable>();

    onLoop(
        () -> {
          long atNs = loop().nowNs() + 3_600_000 * MS;
          var timers = new ArrayList<Loop.Timer>();
          try {
            for (int i = 0; i <= 2 * Loop.TIMERS_MAX; i++) {
              timers.add(loop().at(atNs, "timer", () -> {}));
            }
          } catch (Invariants.Violation e) {
            refused.set(e);
          }
          assertTrue(timers.size() >= Loop.TIMERS_MAX, "was=" + timers.size());
          timers.forEach(Loop.Timer::cancel);
        });

    assertTrue(refused.get().getMessage().contains("start timer"), refused.toString());
  }

  @Test
  void tasksWithoutEndAreRefusedAndThoseThatWaitStillRun() {
    var refused = new AtomicReference<HoldfastException>();
    var posted = new int[1];
    var ran = new int[1];

    onLoop(
        () -> {
          try {
            for (; posted[0] <= Loop.TASKS_MAX; posted[0]++) {
              loop().post(() -> ran[0]++);
            }
          } catch (HoldfastException e) {
            refused.set(e);
          }
        });
    runUntil(() -> ran[0] >= posted[0]);
    onLoop(() -> {});

    assertSame(ErrorCode.BUSY, refused.get().code());
    assertTrue(posted[0] >= Loop.TASKS_MAX - 1, "one may be the test's that waits for it");
    assertEquals(posted[0], ran[0]);
  }

  @Test
  void timeNeverGoesBackAndPassesWithoutAPauseWhileTheLoopRuns() {
    var before = new long[2];
    var after = new long[2];
    onLoop(
        () -> {
          before[0] = loop().nowNs();
          before[1] = loop().awakeSinceNs();
        });

    var isDue = new boolean[1];
    onLoop(() -> loop().at(loop().nowNs() + 50 * MS, "timer", () -> isDue[0] = true));
    runUntil(() -> isDue[0]);
    onLoop(
        () -> {
          after[0] = loop().nowNs();
          after[1] = loop().awakeSinceNs();
        });

    assertTrue(after[0] - before[0] >= 50 * MS);
    assertTrue(before[1] <= before[0]);
    assertEquals(before[1], after[1]);
  }

  @Test
  void aPauseIsNoticedBeforeAnythingElseIsDone() {
    var before = new long[1];
    var seen = new ArrayList<Long>();
    onLoop(() -> before[0] = loop().nowNs());

    pause(Loop.PAUSE_NS + 100 * MS);
    onLoop(
        () -> {
          seen.add(loop().awakeSinceNs());
          seen.add(loop().nowNs());
          seen.add(loop().awakeSinceNs());
        });

    assertTrue(seen.get(0) - before[0] > Loop.PAUSE_NS, "awake since the end of it");
    assertTrue(seen.get(0) <= seen.get(1));
    assertEquals(seen.get(0), seen.get(2), "once");
  }

  @Test
  void whatIsShorterIsNoPause() {
    var since = new long[2];
    onLoop(() -> since[0] = loop().awakeSinceNs());

    pause(Loop.PAUSE_NS / 4);
    onLoop(() -> since[1] = loop().awakeSinceNs());

    assertEquals(since[0], since[1]);
  }
}
