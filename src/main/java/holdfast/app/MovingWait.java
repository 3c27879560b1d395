package holdfast.app;

import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/** Waits for something as long as its work moves: by a count that rises with it. */
final class MovingWait {
  /** What is waited for: waits for a while itself, as a latch does, and says whether it is done. */
  interface Awaited {
    boolean await(long timeout, TimeUnit unit) throws InterruptedException;
  }

  private MovingWait() {}

  /**
   * True when it is done; false when {@code moved} has stayed the same for {@code silenceS}
   * seconds, or {@code isHopeless}.
   */
  static boolean isDone(
      Awaited awaited, LongSupplier moved, long silenceS, BooleanSupplier isHopeless)
      throws InterruptedException {
    long seen = moved.getAsLong();
    long silentS = 0;
    while (silentS < silenceS && !isHopeless.getAsBoolean()) {
      if (awaited.await(1, TimeUnit.SECONDS)) {
        return true;
      }
      long now = moved.getAsLong();
      silentS = now == seen ? silentS + 1 : 0;
      seen = now;
    }
    return false;
  }
}
