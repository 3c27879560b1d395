package holdfast.client.file;

import holdfast.metadata.op.ExtentMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A set of bytes of a file as half-open ranges, merged where they touch. Not thread-safe. */
public final class Ranges {
  private final TreeMap<Long, Long> endByStart = new TreeMap<>();

  /** One range: {@code from} inclusive, {@code to} exclusive. */
  record Range(long from, long to) {
    long lengthBytes() {
      return to - from;
    }
  }

  public boolean isEmpty() {
    return endByStart.isEmpty();
  }

  void clear() {
    endByStart.clear();
  }

  public void add(long from, long to) {
    if (from >= to) {
      return;
    }
    long start = from;
    long end = to;
    Map.Entry<Long, Long> before = endByStart.floorEntry(from);
    if (before != null && before.getValue() >= from) {
      start = before.getKey();
      end = Math.max(end, before.getValue());
    }
    for (var next = endByStart.ceilingEntry(start);
        next != null && next.getKey() <= end;
        next = endByStart.ceilingEntry(start)) {
      end = Math.max(end, next.getValue());
      endByStart.remove(next.getKey());
    }
    endByStart.put(start, end);
  }

  /** A set of its own with the same ranges. */
  Ranges copy() {
    var copy = new Ranges();
    copy.endByStart.putAll(endByStart);
    return copy;
  }

  /** Adds all of the other's. */
  void addAll(Ranges other) {
    other.endByStart.forEach(this::add);
  }

  /** Removes everything at and above {@code from}. */
  void cutFrom(long from) {
    endByStart.tailMap(from, true).clear();
    Map.Entry<Long, Long> last = endByStart.lastEntry();
    if (last != null && last.getValue() > from) {
      endByStart.put(last.getKey(), from);
    }
  }

  /** Removes a range. */
  public void remove(long from, long to) {
    if (from >= to) {
      return;
    }
    Map.Entry<Long, Long> before = endByStart.lowerEntry(from);
    Map.Entry<Long, Long> last = endByStart.lowerEntry(to);
    if (last != null && last.getValue() > to) {
      endByStart.put(to, last.getValue());
    }
    if (before != null && before.getValue() > from) {
      endByStart.put(before.getKey(), from);
    }
    endByStart.subMap(from, true, to, false).clear();
  }

  /** The first byte behind all ranges; 0 without any. */
  long end() {
    Map.Entry<Long, Long> last = endByStart.lastEntry();
    return last == null ? 0 : last.getValue();
  }

  int count() {
    return endByStart.size();
  }

  /** The ranges, ascending. */
  List<Range> list() {
    var ranges = new ArrayList<Range>(endByStart.size());
    endByStart.forEach((from, to) -> ranges.add(new Range(from, to)));
    return ranges;
  }

  /** The parts of the ranges within {@code [from, to)}, ascending. */
  List<Range> within(long from, long to) {
    var parts = new ArrayList<Range>();
    Map.Entry<Long, Long> first = endByStart.floorEntry(from);
    long start = first == null ? from : first.getKey();
    for (var entry : endByStart.tailMap(start, true).entrySet()) {
      if (entry.getKey() >= to) {
        break;
      }
      long partFrom = Math.max(entry.getKey(), from);
      long partTo = Math.min(entry.getValue(), to);
      if (partFrom < partTo) {
        parts.add(new Range(partFrom, partTo));
      }
    }
    return parts;
  }

  /** The parts of {@code [from, to)} that no range covers, ascending. */
  List<Range> gaps(long from, long to) {
    var gaps = new ArrayList<Range>();
    long next = from;
    for (Range range : within(from, to)) {
      if (range.from() > next) {
        gaps.add(new Range(next, range.from()));
      }
      next = range.to();
    }
    if (next < to) {
      gaps.add(new Range(next, to));
    }
    return gaps;
  }

  /** Starts of the windows that the ranges touch, ascending. */
  List<Long> windows() {
    var windows = new ArrayList<Long>();
    for (Range range : list()) {
      long first = range.from() - range.from() % ExtentMap.WINDOW_BYTES;
      for (long window = first; window < range.to(); window += ExtentMap.WINDOW_BYTES) {
        if (windows.isEmpty() || windows.getLast() != window) {
          windows.add(window);
        }
      }
    }
    return windows;
  }
}
