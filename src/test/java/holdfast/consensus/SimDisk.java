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
  Recovery recovery = Recovery.NONE;
  final TreeMap<Long, Stored> snapshots = new TreeMap<>();
  private List<LogEntry> log = new ArrayList<>();
  private List<LogEntry> forcedLog = new ArrayList<>();
  private final Deque<LogWrite> unforced = new ArrayDeque<>();

  void found(InitialState initial) {
    hardState = initial.hardState();
    log.addAll(initial.entries());
    force();
  }

  /** The disk of a log that goes on after a snapshot. */
  static SimDisk after(HardState hardState, Stored snapshot) {
    var disk = new SimDisk();
    disk.hardState = hardState;
    disk.snapshots.put(snapshot.meta().index(), snapshot);
    return disk;
  }

  /** What a backup made now would bring back later. */
  SimDisk copy() {
    var copy = new SimDisk();
    copy.hardState = hardState;
    copy.recovery = recovery;
    copy.snapshots.putAll(snapshots);
    copy.log.addAll(log);
    copy.forcedLog.addAll(log);
    return copy;
  }

  void append(long truncateFrom, List<LogEntry> entries) {
    if (truncateFrom > 0) {
      // A cut is durable before what takes the place is written.
      log.removeIf(entry -> entry.index() >= truncateFrom);
      force();
    }
    write(
        target -> {
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

  /** Loses all that wasn't forced. */
  void loseUnforced() {
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

  /** Whether the forced log or a snapshot reaches into this term or a later one. */
  boolean hasForcedOf(long term) {
    return snapshots.values().stream().anyMatch(s -> s.meta().term() >= term)
        || forcedLog.stream().anyMatch(e -> e.term() >= term);
  }

  InitialState initialState() {
    force();
    return held();
  }

  /** What it holds, forced or not. */
  InitialState held() {
    SnapshotMeta meta =
        snapshots.isEmpty() ? SnapshotMeta.NONE : snapshots.lastEntry().getValue().meta();
    return new InitialState(hardState, meta, log, recovery);
  }
}
