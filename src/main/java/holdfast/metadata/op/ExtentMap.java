package holdfast.metadata.op;

import java.util.ArrayList;
import java.util.List;

/**
 * A file's extents as a value: ascending, without overlap. Peers and clients compute with the same
 * functions, so a client knows the map its commit will make, and can tag it.
 */
public final class ExtentMap {
  /** Size of the window of a file in which extents are counted, in bytes; windows are aligned. */
  public static final int WINDOW_BYTES = 4 << 20;

  /** Most extents that may overlap one window: a commit that makes more is refused. */
  public static final int WINDOW_EXTENTS_MAX = 64;

  private ExtentMap() {}

  /**
   * The extents after {@code [from, to)} became {@code replacement}: neighbours are cropped, or
   * split where the range lies inside one.
   *
   * @param extents ascending, without overlap
   * @param replacement ascending, without overlap, within the range; empty for a hole
   */
  public static List<Extent> replace(
      List<Extent> extents, long from, long to, List<Extent> replacement) {
    var result = new ArrayList<Extent>(extents.size() + replacement.size() + 1);
    int next = 0;
    while (next < extents.size() && extents.get(next).fileOffset() < from) {
      var extent = extents.get(next++);
      result.add(extent.fileEnd() <= from ? extent : extent.crop(extent.fileOffset(), from));
    }
    // An extent that begins before the range may also reach beyond it.
    var right = new ArrayList<Extent>(1);
    if (next > 0 && extents.get(next - 1).fileEnd() > to) {
      right.add(extents.get(next - 1).crop(to, Extent.FILE_MAX_BYTES));
    }
    result.addAll(replacement);
    result.addAll(right);
    for (; next < extents.size(); next++) {
      var extent = extents.get(next);
      if (extent.fileEnd() > to) {
        result.add(extent.crop(to, Extent.FILE_MAX_BYTES));
      }
    }
    return result;
  }

  /** The extents after one replacement. */
  public static List<Extent> replace(List<Extent> extents, Replacement replacement) {
    return replace(
        extents, replacement.fromOffset(), replacement.toOffset(), replacement.extents());
  }

  /** The extents after a cut to {@code sizeBytes}. */
  public static List<Extent> truncate(List<Extent> extents, long sizeBytes) {
    if (extents.isEmpty() || extents.get(extents.size() - 1).fileEnd() <= sizeBytes) {
      return extents;
    }
    return replace(extents, sizeBytes, Extent.FILE_MAX_BYTES, List.of());
  }

  /** The extents after a whole commit: its replacements in order, then the cut to the new size. */
  public static List<Extent> apply(List<Extent> extents, Operation.Commit commit) {
    var result = extents;
    for (Replacement replacement : commit.replacements()) {
      result = replace(result, replacement);
    }
    return truncate(result, commit.newSizeBytes());
  }

  /**
   * The start of the first window that more than {@value #WINDOW_EXTENTS_MAX} extents overlap, or
   * -1 if there is none. The client rewrites that window: it reads it and commits it as one new
   * chunk.
   *
   * @param extents ascending, without overlap
   */
  public static long crowdedWindow(List<Extent> extents) {
    long window = -1;
    int count = 0;
    for (Extent extent : extents) {
      // An extent is no longer than a window, so it overlaps two at most.
      long first = extent.fileOffset() / WINDOW_BYTES;
      long last = (extent.fileEnd() - 1) / WINDOW_BYTES;
      count = first == window ? count + 1 : 1;
      window = first;
      if (count > WINDOW_EXTENTS_MAX) {
        return window * WINDOW_BYTES;
      }
      if (last > first) {
        window = last;
        count = 1;
      }
    }
    return -1;
  }

  /** Bytes that the extents cover. */
  public static long allocatedBytes(List<Extent> extents) {
    long bytes = 0;
    for (Extent extent : extents) {
      bytes += extent.lengthBytes();
    }
    return bytes;
  }
}
