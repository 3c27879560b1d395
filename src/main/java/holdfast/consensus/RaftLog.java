package holdfast.consensus;

import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * The log's entries in memory: those after the base, which a durable snapshot covers. Also knows
 * which configuration is in force at each point. Entries leave only at either end.
 */
final class RaftLog {
  private final List<LogEntry> entries = new ArrayList<>();
  private final TreeMap<Long, Configuration> configurations = new TreeMap<>();
  private long baseIndex;
  private long baseTerm;
  private long sizeBytes;

  /** An empty log after what {@code meta} covers. */
  RaftLog(SnapshotMeta meta) {
    reset(meta);
  }

  long baseIndex() {
    return baseIndex;
  }

  long lastIndex() {
    return baseIndex + entries.size();
  }

  long lastTerm() {
    return termAt(lastIndex());
  }

  /** Encoded bytes of the entries. */
  long sizeBytes() {
    return sizeBytes;
  }

  int entryCount() {
    return entries.size();
  }

  /** The term at an index from the base to the end; -1 for any other. */
  long termAt(long index) {
    if (index == baseIndex) {
      return baseTerm;
    }
    return index < baseIndex || index > lastIndex() ? -1 : entry(index).term();
  }

  LogEntry entry(long index) {
    return entries.get(Math.toIntExact(index - baseIndex - 1));
  }

  /** The configuration in force: the last one in the log, committed or not. */
  Configuration configuration() {
    return configurations.lastEntry().getValue();
  }

  /** The index of the entry that brought the configuration in force. */
  long configurationIndex() {
    return configurations.lastKey();
  }

  /** The configuration in force at an index not before the base. */
  Configuration configurationAt(long index) {
    return configurations.floorEntry(index).getValue();
  }

  /** The one in force before the newest; the newest itself if none before it is in memory. */
  Configuration configurationBefore() {
    var before = configurations.lowerEntry(configurations.lastKey());
    return before == null ? configuration() : before.getValue();
  }

  /**
   * Those in force at {@code index} and after it, in order; the newest at least. Nobody, as before
   * the first entry, is none of them.
   */
  List<Configuration> configurationsFrom(long index) {
    Long first = configurations.floorKey(index);
    var from = first == null ? configurations : configurations.tailMap(first, true);
    List<Configuration> open = from.values().stream().filter(c -> !c.voters().isEmpty()).toList();
    return open.isEmpty() ? List.of(configuration()) : open;
  }

  void append(LogEntry entry) {
    Invariants.check(
        entry.index() == lastIndex() + 1 && entry.term() >= lastTerm(),
        "append entry: expected=after %s.%s, was=%s",
        lastIndex(),
        lastTerm(),
        entry);
    entries.add(entry);
    sizeBytes += entry.sizeBytes();
    if (entry.kind() == LogEntry.Kind.CONFIGURATION) {
      configurations.put(entry.index(), Configuration.of(entry.payload()));
    }
  }

  /** Drops every entry from {@code index} on. */
  void truncateFrom(long index) {
    List<LogEntry> tail = entries.subList(Math.toIntExact(index - baseIndex - 1), entries.size());
    tail.forEach(entry -> sizeBytes -= entry.sizeBytes());
    tail.clear();
    configurations.tailMap(index, true).clear();
  }

  /** Makes {@code index}, which is in the log, the base. */
  void compactTo(long index) {
    long term = termAt(index);
    Invariants.check(term >= 0, "compact log: expected=%s in the log, last=%s", index, lastIndex());
    var configuration = configurations.floorEntry(index);
    List<LogEntry> head = entries.subList(0, Math.toIntExact(index - baseIndex));
    head.forEach(entry -> sizeBytes -= entry.sizeBytes());
    head.clear();
    configurations.headMap(index, true).clear();
    configurations.put(configuration.getKey(), configuration.getValue());
    baseIndex = index;
    baseTerm = term;
  }

  /** Drops everything; the log goes on after what {@code meta} covers. */
  void reset(SnapshotMeta meta) {
    entries.clear();
    sizeBytes = 0;
    configurations.clear();
    configurations.put(meta.index(), meta.configuration());
    baseIndex = meta.index();
    baseTerm = meta.term();
  }

  /** Entries from {@code from} to {@code to}: at least one, else within both bounds. */
  List<LogEntry> slice(long from, long to, int maxBytes, int maxCount) {
    List<LogEntry> slice = new ArrayList<>();
    int bytes = 0;
    for (long index = from; index <= to && slice.size() < maxCount; index++) {
      LogEntry entry = entry(index);
      if (!slice.isEmpty() && bytes + entry.sizeBytes() > maxBytes) {
        break;
      }
      slice.add(entry);
      bytes += entry.sizeBytes();
    }
    return slice;
  }

  /** Encoded bytes of the entries in (after, upTo]. */
  long bytesBetween(long after, long upTo) {
    long bytes = 0;
    for (long index = Math.max(after, baseIndex) + 1; index <= upTo; index++) {
      bytes += entry(index).sizeBytes();
    }
    return bytes;
  }

  /** The lowest index &gt;= {@code floor} from which on the entries up to {@code upTo} fit. */
  long lowestWithin(long floor, long upTo, long maxBytes) {
    long bytes = 0;
    long index = upTo;
    while (index > Math.max(floor, baseIndex)) {
      bytes += entry(index).sizeBytes();
      if (bytes > maxBytes) {
        break;
      }
      index--;
    }
    return index;
  }

  /** The first index in memory with the term that stands at {@code index}. */
  long firstOfTermAt(long index) {
    long term = termAt(index);
    long first = index;
    while (first - 1 > baseIndex && termAt(first - 1) == term) {
      first--;
    }
    return first;
  }

  /** The last index at or before {@code from} with this term; -1 if there is none in memory. */
  long lastOfTerm(long term, long from) {
    long index = Math.min(from, lastIndex());
    while (index >= baseIndex && termAt(index) > term) {
      index--;
    }
    return index >= baseIndex && termAt(index) == term ? index : -1;
  }
}
