package holdfast.consensus;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What must hold in every run, whatever happens: fed with all that the nodes do. */
final class Checkers {
  private record At(long index, long term) {}

  private record Seen(LogEntry entry, long previousTerm) {}

  private final Map<Long, Endpoint> leaders = new HashMap<>();
  private final Map<At, Seen> entries = new HashMap<>();
  private final List<LogEntry> committed = new ArrayList<>();
  private final List<Long> commitTerms = new ArrayList<>();
  private final List<Long> stateHashes = new ArrayList<>(List.of(1L));
  private long acknowledgedIndex;
  private long forcedIndex;
  private boolean isEnded;
  private boolean isLossExpected;

  /** Of the first log. */
  Checkers() {}

  /** Of a log that goes on from this history of another one. */
  Checkers(List<LogEntry> history, Checkers before) {
    for (LogEntry entry : history) {
      committed.add(entry);
      commitTerms.add(entry.term());
      stateHashes.add(nextHash(stateHashes.getLast(), entry));
    }
    acknowledgedIndex = Math.min(before.acknowledgedIndex, history.size());
    forcedIndex = before.forcedIndex;
  }

  /**
   * The log ends with this history, and another goes on from there. What was forced at a majority
   * is in it. Returns how many committed entries aren't.
   */
  long endedWith(List<LogEntry> history) {
    require(!isEnded, "a log ends once");
    isEnded = true;
    int kept = 0;
    while (kept < committed.size()
        && kept < history.size()
        && history.get(kept).equals(committed.get(kept))) {
      kept++;
    }
    require(
        kept >= forcedIndex || isLossExpected, "forced and lost: %s, kept %s", forcedIndex, kept);
    return committed.size() - kept;
  }

  /** Somebody in reach holds so much: nothing of it may get lost when this log ends. */
  void expectHeld(long index) {
    forcedIndex = Math.max(forcedIndex, index);
  }

  /** The only folder that had all of it was put back: what it had more is lost with the log. */
  void expectLoss() {
    isLossExpected = true;
  }

  /** An index is forced at a majority. */
  void forced(long index) {
    forcedIndex = Math.max(forcedIndex, index);
  }

  static void require(boolean condition, String message, Object... args) {
    if (!condition) {
      throw new AssertionError(String.format(message, args));
    }
  }

  static long nextHash(long hash, LogEntry entry) {
    long next = (hash ^ entry.index()) * 0x9E37_79B9_7F4A_7C15L;
    next = (next ^ entry.term() ^ Arrays.hashCode(entry.payload())) * 0xBF58_476D_1CE4_E5B9L;
    return next ^ (next >>> 29);
  }

  /** Election safety and leader completeness. {@code log} starts after {@code baseIndex}. */
  void leads(Endpoint leader, long term, long baseIndex, List<LogEntry> log) {
    Endpoint other = leaders.putIfAbsent(term, leader);
    require(
        other == null || other.equals(leader),
        "one leader a term: %s and %s in %s",
        other,
        leader,
        term);
    long last = baseIndex + log.size();
    for (long index = baseIndex + 1; index <= committed.size(); index++) {
      if (commitTerms.get((int) index - 1) >= term) {
        break; // Who is elected late, in an older term, needn't have what a later one committed.
      }
      require(index <= last, "leader completeness: %s of term %s lacks %s", leader, term, index);
      LogEntry own = log.get((int) (index - baseIndex - 1));
      require(
          own.equals(committed.get((int) index - 1)),
          "leader completeness: %s of term %s has %s, committed is %s",
          leader,
          term,
          own,
          committed.get((int) index - 1));
    }
  }

  /** Log matching: an index and a term name one entry with one predecessor. */
  void appended(LogEntry entry, long previousTerm) {
    Seen now = new Seen(entry, previousTerm);
    Seen before = entries.putIfAbsent(new At(entry.index(), entry.term()), now);
    require(before == null || before.equals(now), "log matching: %s and %s", before, now);
  }

  /**
   * State machine safety: an index is committed once and for all. Returns the state after it.
   *
   * @param inTerm the term of who says that it is committed
   */
  long committed(LogEntry entry, long inTerm) {
    int position = (int) entry.index() - 1;
    if (position == committed.size()) {
      require(!isEnded, "committed in a log that has ended: %s", entry);
      committed.add(entry);
      commitTerms.add(inTerm);
      stateHashes.add(nextHash(stateHashes.getLast(), entry));
    }
    require(
        position < committed.size() && committed.get(position).equals(entry),
        "committed never changes: %s, was %s",
        entry,
        position < committed.size() ? committed.get(position) : "nothing");
    return stateHashes.get(position + 1);
  }

  void acknowledged(long index) {
    require(!isEnded, "acknowledged in a log that has ended: %s", index);
    acknowledgedIndex = Math.max(acknowledgedIndex, index);
  }

  long acknowledgedIndex() {
    return acknowledgedIndex;
  }

  void readAnswered(long index, long acknowledgedBefore, Object where) {
    require(!isEnded, "read in a log that has ended, at %s", where);
    require(
        index >= acknowledgedBefore,
        "linearizable read: %s answers from %s, %s was acknowledged before it began",
        where,
        index,
        acknowledgedBefore);
  }

  void installed(long index, long stateHash) {
    require(
        index < stateHashes.size() && stateHashes.get((int) index) == stateHash,
        "snapshot %s holds another state",
        index);
  }

  long committedCount() {
    return committed.size();
  }

  LogEntry committedAt(long index) {
    return committed.get((int) index - 1);
  }
}
