package holdfast.client.file;

import holdfast.crypto.seal.ExtentSum;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.model.ChunkId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The extents of an open file: what the pool has, and what was stored since and laid over that; and
 * which chunks of them aren't forced yet. Not thread-safe.
 */
final class ContentView {
  private List<Extent> committed;

  /** The sum of their terms, as the file's tag needs it; null until it was first computed. */
  private ExtentSum committedSumOrNull;

  /** What the pool has with the uploads that ended, in order, laid over it. */
  private List<Extent> extents;

  private final UncommittedRanges uncommitted = new UncommittedRanges();
  private final Unforced unforced = new Unforced();

  ContentView(List<Extent> committed) {
    this.committed = committed;
    extents = committed;
  }

  /** What the pool has. */
  List<Extent> committed() {
    return committed;
  }

  /** Null until it was first computed. */
  ExtentSum committedSumOrNull() {
    return committedSumOrNull;
  }

  /** It was computed, for what is committed now. */
  void committedSum(ExtentSum sum) {
    committedSumOrNull = sum;
  }

  /** What there is. */
  List<Extent> extents() {
    return extents;
  }

  /** Where what there is is newer than what the pool has. */
  UncommittedRanges uncommitted() {
    return uncommitted;
  }

  /**
   * The pool has these extents now, by a commit from here; what is laid over them stays.
   *
   * @param sizeBytes where its file ends by that
   * @param appended what was appended and isn't committed
   */
  void committed(List<Extent> now, ExtentSum sum, long sizeBytes, List<Ranges.Range> appended) {
    committed(now, sum);
    var kept = new Ranges();
    appended.forEach(range -> kept.add(range.from(), range.to()));
    Extents.within(extents, sizeBytes, Long.MAX_VALUE)
        .forEach(extent -> kept.add(extent.fileOffset(), extent.fileEnd()));
    uncommitted.endAt(sizeBytes, kept);
  }

  private void committed(List<Extent> now, ExtentSum sumOrNull) {
    committed = now;
    committedSumOrNull = sumOrNull;
  }

  /** The pool has these extents now, and there is nothing else. */
  void adopt(List<Extent> now) {
    committed(now, now == committed ? committedSumOrNull : null);
    extents = now;
    unforced.replaced();
  }

  /** What there is was laid over another base. */
  void rebased(Rebase rebase, List<Extent> base) {
    extents = rebase.view();
    uncommitted.rebased(rebase.written());
    unforced.replaced();
    committed(base, null);
  }

  /** Lays an upload's extents over all, but for what was cut off or became a hole meanwhile. */
  List<Extent> lay(Upload upload, List<Extent> stored, long sizeBytes) {
    var laid = new ArrayList<Extent>(stored.size());
    var ranges = new ArrayList<Ranges.Range>(stored.size());
    for (Extent extent : stored) {
      for (Ranges.Range range : upload.kept(extent, sizeBytes)) {
        laid.add(extent.crop(range.from(), range.to()));
        ranges.add(range);
      }
    }
    unforced.replacing(extents, ranges);
    extents = Extents.replace(extents, ranges, laid);
    return laid;
  }

  /** The file ends at this size; it reached {@code endBytes} here or in the pool. */
  void cut(long sizeBytes, long endBytes) {
    uncommitted.cut(sizeBytes, endBytes);
    unforced.replaced();
    extents = ExtentMap.truncate(extents, sizeBytes);
  }

  /** The range is a hole. */
  void punch(long from, long to) {
    uncommitted.written(from, to);
    unforced.replaced();
    extents = Extents.replace(extents, List.of(new Ranges.Range(from, to)), List.of());
  }

  /** Adds the ranges that have changed since the extents were {@code before}. */
  void addChangesTo(Ranges changed, List<Extent> before, long from, long to) {
    if (before == extents) {
      return;
    }
    Extents.Difference difference =
        Extents.difference(Extents.within(before, from, to), Extents.within(extents, from, to));
    difference.removed().forEach(each -> changed.add(each.fileOffset(), each.fileEnd()));
    difference.added().forEach(each -> changed.add(each.fileOffset(), each.fileEnd()));
  }

  /** Chunks that aren't forced. */
  void addUnforced(List<Extent> stored) {
    stored.forEach(extent -> unforced.add(extent.chunk()));
  }

  /** Likewise, though there may be something else here by now. */
  void addUnforcedReplaced(List<Extent> stored) {
    addUnforced(stored);
    unforced.replaced();
  }

  boolean isAllForced() {
    return unforced.isEmpty();
  }

  /** They are on disk. */
  void forced(Set<ChunkId> chunks) {
    unforced.forced(chunks);
  }

  /** What an fsync has to have forced; {@code isCommitting} as in {@link #bound}. */
  Set<ChunkId> toForce(boolean isCommitting) {
    keepNamed(isCommitting);
    return unforced.copy();
  }

  /**
   * Forgets what isn't named any more if much has come.
   *
   * @param isCommitting what a commit in flight names may be named by nothing else
   */
  void bound(boolean isCommitting) {
    if (unforced.isLarge()) {
      keepNamed(isCommitting);
    }
  }

  private void keepNamed(boolean isCommitting) {
    if (!isCommitting) {
      unforced.keepNamed(extents, committed);
    }
  }

  /** When the file was open before, these chunks of it weren't forced. */
  void remember(Set<ChunkId> unforcedBefore) {
    // What was replaced meanwhile needn't be forced.
    committed.stream().map(Extent::chunk).filter(unforcedBefore::contains).forEach(unforced::add);
  }

  /** Chunks that are laid over what the pool has, and that nothing committed names. */
  Set<ChunkId> uncommittedChunks() {
    Set<ChunkId> chunks = new HashSet<>();
    for (Ranges.Range range : uncommitted.list()) {
      Extents.within(extents, range.from(), range.to()).forEach(each -> chunks.add(each.chunk()));
    }
    return chunks;
  }
}
