package holdfast.util;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.concurrent.locks.ReentrantLock;

/** Reads the machine's own clocks, in the one place that may. */
public final class SystemClocks {
  private static final long NS_PER_S = 1_000_000_000L;

  private static final ReentrantLock OPENING = new ReentrantLock();
  private static volatile MonotonicClock opened;

  private SystemClocks() {}

  /**
   * The machine's monotonic clock, one for the whole process. Counts time in which the machine was
   * suspended, which {@code System.nanoTime} doesn't.
   *
   * @throws UncheckedIOException with a sentence for people, if the kernel doesn't say
   */
  public static MonotonicClock monotonic() {
    if (opened == null) {
      OPENING.lock();
      try {
        if (opened == null) {
          var clock = new UptimeClock(System::nanoTime, UptimeFile.open());
          clock.nowNs(); // what can't be read at all is told here, not in the middle of something
          opened = clock;
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e.getMessage(), e);
      } finally {
        OPENING.unlock();
      }
    }
    return opened;
  }

  /** The system's time of day. */
  public static WallClock wall() {
    return () -> {
      Instant now = Instant.now();
      return now.getEpochSecond() * NS_PER_S + now.getNano();
    };
  }
}
