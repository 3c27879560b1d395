package holdfast.network;

import java.util.random.RandomGenerator;

/**
 * Decides when a node may be dialled again after failures: doubling pauses with jitter. Pure. Loop
 * only.
 */
final class Backoff {
  private final long minNs;
  private final long maxNs;
  private final RandomGenerator random;
  private int failureCount;
  private long notBeforeNs;

  Backoff(long minNs, long maxNs, RandomGenerator random) {
    this.minNs = minNs;
    this.maxNs = maxNs;
    this.random = random;
  }

  /** A dial failed now: the next pause is between half and all of the doubled one. */
  void failed(long nowNs) {
    long pauseNs = Math.min(maxNs, minNs << Math.min(failureCount, 20));
    failureCount++;
    notBeforeNs = nowNs + pauseNs / 2 + random.nextLong(pauseNs / 2 + 1);
  }

  /** A dial succeeded, or there is a reason to hope: dial at once. */
  void reset() {
    failureCount = 0;
  }

  /** True when no pause is running. */
  boolean isOver(long nowNs) {
    return failureCount == 0 || nowNs - notBeforeNs >= 0;
  }
}
