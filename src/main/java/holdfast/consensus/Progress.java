package holdfast.consensus;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A leader's record of one other member: what was sent to it, what it acknowledged, when it was
 * heard.
 */
final class Progress {
  /** How entries go to it. */
  enum Mode {
    /** One empty Append at a time, until it is known where the logs meet. */
    PROBE,
    /** As many as fit into the window, without waiting. */
    STREAM,
    /** It is so far behind that it gets a snapshot. */
    SNAPSHOT
  }

  private record Flight(long lastIndex, int sizeBytes) {}

  /** A snapshot on its way out; one piece at a time. */
  static final class Outgoing {
    final SnapshotMeta meta;
    long offset;
    boolean isReading;
    long sentMs;

    Outgoing(SnapshotMeta meta) {
      this.meta = meta;
    }
  }

  final Endpoint endpoint;
  Mode mode = Mode.PROBE;
  long matchIndex;
  long forcedIndex;
  long nextIndex;
  long heardMs;
  boolean hasAnsweredHeartbeat;
  long answeredSentMs;
  long answeredRound;
  long streamedAtRound;
  long probeSentMs;
  long progressMs;
  boolean isProbing;

  /** The nonce of its loss, 0 for none known, and how far it must have the log to be whole. */
  long recovering;

  long recoverUpTo;
  Outgoing outgoing;
  private final Deque<Flight> inflight = new ArrayDeque<>();
  private int inflightBytes;

  Progress(Endpoint endpoint, long nextIndex, long nowMs) {
    this.endpoint = endpoint;
    this.nextIndex = nextIndex;
    heardMs = nowMs;
  }

  void becomeProbe(long next) {
    mode = Mode.PROBE;
    nextIndex = Math.max(matchIndex + 1, next);
    isProbing = false;
    outgoing = null;
    inflight.clear();
    inflightBytes = 0;
  }

  void becomeStream() {
    mode = Mode.STREAM;
    nextIndex = matchIndex + 1;
    isProbing = false;
    outgoing = null;
  }

  void becomeSnapshot(SnapshotMeta meta) {
    becomeProbe(nextIndex);
    mode = Mode.SNAPSHOT;
    outgoing = new Outgoing(meta);
  }

  /** It may have lost the end of its log: what it acknowledged before counts no more. */
  void lost(long nonce, long upTo, long next, boolean isKept) {
    recovering = nonce;
    recoverUpTo = upTo;
    if (!isKept) {
      matchIndex = 0;
      forcedIndex = 0;
    }
    becomeProbe(next);
  }

  boolean isWindowFull(RaftConfig config) {
    return inflight.size() >= config.inflightMessagesMax()
        || inflightBytes >= config.inflightBytesMax();
  }

  void sent(long lastIndex, int sizeBytes, long nowMs) {
    progressMs = inflight.isEmpty() ? nowMs : progressMs;
    inflight.add(new Flight(lastIndex, sizeBytes));
    inflightBytes += sizeBytes;
    nextIndex = lastIndex + 1;
  }

  /** Everything up to {@code index} is acknowledged. */
  void acknowledged(long index, long forced, long nowMs) {
    progressMs = index > matchIndex ? nowMs : progressMs;
    matchIndex = Math.max(matchIndex, index);
    forcedIndex = Math.max(forcedIndex, forced);
    nextIndex = Math.max(nextIndex, matchIndex + 1);
    while (!inflight.isEmpty() && inflight.getFirst().lastIndex() <= matchIndex) {
      inflightBytes -= inflight.removeFirst().sizeBytes();
    }
  }
}
