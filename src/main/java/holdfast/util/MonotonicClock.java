package holdfast.util;

/** Time for deadlines and timeouts: nanoseconds of which only differences mean anything. */
@FunctionalInterface
public interface MonotonicClock {
  /** Nanoseconds since an arbitrary point; never goes back. Never blocks, never throws. */
  long nowNs();
}
