package holdfast.client.file;

import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import java.util.ArrayList;
import java.util.List;

/**
 * Decides how what was written here lies over a version of the file that was made elsewhere: what
 * has an offset stays there, what was appended goes behind the newer version's end. Pure.
 *
 * @param view the extents of the two together
 * @param sizeBytes the size of the two together
 * @param written what of it was written here
 * @param appendsFrom where what was appended begins now; {@link #NOT_MOVED} if it stayed
 */
record Rebase(List<Extent> view, long sizeBytes, Ranges written, long appendsFrom) {
  /** Instead of an offset. */
  static final long NOT_MOVED = -1;

  /**
   * What was done here since the version that is known as committed.
   *
   * @param baseBytes the size of that version
   * @param view its extents with what was uploaded laid over them
   * @param sizeBytes the size here
   * @param cutBytes the lowest size that was set here; the maximum: none
   * @param written what programs changed in the view
   * @param appended what came by O_APPEND, all of it in the view if it has to move
   * @param appendsDone those of it that the newer version has already
   * @param pendingEnd the first byte behind what was written and isn't in the view; 0: nothing
   */
  record Mine(
      long baseBytes,
      List<Extent> view,
      long sizeBytes,
      long cutBytes,
      Ranges written,
      List<Ranges.Range> appended,
      List<Ranges.Range> appendsDone,
      long pendingEnd) {

    /** Whether a newer version of this size would move what was appended. */
    boolean moves(long newerBytes) {
      return !isCut() && !appended.isEmpty() && newerBytes != baseBytes;
    }

    /** The size was set here: whatever the newer version has behind it is cut off. */
    private boolean isCut() {
      return cutBytes < Long.MAX_VALUE;
    }

    private List<Extent> within(List<Ranges.Range> ranges) {
      var parts = new ArrayList<Extent>();
      ranges.forEach(range -> parts.addAll(Extents.within(view, range.from(), range.to())));
      return parts;
    }

    /** How far the file would reach by what else was done to it here. */
    private long endWithoutAppends(Ranges writtenElse) {
      if (sizeBytes > appended.getLast().to()) {
        return sizeBytes;
      }
      // Where appended ranges don't touch, something else had made the file longer in between.
      long lastFrom = appended.getLast().from();
      return lastFrom > baseBytes ? lastFrom : unsavedEnd(writtenElse);
    }

    /** How far the file reaches by what was done to it here; 0 if that didn't make it longer. */
    private long ownEnd() {
      return sizeBytes > baseBytes ? sizeBytes : unsavedEnd(written);
    }

    /** The first byte behind everything that programs wrote here and the pool hasn't got. */
    private long unsavedEnd(Ranges some) {
      long endBytes = pendingEnd;
      for (Ranges.Range range : some.list()) {
        // A hole that was made is no reason for a file to reach there.
        List<Extent> inside = Extents.within(view, range.from(), range.to());
        endBytes = inside.isEmpty() ? endBytes : Math.max(endBytes, inside.getLast().fileEnd());
      }
      return endBytes;
    }
  }

  /**
   * Lays what was done here over a newer version.
   *
   * @param newerBytes its size; {@code newer} are its extents
   */
  static Rebase of(Mine mine, long newerBytes, List<Extent> newer) {
    return mine.moves(newerBytes)
        ? moved(mine, newerBytes, newer)
        : inPlace(mine, newerBytes, newer);
  }

  private static Rebase inPlace(Mine mine, long newerBytes, List<Extent> newer) {
    List<Ranges.Range> kept = mine.written().list();
    List<Extent> base = mine.isCut() ? ExtentMap.truncate(newer, mine.cutBytes()) : newer;
    List<Extent> laid = Extents.replace(base, kept, mine.within(kept));
    Ranges written = mine.written().copy();
    long sizeBytes = mine.sizeBytes();
    if (mine.isCut()) {
      written.add(mine.cutBytes(), newerBytes);
    } else {
      sizeBytes = Math.max(newerBytes, mine.ownEnd());
      written.cutFrom(sizeBytes); // a hole behind the end must not be one in what others append
    }
    return new Rebase(ExtentMap.truncate(laid, sizeBytes), sizeBytes, written, NOT_MOVED);
  }

  /** What was appended goes behind everything else, in its order and without gaps. */
  private static Rebase moved(Mine mine, long newerBytes, List<Extent> newer) {
    Ranges written = mine.written().copy();
    mine.appended().forEach(range -> written.remove(range.from(), range.to()));
    long start = Math.max(newerBytes, mine.endWithoutAppends(written));
    List<Ranges.Range> kept = written.list();
    List<Extent> laid = Extents.replace(newer, kept, mine.within(kept));
    var view = new ArrayList<>(ExtentMap.truncate(laid, start));
    var done = new Ranges();
    mine.appendsDone().forEach(range -> done.add(range.from(), range.to()));
    long to = start;
    for (Ranges.Range range : mine.appended()) {
      for (Ranges.Range part : done.gaps(range.from(), range.to())) {
        for (Extent extent : Extents.within(mine.view(), part.from(), part.to())) {
          view.add(at(extent, to + extent.fileOffset() - part.from()));
        }
        to += part.lengthBytes();
      }
    }
    written.cutFrom(start);
    written.add(start, to);
    return new Rebase(List.copyOf(view), to, written, start);
  }

  /** The same bytes elsewhere in the file: a chunk knows nothing of its place. */
  private static Extent at(Extent extent, long fileOffset) {
    return new Extent(
        fileOffset,
        extent.lengthBytes(),
        extent.chunk(),
        extent.salt(),
        extent.keyReference(),
        extent.chunkOffset());
  }
}
