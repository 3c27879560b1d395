package holdfast.network;

import holdfast.util.MonotonicClock;
import java.util.concurrent.TimeUnit;

/**
 * Counts how long nothing has happened that should have, in a wait that is cut into looks. A look
 * counts for at most what was asked for: a process that was stopped, or came late, counts one look
 * and then looks again, instead of taking its own lateness for the other's silence. One thread.
 */
final class Silence {
  /** Looks in the longest silence. */
  static final int LOOKS = 5;

  private final MonotonicClock clock;
  private final long maxNs;
  private long silentNs;
  private long startNs;
  private long askedNs;

  Silence(MonotonicClock clock, long maxNs) {
    this.clock = clock;
    this.maxNs = maxNs;
  }

  /** What was waited for has moved. */
  void broken() {
    silentNs = 0;
  }

  /** Nothing has happened for as long as it may. */
  boolean isOver() {
    return silentNs >= maxNs;
  }

  /** A look begins: how long it waits, more than 0. */
  long lookNs() {
    return lookNs(maxNs);
  }

  /** A look begins, of at most so long. */
  long lookNs(long atMostNs) {
    askedNs = Math.max(1, Math.min(Math.min(atMostNs, maxNs / LOOKS), maxNs - silentNs));
    startNs = clock.nowNs();
    return askedNs;
  }

  /** The look ended, whatever it found. */
  void looked() {
    silentNs += Math.min(askedNs, clock.nowNs() - startNs);
    askedNs = 0;
  }

  /** The longest silence, for messages. */
  String max() {
    return TimeUnit.NANOSECONDS.toMillis(maxNs) + " ms";
  }
}
