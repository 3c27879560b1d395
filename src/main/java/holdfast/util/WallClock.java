package holdfast.util;

/** Time of day, for file times and logs only: it may jump, so no timeout and no order uses it. */
@FunctionalInterface
public interface WallClock {
  /** Nanoseconds since 1970-01-01T00:00Z. Never blocks, never throws. */
  long nowNs();
}
