package holdfast.client.file;

import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import java.util.ArrayList;
import java.util.List;

/**
 * Operations on a file's extents, ascending and without overlap, each in one pass: a large file has
 * tens of thousands.
 */
final class Extents {
  private Extents() {}

  /** The parts of the extents that lie within the range; finds the first by bisection. */
  static List<Extent> within(List<Extent> extents, long from, long to) {
    if (from >= to) {
      return List.of();
    }
    var within = new ArrayList<Extent>();
    for (int i = firstEndingAfter(extents, from); i < extents.size(); i++) {
      Extent extent = extents.get(i);
      if (extent.fileOffset() >= to) {
        break;
      }
      within.add(extent.crop(from, to));
    }
    return within;
  }

  private static int firstEndingAfter(List<Extent> extents, long offset) {
    int low = 0;
    int high = extents.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (extents.get(middle).fileEnd() > offset) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /**
   * The extents after the ranges became what {@code inside} says, and holes where it says nothing.
   *
   * @param ranges ascending, without overlap
   * @param inside ascending, each within one of the ranges
   */
  static List<Extent> replace(
      List<Extent> extents, List<Ranges.Range> ranges, List<Extent> inside) {
    var result = new ArrayList<Extent>(extents.size() + inside.size() + ranges.size());
    var old = extents.iterator();
    var given = inside.iterator();
    Extent next = given.hasNext() ? given.next() : null;
    Extent current = old.hasNext() ? old.next() : null;
    for (Ranges.Range range : ranges) {
      while (current != null && current.fileOffset() < range.from()) {
        if (current.fileEnd() <= range.from()) {
          result.add(current);
          current = old.hasNext() ? old.next() : null;
        } else {
          result.add(current.crop(current.fileOffset(), range.from()));
          current = current.crop(range.from(), current.fileEnd());
        }
      }
      while (current != null && current.fileOffset() < range.to()) {
        if (current.fileEnd() <= range.to()) {
          current = old.hasNext() ? old.next() : null;
        } else {
          current = current.crop(range.to(), current.fileEnd());
        }
      }
      for (; next != null && next.fileOffset() < range.to(); ) {
        result.add(next);
        next = given.hasNext() ? given.next() : null;
      }
    }
    while (current != null) {
      result.add(current);
      current = old.hasNext() ? old.next() : null;
    }
    return result;
  }

  /** What one list has and the other hasn't. */
  record Difference(List<Extent> removed, List<Extent> added) {}

  /** What becomes of one list to make the other. */
  static Difference difference(List<Extent> before, List<Extent> after) {
    var removed = new ArrayList<Extent>();
    var added = new ArrayList<Extent>();
    int old = 0;
    int now = 0;
    while (old < before.size() && now < after.size()) {
      Extent was = before.get(old);
      Extent is = after.get(now);
      if (was == is || was.equals(is)) {
        old++;
        now++;
      } else if (was.fileOffset() <= is.fileOffset()) {
        removed.add(was);
        old++;
      } else {
        added.add(is);
        now++;
      }
    }
    removed.addAll(before.subList(old, before.size()));
    added.addAll(after.subList(now, after.size()));
    return new Difference(removed, added);
  }

  /** Starts of the first windows that more extents overlap than the pool takes. */
  static List<Long> crowdedWindows(List<Extent> extents, int maxCount) {
    var crowded = new ArrayList<Long>();
    long window = -1;
    int count = 0;
    for (Extent extent : extents) {
      // An extent is no longer than a window, so it overlaps two at most.
      long first = extent.fileOffset() / ExtentMap.WINDOW_BYTES;
      long last = (extent.fileEnd() - 1) / ExtentMap.WINDOW_BYTES;
      count = first == window ? count + 1 : 1;
      window = first;
      if (count == ExtentMap.WINDOW_EXTENTS_MAX + 1) {
        crowded.add(window * ExtentMap.WINDOW_BYTES);
        if (crowded.size() == maxCount) {
          break;
        }
      }
      if (last > first) {
        window = last;
        count = 1;
      }
    }
    return crowded;
  }
}
