package holdfast.client.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class DeadlineTest {
  private static final long S = 1_000_000_000L;

  private final AtomicLong nowNs = new AtomicLong(5 * S);

  @Test
  void itIsOverWhenNothingHasMovedForSoLong() {
    Deadline deadline = Deadline.in(nowNs::get, 10 * S);

    nowNs.addAndGet(9 * S);
    deadline.moved();
    nowNs.addAndGet(9 * S);

    assertFalse(deadline.isOver());
    assertEquals(S, deadline.leftNs());
    nowNs.addAndGet(S);
    assertTrue(deadline.isOver());
  }

  @Test
  void whatMovedBeforeBringsNothingBack() {
    Deadline deadline = Deadline.in(nowNs::get, 10 * S);
    long untilNs = deadline.untilNs();

    deadline.movedAt(S);

    assertEquals(untilNs, deadline.untilNs());
  }

  @Test
  void whatMovesForAPartMovesForTheWhole() {
    var count = new AtomicInteger();
    Deadline whole = Deadline.in(nowNs::get, 10 * S);
    Deadline part = whole.with(count::incrementAndGet);

    nowNs.addAndGet(4 * S);
    part.moved();

    assertEquals(10 * S, part.leftNs());
    assertEquals(10 * S, whole.leftNs());
    assertEquals(1, count.get());
  }

  @Test
  void aWaitEndsWhenNothingMoves() {
    var deadlines = new Deadlines(nowNs::get, S / 100);
    Deadline deadline = deadlines.begin();
    var never = new CompletableFuture<Void>();
    nowNs.addAndGet(S);

    var why = assertThrows(HoldfastException.class, () -> deadlines.await(never, deadline));

    assertEquals(ErrorCode.TIMED_OUT, why.code());
  }

  @Test
  void aWaitLastsAsLongAsItsCallMoves() throws InterruptedException {
    var deadlines = new Deadlines(System::nanoTime, S / 5);
    Deadline deadline = deadlines.begin();
    var answer = new CompletableFuture<String>();
    var call =
        Thread.ofPlatform()
            .start(
                () -> {
                  // Longer than a wait without it could last, its grace included.
                  for (int i = 0; i < 60; i++) {
                    deadline.moved();
                    LockSupport.parkNanos(S / 50);
                  }
                  answer.complete("done");
                });

    assertEquals("done", deadlines.await(answer, deadline));
    call.join();
  }

  @Test
  void whoWatchesAThreadHearsWhenItsCallMovedLast() throws InterruptedException {
    var deadlines = new Deadlines(nowNs::get, 10 * S);
    long beganNs = nowNs.get();
    Deadline deadline = deadlines.begin();
    assertEquals(beganNs, deadlines.movedNs(Thread.currentThread()));

    nowNs.addAndGet(3 * S);
    deadline.moved();

    assertEquals(beganNs + 3 * S, deadlines.movedNs(Thread.currentThread()));
    var other = Thread.ofPlatform().start(() -> {});
    other.join();
    assertTrue(deadlines.movedNs(other) < 0, "it has begun nothing");
  }
}
