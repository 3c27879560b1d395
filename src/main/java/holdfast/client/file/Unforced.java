package holdfast.client.file;

import holdfast.metadata.op.Extent;
import holdfast.model.ChunkId;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Tracks for the next fsync which chunks of an open file were stored since the last and are still
 * named by it. What was replaced meanwhile must not stay among them: it need not be there any more,
 * and an fsync that asks for it would wait in vain. Guarded by the file's lock.
 */
final class Unforced {
  /** So many more may be there than are named, before all are looked at. */
  private static final int SLACK_CHUNKS = 1_024;

  private final Set<ChunkId> chunks = new HashSet<>();
  private boolean mayHaveOld;
  private int largeCount = SLACK_CHUNKS;

  /** The file names it now, and nothing has forced it. */
  void add(ChunkId chunk) {
    chunks.add(chunk);
  }

  /** To be called before something else is laid over these ranges of the file. */
  void replacing(List<Extent> view, List<Ranges.Range> ranges) {
    // Over what was forced before there is nothing to look for: a database's page, each time.
    mayHaveOld =
        mayHaveOld
            || !chunks.isEmpty()
                && ranges.stream()
                    .flatMap(range -> Extents.within(view, range.from(), range.to()).stream())
                    .anyMatch(extent -> chunks.contains(extent.chunk()));
  }

  /** The file became another one in any other way. */
  void replaced() {
    mayHaveOld = !chunks.isEmpty();
  }

  /** Whether so many have come since they were looked at that some may have been replaced. */
  boolean isLarge() {
    return mayHaveOld && chunks.size() >= largeCount;
  }

  /**
   * Forgets what neither of the two names.
   *
   * @param view as programs see the file
   * @param committed as the pool has it
   */
  void keepNamed(List<Extent> view, List<Extent> committed) {
    if (!mayHaveOld) {
      return;
    }
    var named = new HashSet<ChunkId>();
    view.forEach(extent -> addIfHere(named, extent));
    int inViewCount = named.size();
    if (inViewCount < chunks.size()) {
      committed.forEach(extent -> addIfHere(named, extent));
      chunks.retainAll(named);
    }
    mayHaveOld = inViewCount < chunks.size(); // what only the pool names is old soon
    largeCount = 2 * chunks.size() + SLACK_CHUNKS;
  }

  private void addIfHere(Set<ChunkId> named, Extent extent) {
    if (chunks.contains(extent.chunk())) {
      named.add(extent.chunk());
    }
  }

  /** They are on disk. */
  void forced(Set<ChunkId> forced) {
    chunks.removeAll(forced);
  }

  boolean isEmpty() {
    return chunks.isEmpty();
  }

  /** Those there are now. */
  Set<ChunkId> copy() {
    return Set.copyOf(chunks);
  }
}
