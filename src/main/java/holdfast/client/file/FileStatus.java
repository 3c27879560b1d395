package holdfast.client.file;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import java.util.List;

/**
 * A snapshot of an open file, so that its lock isn't needed to read several values. Immutable; it
 * may have changed since.
 *
 * @param committed what the pool has of it, as far as is known here
 * @param extents that, with what was uploaded since
 * @param sizeBytes what isn't saved included
 * @param isUnsaved whether anything is here that the pool hasn't got
 * @param isGone whether the pool doesn't know it any more
 * @param isIndeterminate whether a session was lost, and it isn't known what the pool has since
 * @param isClosed whether no handle is left: it hears of no lost session any more, and may say
 *     nothing of what the pool has
 * @param hasAppends whether anything that was appended isn't with the pool
 * @param mustMoveAppends whether that has to be saved, to be moved behind a newer version
 * @param hasStalePages whether pages that the kernel has may be of different versions
 * @param uploadsStarted how many uploads were ever started
 * @param rebaseCount how often another client's version became the base of what is here
 */
public record FileStatus(
    Attributes committed,
    List<Extent> extents,
    long sizeBytes,
    boolean isUnsaved,
    boolean isGone,
    boolean isIndeterminate,
    boolean isClosed,
    boolean hasAppends,
    boolean mustMoveAppends,
    boolean hasStalePages,
    long uploadsStarted,
    long rebaseCount) {

  /** Whether it is known to have at least this version; what is gone is as new as it gets. */
  public boolean isAtLeast(long version) {
    return committed.version() >= version || isGone;
  }

  /** Bytes of the range that are stored. */
  long allocatedBytes(long from, long to) {
    return ExtentMap.allocatedBytes(Extents.within(extents, from, to));
  }
}
