package holdfast.client.pool;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.LinkedHashSet;
import java.util.TreeSet;

/**
 * Numbers this client's changes and keeps the unanswered ones within what the pool remembers of a
 * client: a change may start only while the oldest unanswered one is less than {@value #SPAN_MAX}
 * behind. Loop only.
 */
final class ChangeWindow {
  /** Widest span of unanswered sequences: below the 256 results the pool remembers. */
  static final int SPAN_MAX = 128;

  /** Most changes that wait to start. */
  static final int WAITING_MAX = 4_096;

  private final TreeSet<Long> unanswered = new TreeSet<>();
  private final LinkedHashSet<Runnable> waiting = new LinkedHashSet<>();
  private long nextSequence = 1;

  /**
   * Runs {@code start} now or when there is room; it must call {@link #begin} once.
   *
   * @return whether it ran
   */
  boolean whenRoom(Runnable start) {
    boolean isNow = hasRoom();
    if (isNow) {
      start.run();
    } else if (waiting.size() < WAITING_MAX) {
      waiting.add(start);
    } else {
      throw new HoldfastException(
          ErrorCode.BUSY, "change namespace: expected=at most " + WAITING_MAX + " waiting changes");
    }
    return isNow;
  }

  /** Whether it neither ran nor left. */
  boolean isWaiting(Runnable start) {
    return waiting.contains(start);
  }

  /** It doesn't wait any longer, and won't run. */
  void leave(Runnable start) {
    waiting.remove(start);
  }

  /** The sequence of a change that starts now. */
  long begin() {
    long sequence = nextSequence++;
    unanswered.add(sequence);
    return sequence;
  }

  /** It is known what became of the change. */
  void end(long sequence) {
    unanswered.remove(sequence);
    while (hasRoom() && !waiting.isEmpty()) {
      waiting.removeFirst().run();
    }
  }

  /** Every smaller sequence has been answered. */
  long answeredBelow() {
    return unanswered.isEmpty() ? nextSequence : unanswered.first();
  }

  private boolean hasRoom() {
    return unanswered.isEmpty() || nextSequence - unanswered.first() < SPAN_MAX;
  }
}
