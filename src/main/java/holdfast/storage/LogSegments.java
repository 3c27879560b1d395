package holdfast.storage;

import holdfast.consensus.LogEntry;
import holdfast.model.LogId;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The list of segments of an operation log, in the order of their entries: finds the one that holds
 * an index. Not thread-safe: the store locks.
 */
final class LogSegments {
  private final Disk disk;
  private final List<LogSegment> segments;

  LogSegments(Disk disk, List<LogSegment> segments) {
    this.disk = disk;
    this.segments = new ArrayList<>(segments);
  }

  boolean isEmpty() {
    return segments.isEmpty();
  }

  int count() {
    return segments.size();
  }

  LogSegment get(int place) {
    return segments.get(place);
  }

  LogSegment last() {
    return segments.getLast();
  }

  void add(LogSegment segment) {
    segments.add(segment);
  }

  /** The chain value behind the last entry; 0 where there is no file. */
  int lastChain() {
    return segments.isEmpty() ? 0 : last().lastChain();
  }

  long sizeBytes() {
    return segments.stream().mapToLong(LogSegment::tailBytes).sum();
  }

  /** Term of an entry that is in one of them. */
  long term(long index) {
    return LogSegment.holding(segments, index).term(index);
  }

  /** Checks that entries follow (lastIndex, lastTerm) and are few enough; returns their bytes. */
  static int checkBatch(List<LogEntry> entries, long lastIndex, long lastTerm) {
    long index = lastIndex;
    long term = lastTerm;
    int batchBytes = 0;
    for (LogEntry entry : entries) {
      index++;
      Invariants.check(
          entry.index() == index,
          "entries are consecutive: expected=%s, was=%s",
          index,
          entry.index());
      Invariants.check(
          entry.term() >= term, "terms don't fall: was=%s after %s", entry.term(), term);
      term = entry.term();
      batchBytes += LogFormat.ENTRY_HEADER_BYTES + entry.payload().length;
      Invariants.check(
          batchBytes <= LogFormat.BATCH_BYTES_MAX,
          "batch has at most %s bytes",
          LogFormat.BATCH_BYTES_MAX);
    }
    return batchBytes;
  }

  /**
   * Entries from an index that is in one of them, up to the log's last: as many as fit {@code
   * maxBytes}, at least one. Empty if what was read isn't what was written.
   */
  Optional<List<LogEntry>> read(long fromIndex, long lastIndex, int maxBytes) {
    var entries = new ArrayList<LogEntry>();
    long index = fromIndex;
    int leftBytes = maxBytes;
    while (index <= lastIndex && leftBytes >= 0) {
      var left = LogSegment.holding(segments, index).read(index, leftBytes, entries);
      if (left.isEmpty()) {
        return Optional.empty();
      }
      leftBytes = left.get();
      index = fromIndex + entries.size();
    }
    return Optional.of(entries);
  }

  /** How many of them end before this index. */
  int countBefore(long index) {
    int count = 0;
    while (count < segments.size() && segments.get(count).endIndex() <= index) {
      count++;
    }
    return count;
  }

  /** How many of them begin before this index. */
  int countBegunBefore(long index) {
    int count = segments.size();
    while (count > 0 && segments.get(count - 1).firstIndex() >= index) {
      count--;
    }
    return count;
  }

  /** Deletes the lowest; the state names them no more. */
  void dropLowest(int count) {
    for (LogSegment lowest : List.copyOf(segments.subList(0, count))) {
      segments.remove(lowest);
      lowest.close();
      disk.delete(LogFormat.segmentName(lowest.number()));
    }
  }

  /** Deletes all behind the first {@code keep}, from the highest down, each durably. */
  void dropHighest(int keep) {
    while (segments.size() > keep) {
      LogSegment last = segments.removeLast();
      last.close();
      disk.delete(LogFormat.segmentName(last.number()));
      disk.forceDirectory();
    }
  }

  /** Renames all to files of a log that was left; forced with the directory. */
  void setAside(LogId left) {
    for (LogSegment segment : segments) {
      segment.close();
      String name = LogFormat.segmentName(segment.number());
      disk.rename(name, LogFormat.asideName(left, name));
    }
    segments.clear();
  }

  void close() {
    segments.forEach(LogSegment::close);
  }
}
