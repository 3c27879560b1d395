package holdfast.client.pool;

import holdfast.port.Loop;

/**
 * How long the pool's leader hasn't answered this client, so that calls that begin then needn't all
 * find out for themselves. Written on the loop, read on any thread.
 */
final class Reach {
  /**
   * What was seen counts for so long. Without a look the loop has paused, and asked nobody: it is
   * looked about every second.
   */
  private static final long LOOK_COUNTS_NS = 3_000_000_000L;

  private final Loop loop;
  private volatile boolean wasReached;
  private volatile long reachedNs;
  private volatile long lookedNs;
  private volatile boolean isAlone;

  Reach(Loop loop) {
    this.loop = loop;
  }

  /** The leader answered. On the loop. */
  void reached() {
    reachedNs = loop.nowNs();
    lookedNs = reachedNs;
    wasReached = true;
  }

  /**
   * Takes note of what this process slept, and of whether any peer is connected; about every
   * second, on the loop.
   */
  void look(boolean isAnyConnected) {
    isAlone = !isAnyConnected;
    long awakeNs = loop.awakeSinceNs();
    if (awakeNs - reachedNs > 0) {
      reachedNs = awakeNs;
    }
    lookedNs = loop.nowNs();
  }

  /** Whether no peer was connected when it was looked. */
  boolean isAlone() {
    return isAlone;
  }

  /** Whether the leader was asked in vain for so long by now; false before it ever answered. */
  boolean isLostFor(long ns) {
    long nowNs = loop.nowNs();
    return wasReached && nowNs - lookedNs < LOOK_COUNTS_NS && nowNs - reachedNs >= ns;
  }
}
