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
  private final List<Long> stateHashes = new ArrayList<>(List.of(1L));
  private long acknowledgedIndex;

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

  /** State machine safety: an index is committed once and for all. Returns the state after it. */
  long committed(LogEntry entry) {
    int position = (int) entry.index() - 1;
    if (position == committed.size()) {
      committed.add(entry);
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
    acknowledgedIndex = Math.max(acknowledgedIndex, index);
  }

  long acknowledgedIndex() {
    return acknowledgedIndex;
  }

  void readAnswered(long index, long acknowledgedBefore, Object where) {
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
