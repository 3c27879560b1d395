package holdfast.client.file;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.Query;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.ArrayList;
import java.util.List;

/**
 * Loads a file's attributes and all its extents as of one version, in as many pages as it needs.
 * Blocks.
 */
final class ExtentLoader {
  private static final int TRIES_MAX = 8;

  private final PoolService service;
  private final Deadlines deadlines;

  ExtentLoader(PoolService service, Deadlines deadlines) {
    this.service = service;
    this.deadlines = deadlines;
  }

  /**
   * Attributes and extents that belong together.
   *
   * @param isStale whether they may be older than what the pool has
   */
  record Loaded(Attributes attributes, List<Extent> extents, boolean isStale) {}

  /** As the pool has it now; throws NO_QUORUM where only an older state can be read. */
  Loaded loadNewest(long inode, Deadline deadline) {
    Loaded loaded = load(inode, deadline);
    if (loaded.isStale()) {
      throw new HoldfastException(
          ErrorCode.NO_QUORUM,
          "read extents: expected=the newest, was=a peer that can't reach a majority, inode="
              + inode);
    }
    return loaded;
  }

  Loaded load(long inode, Deadline deadline) {
    for (int i = 0; i < TRIES_MAX; i++) {
      Loaded loaded = tryLoad(inode, deadline);
      if (loaded != null) {
        return loaded;
      }
    }
    throw new HoldfastException(
        ErrorCode.BUSY, "read extents: expected=one version, was=ever new ones, inode=" + inode);
  }

  private Loaded tryLoad(long inode, Deadline deadline) {
    var extents = new ArrayList<Extent>();
    Attributes first = null;
    long fromOffset = 0;
    boolean isStale = false;
    while (true) {
      var query = new Query.ReadExtents(inode, fromOffset, Query.EXTENTS_MAX);
      PoolService.Answered answered = deadlines.await(service.ask(query, deadline), deadline);
      if (!(answered.answer().orThrow() instanceof Answer.Extents page)) {
        throw new HoldfastException(
            ErrorCode.MALFORMED, "read extents: expected=extents, was=" + answered.answer());
      }
      if (first != null && page.attributes().version() != first.version()) {
        return null;
      }
      first = page.attributes();
      isStale |= answered.stale();
      for (Extent extent : page.extents()) {
        if (extent.fileOffset() >= fromOffset) {
          extents.add(extent);
        }
      }
      if (!page.hasMore() || page.extents().isEmpty()) {
        return new Loaded(first, List.copyOf(extents), isStale);
      }
      fromOffset = extents.get(extents.size() - 1).fileEnd();
    }
  }
}
