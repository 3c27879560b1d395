package holdfast.consensus;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * One node's store. Writes happen in order; a killed process keeps those that were done, a power
 * cut any prefix of those that weren't forced. Hard state and snapshots are forced as written.
 */
final class SimDisk {
  /** A durable snapshot and its bytes. */
  record Stored(SnapshotMeta meta, byte[] bytes) {}

  private interface LogWrite {
    void applyTo(List<LogEntry> log);
  }

  HardState hardState = HardState.INITIAL;
  final TreeMap<Long, Stored> snapshots = new TreeMap<>();
  private List<LogEntry> log = new ArrayList<>();
  private List<LogEntry> forcedLog = new ArrayList<>();
  private final Deque<LogWrite> unforced = new ArrayDeque<>();

  void found(InitialState initial) {
    hardState = initial.hardState();
    log.addAll(initial.entries());
    force();
  }

  void append(long truncateFrom, List<LogEntry> entries) {
    write(
        target -> {
          if (truncateFrom > 0) {
            target.removeIf(entry -> entry.index() >= truncateFrom);
          }
          target.addAll(entries);
        });
  }

  void reset() {
    write(List::clear);
  }

  void compact(long upToIndex) {
    write(target -> target.removeIf(entry -> entry.index() <= upToIndex));
  }

  private void write(LogWrite write) {
    write.applyTo(log);
    unforced.add(write);
  }

  void force() {
    forcedLog = new ArrayList<>(log);
    unforced.clear();
  }

  /** Loses a random part of what wasn't forced. */
  void powerCut(RandomGenerator random) {
    int kept = random.nextInt(unforced.size() + 1);
    for (int i = 0; i < kept; i++) {
      unforced.removeFirst().applyTo(forcedLog);
    }
    log = new ArrayList<>(forcedLog);
    unforced.clear();
  }

  /** The last entry written; null if there is none. */
  LogEntry last() {
    return log.isEmpty() ? null : log.getLast();
  }

  /** Whether this very entry is in the forced log or covered by a snapshot. */
  boolean hasForced(long index, long term) {
    if (!snapshots.isEmpty() && snapshots.lastKey() >= index) {
      return true;
    }
    return forcedLog.stream().anyMatch(e -> e.index() == index && e.term() == term);
  }

  InitialState initialState() {
    force();
    SnapshotMeta meta =
        snapshots.isEmpty() ? SnapshotMeta.NONE : snapshots.lastEntry().getValue().meta();
    return new InitialState(hardState, meta, log);
  }
}
