package holdfast.client.file;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import java.util.ArrayList;
import java.util.List;

/**
 * Lays what was written here over a version of the file that was made elsewhere: what has an offset
 * stays there, what was appended goes behind the newer version's end. Under the file's lock.
 */
final class Rebase {
  private final FileContent content;
  private final Attributes newer;
  private final List<Extent> extents;

  private Rebase(FileContent content, Attributes newer, List<Extent> extents) {
    this.content = content;
    this.newer = newer;
    this.extents = extents;
  }

  /** Whether {@link #run} would move what was appended. */
  static boolean moves(FileContent content, Attributes newer) {
    boolean isSameEnd = newer.sizeBytes() == content.committed.sizeBytes();
    return !isCut(content) && !content.appends.isEmpty() && !isSameEnd;
  }

  /**
   * Makes a newer version the base of what is here; nothing that moves may be on its way.
   *
   * @param newer the pool's attributes; its extents are {@code extents}
   */
  static void run(FileContent content, Attributes newer, List<Extent> extents, long nowNs) {
    var rebase = new Rebase(content, newer, extents);
    // What was only sealed anew gives way: the newer version may have other bytes there.
    content.uploads.stream().filter(each -> each.isRewrite).forEach(each -> each.cutBytes = 0);
    if (moves(content, newer)) {
      rebase.move();
    } else {
      rebase.keepOffsets();
    }
    content.unforced.replaced();
    content.appends.rebased();
    content.committed(newer, extents, null, nowNs);
    content.uncommitted.clear();
    content.written.list().forEach(each -> content.uncommitted.add(each.from(), each.to()));
    content.rebaseCount++;
    content.isMixed = true;
  }

  /** The size was set here: whatever the newer version has behind it is cut off. */
  private static boolean isCut(FileContent content) {
    return content.cutBytes < Long.MAX_VALUE;
  }

  private void keepOffsets() {
    boolean isCut = isCut(content);
    List<Ranges.Range> kept = content.written.list();
    List<Extent> mine = mine(kept);
    List<Extent> base = isCut ? ExtentMap.truncate(extents, content.cutBytes) : extents;
    long newerBytes = newer.sizeBytes();
    if (isCut) {
      content.written.add(content.cutBytes, newerBytes);
    } else {
      content.sizeBytes = Math.max(newerBytes, ownEnd());
    }
    List<Extent> laid = Extents.replace(base, kept, mine);
    content.view = ExtentMap.truncate(laid, content.sizeBytes);
  }

  private List<Extent> mine(List<Ranges.Range> ranges) {
    var mine = new ArrayList<Extent>();
    ranges.forEach(range -> mine.addAll(Extents.within(content.view, range.from(), range.to())));
    return mine;
  }

  /** What was appended goes behind everything else, in its order and without gaps. */
  private void move() {
    AppendLog appends = content.appends;
    List<Ranges.Range> gone = appends.committedIn(extents);
    List<Ranges.Range> appended = appends.list();
    appended.forEach(range -> content.written.remove(range.from(), range.to()));
    long start = Math.max(newer.sizeBytes(), endWithoutAppends(appended));
    List<Ranges.Range> kept = content.written.list();
    List<Extent> laid = Extents.replace(extents, kept, mine(kept));
    List<Extent> before = content.view;

    appends.moved(start, gone);
    var view = new ArrayList<>(ExtentMap.truncate(laid, start));
    var isGone = new Ranges();
    gone.forEach(range -> isGone.add(range.from(), range.to()));
    long to = start;
    for (Ranges.Range range : appended) {
      for (Ranges.Range part : isGone.gaps(range.from(), range.to())) {
        for (Extent extent : Extents.within(before, part.from(), part.to())) {
          view.add(at(extent, to + extent.fileOffset() - part.from()));
        }
        to += part.lengthBytes();
      }
    }
    content.written.add(start, to);
    content.view = List.copyOf(view);
    content.sizeBytes = to;
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

  /** How far the file would reach by what else was done to it here. */
  private long endWithoutAppends(List<Ranges.Range> appended) {
    if (content.sizeBytes > appended.getLast().to()) {
      return content.sizeBytes;
    }
    // Where appended ranges don't touch, something else had made the file longer in between.
    long lastFrom = appended.getLast().from();
    return lastFrom > content.committed.sizeBytes() ? lastFrom : unsavedEnd();
  }

  /** How far the file reaches by what was done to it here; 0 if that didn't make it longer. */
  private long ownEnd() {
    return content.sizeBytes > content.committed.sizeBytes() ? content.sizeBytes : unsavedEnd();
  }

  /** The first byte behind everything that programs wrote here and the pool hasn't got. */
  private long unsavedEnd() {
    long endBytes = content.dirty.end();
    for (Ranges.Range range : content.written.list()) {
      // A hole that was made is no reason for a file to reach there.
      List<Extent> inside = Extents.within(content.view, range.from(), range.to());
      endBytes = inside.isEmpty() ? endBytes : Math.max(endBytes, inside.getLast().fileEnd());
    }
    for (Upload upload : content.uploads) {
      long uploadEnd = Math.min(upload.piece.parts().getLast().to(), upload.cutBytes);
      endBytes = Math.max(endBytes, upload.isRewrite ? 0 : uploadEnd);
    }
    return endBytes;
  }
}
