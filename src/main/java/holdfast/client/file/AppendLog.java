package holdfast.client.file;

import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/**
 * Tracks the bytes of a file that came by O_APPEND and aren't committed: their place is the file's
 * end, wherever that is when the pool commits them. Not thread-safe.
 */
final class AppendLog {
  /** The longest write(2) that is committed as a whole. */
  static final long WHOLE_MAX_BYTES = 1L << 20;

  /**
   * The kernel sends the rest of a write sooner than that. It does so at once, but the program that
   * writes has to get a core first. <i>Event: a busy machine gave it none for 0.1 s, and another
   * mount's record came between the two parts.</i>
   */
  static final long OPEN_MAX_NS = TimeUnit.SECONDS.toNanos(1);

  /** All of them. Between two ranges lies what other writes made longer. */
  private final Ranges all = new Ranges();

  /** Those of them that the file's view has: they can be moved, and committed. */
  private final Ranges saved = new Ranges();

  /**
   * Where a commit may end within a range: between two writes. Not everywhere, but at least once in
   * each window and wherever everything was saved.
   */
  private final NavigableSet<Long> borders = new TreeSet<>();

  /** Extents of commits whose outcome isn't known. */
  private final Set<Extent> indeterminate = new LinkedHashSet<>();

  /** Start of the newest write, of which the kernel may have more to send; none: the maximum. */
  private long openFrom = Long.MAX_VALUE;

  private FileHandle openHandle;

  /** When its last piece came, on the monotonic clock. */
  private long openNs;

  /** Commits for which appending pauses, until nothing appended is in flight. */
  private int pauseCount;

  /** The pool has a newer version, and what was appended has to be saved before it is moved. */
  private boolean mustMove;

  boolean isEmpty() {
    return all.isEmpty();
  }

  boolean isPaused() {
    return pauseCount > 0;
  }

  /** One more commit needs appending to wait, or one less. */
  void pause(boolean isPaused) {
    pauseCount += isPaused ? 1 : -1;
  }

  boolean mustMove() {
    return mustMove;
  }

  void setMustMove(boolean isNow) {
    mustMove = isNow;
  }

  /** Whether any of them isn't in the view yet. */
  boolean isPending() {
    return pendingFrom() < Long.MAX_VALUE;
  }

  /**
   * A request to write has come, at the file's end.
   *
   * @param mayGoOn whether the next request may be of the same write(2): the kernel splits
   */
  void add(FileHandle handle, long from, long to, boolean mayGoOn, long nowNs) {
    boolean isNewRun = all.isEmpty() || all.end() != from;
    boolean goesOn = isOpen(handle) && to - openFrom <= WHOLE_MAX_BYTES;
    if (isNewRun || !goesOn) {
      settle();
      // Where a range begins; else only now and then: a border takes more room than a byte.
      if (isNewRun || (from - 1) / ExtentMap.WINDOW_BYTES != (to - 1) / ExtentMap.WINDOW_BYTES) {
        borders.add(from);
      }
      openFrom = from;
    } else if ((from - 1) / ExtentMap.WINDOW_BYTES != (to - 1) / ExtentMap.WINDOW_BYTES) {
      borders.add(openFrom);
    }
    all.add(from, to);
    openHandle = handle;
    openNs = nowNs;
    if (!mayGoOn) {
      openFrom = Long.MAX_VALUE;
    }
  }

  boolean isOpen() {
    return openFrom < Long.MAX_VALUE;
  }

  boolean isOpen(FileHandle handle) {
    return isOpen() && openHandle == handle;
  }

  /** How long to wait for the rest of the newest write; 0 or less: no longer. */
  long openLeftNs(long nowNs) {
    return isOpen() ? OPEN_MAX_NS - (nowNs - openNs) : 0;
  }

  /** The newest write is complete. */
  void settle() {
    if (isOpen()) {
      openFrom = Long.MAX_VALUE;
      borders.add(all.end());
    }
  }

  /** Everything that was written so far is being saved. */
  void mark() {
    if (!all.isEmpty() && !isOpen()) {
      borders.add(all.end());
    }
  }

  /** The view has what lies in this range. */
  void saved(long from, long to) {
    all.within(from, to).forEach(range -> saved.add(range.from(), range.to()));
  }

  /** The file was cut: what lay behind is gone. */
  void cutFrom(long sizeBytes) {
    all.cutFrom(sizeBytes);
    saved.cutFrom(sizeBytes);
    borders.tailSet(sizeBytes, false).clear();
    openFrom = Long.MAX_VALUE;
    mark();
  }

  /** All is reverted. */
  void clear() {
    all.clear();
    saved.clear();
    borders.clear();
    indeterminate.clear();
    openFrom = Long.MAX_VALUE;
    mustMove = false;
  }

  private long pendingFrom() {
    for (Ranges.Range range : all.list()) {
      List<Ranges.Range> gaps = saved.gaps(range.from(), range.to());
      if (!gaps.isEmpty()) {
        return gaps.getFirst().from();
      }
    }
    return Long.MAX_VALUE;
  }

  /**
   * Up to where the file may be committed, so that no write is torn and none comes before an
   * earlier one.
   *
   * @param end the end of what one operation can carry; {@link Long#MAX_VALUE} when it carries all
   */
  long commitLimit(long end) {
    long limit = Math.min(end, Math.min(openFrom, pendingFrom()));
    if (limit == openFrom) {
      return limit; // the newest write begins there
    }
    for (Ranges.Range range : all.within(0, limit)) {
      if (range.to() == limit && !all.within(limit, limit + 1).isEmpty()) {
        return Math.max(range.from(), borders.floor(limit));
      }
    }
    return limit;
  }

  /** Removes these parts: they are being committed. */
  void claim(List<Ranges.Range> parts) {
    for (Ranges.Range range : parts) {
      borders.add(range.to());
      all.remove(range.from(), range.to());
      saved.remove(range.from(), range.to());
    }
  }

  /** What of them lies in these ranges. */
  List<Ranges.Range> within(List<Ranges.Range> ranges) {
    var parts = new ArrayList<Ranges.Range>();
    ranges.forEach(range -> parts.addAll(all.within(range.from(), range.to())));
    return parts;
  }

  /** What was claimed wasn't committed: what of it lies below this offset is here again. */
  void restore(List<Ranges.Range> claimed, long belowBytes) {
    for (Ranges.Range range : claimed) {
      long to = Math.min(range.to(), belowBytes);
      if (range.from() < to) {
        all.add(range.from(), to);
        saved.add(range.from(), to);
        borders.add(to); // what is appended behind a cut is another write
      }
    }
  }

  /** What was claimed may be committed: these are the commit's extents. */
  void setIndeterminate(List<Ranges.Range> claimed, List<Extent> extents) {
    for (Ranges.Range range : claimed) {
      indeterminate.addAll(Extents.within(extents, range.from(), range.to()));
    }
  }

  /** A commit has happened: earlier ones of the same version haven't. */
  void committed() {
    indeterminate.clear();
    if (all.isEmpty()) {
      borders.clear();
    } else {
      borders.headSet(all.list().getFirst().from(), false).clear();
    }
  }

  /** The ranges, ascending, which is in the order of writing. */
  List<Ranges.Range> list() {
    return all.list();
  }

  /** Those that were committed by an unanswered operation, as a newer version shows. */
  List<Ranges.Range> committedIn(List<Extent> newer) {
    var found = new ArrayList<Ranges.Range>();
    for (Extent extent : indeterminate) {
      if (newer.stream().anyMatch(other -> isSame(extent, other))) {
        found.addAll(all.within(extent.fileOffset(), extent.fileEnd()));
      }
    }
    return found;
  }

  /** A chunk has a random salt: whoever has it at all has it from that commit. */
  private static boolean isSame(Extent extent, Extent other) {
    return extent.chunk().equals(other.chunk())
        && extent.chunkOffset() < other.chunkOffset() + other.lengthBytes()
        && other.chunkOffset() < extent.chunkOffset() + extent.lengthBytes();
  }

  /** They lie one after the other from {@code start} on; what {@code gone} names is no more. */
  void moved(long start, List<Ranges.Range> gone) {
    gone.forEach(range -> all.remove(range.from(), range.to()));
    var newBorders = new ArrayList<Long>();
    long to = start;
    long newOpenFrom = Long.MAX_VALUE;
    for (Ranges.Range range : all.list()) {
      long shift = to - range.from();
      newBorders.add(to);
      boolean hasOpen = openFrom >= range.from() && openFrom < range.to();
      newOpenFrom = hasOpen ? openFrom + shift : newOpenFrom;
      borders.subSet(range.from(), true, range.to(), true).forEach(b -> newBorders.add(b + shift));
      to += range.lengthBytes();
    }
    all.clear();
    saved.clear();
    all.add(start, to);
    saved.add(start, to);
    borders.clear();
    borders.addAll(newBorders);
    openFrom = newOpenFrom;
    rebased();
  }

  /** The file's base is the newest version again. */
  void rebased() {
    indeterminate.clear();
    mustMove = false;
  }
}
