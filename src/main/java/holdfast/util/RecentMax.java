package holdfast.util;

/**
 * The largest of what was measured lately: in the present window of time or the one before, so that
 * a value counts for one to two windows. Not thread-safe.
 */
public final class RecentMax {
  private final long windowMs;
  private long windowEndMs;
  private long before;
  private long now;

  /**
   * @param windowMs how long a value counts at least
   */
  public RecentMax(long windowMs) {
    this.windowMs = windowMs;
  }

  /** Takes note of a value measured at this time. */
  public void add(long nowMs, long value) {
    turn(nowMs);
    now = Math.max(now, value);
  }

  /** The largest that still counts; 0 if none does. */
  public long value(long nowMs) {
    turn(nowMs);
    return Math.max(before, now);
  }

  private void turn(long nowMs) {
    if (nowMs >= windowEndMs) {
      before = nowMs - windowEndMs < windowMs ? now : 0;
      now = 0;
      windowEndMs = nowMs + windowMs;
    }
  }
}
