package holdfast.util;

import java.time.Instant;

/** The machine's own clocks: the one place that reads them. */
public final class SystemClocks {
  private static final long NS_PER_S = 1_000_000_000L;

  private SystemClocks() {}

  /** The process's monotonic clock. Does not count time in which the machine was suspended. */
  public static MonotonicClock monotonic() {
    return System::nanoTime;
  }

  /** The system's time of day. */
  public static WallClock wall() {
    return () -> {
      Instant now = Instant.now();
      return now.getEpochSecond() * NS_PER_S + now.getNano();
    };
  }
}
