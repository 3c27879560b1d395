package holdfast.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class MovingWaitTest {
  private final AtomicInteger looks = new AtomicInteger();

  @Test
  void whatMovesIsWaitedForHoweverLongItTakes() throws InterruptedException {
    assertTrue(
        MovingWait.isDone(
            (timeout, unit) -> looks.incrementAndGet() == 100, looks::get, 3, () -> false));
  }

  @Test
  void whatStandsStillIsWaitedForSoLong() throws InterruptedException {
    assertFalse(
        MovingWait.isDone(
            (timeout, unit) -> looks.incrementAndGet() < 0,
            () -> Math.min(10, looks.get()),
            3,
            () -> false));

    assertEquals(13, looks.get());
  }

  @Test
  void whatHasFailedIsNotWaitedFor() throws InterruptedException {
    assertFalse(
        MovingWait.isDone(
            (timeout, unit) -> looks.incrementAndGet() < 0, looks::get, 3, () -> looks.get() == 2));

    assertEquals(2, looks.get());
  }
}
