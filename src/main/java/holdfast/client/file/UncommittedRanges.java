package holdfast.client.file;

import java.util.ArrayList;
import java.util.List;

/**
 * The ranges in which the view of a file is newer than what the pool has, and since which upload
 * epoch. Not thread-safe.
 */
final class UncommittedRanges {
  private final Ranges all = new Ranges();

  /** The part of them that programs changed; the rest was sealed anew for its own sake. */
  private final Ranges written = new Ranges();

  /** The first epoch in which something of them was uploaded. */
  private long epoch = Long.MAX_VALUE;

  /**
   * The lowest size that a truncation set; the range it cut off is among these, so that the old
   * bytes don't return when the file grows again.
   */
  private long cutBytes = Long.MAX_VALUE;

  boolean isEmpty() {
    return all.isEmpty();
  }

  /** The ranges, ascending. */
  List<Ranges.Range> list() {
    return all.list();
  }

  /** Starts of the windows that they touch. */
  List<Long> windows() {
    return all.windows();
  }

  /** The lowest size that was set; the maximum: none. */
  long cutBytes() {
    return cutBytes;
  }

  /** The maximum: nothing of them was uploaded. */
  long epoch() {
    return epoch;
  }

  /** What programs changed. */
  Ranges written() {
    return written;
  }

  /** A program changed the range in the view. */
  void written(long from, long to) {
    all.add(from, to);
    written.add(from, to);
  }

  /** The range was sealed anew, and is otherwise as it was. */
  void rewritten(long from, long to) {
    all.add(from, to);
  }

  /** The file was cut: what lay from there to the end has changed. */
  void cut(long sizeBytes, long endBytes) {
    cutBytes = Math.min(cutBytes, sizeBytes);
    written(sizeBytes, endBytes);
  }

  /** Something of them was uploaded in this epoch. */
  void uploadedIn(long inEpoch) {
    epoch = Math.min(epoch, inEpoch);
  }

  /** All of them were uploaded again in this epoch. */
  void uploadedAgainIn(long inEpoch) {
    epoch = inEpoch;
  }

  /** The claim of a plan over some of them. */
  CommitPlan.Claim claimOn(
      List<Ranges.Range> ranges, List<Ranges.Range> appended, long revertCount) {
    var writtenParts = new ArrayList<Ranges.Range>();
    for (Ranges.Range range : ranges) {
      writtenParts.addAll(written.within(range.from(), range.to()));
    }
    return new CommitPlan.Claim(ranges, writtenParts, appended, cutBytes, epoch, revertCount);
  }

  /** They are being committed. */
  void claim(CommitPlan.Claim claim) {
    for (Ranges.Range range : claim.ranges()) {
      all.remove(range.from(), range.to());
      written.remove(range.from(), range.to());
    }
    cutBytes = Long.MAX_VALUE;
    if (all.isEmpty()) {
      epoch = Long.MAX_VALUE;
    }
  }

  /**
   * The pool's file ends at this size: what is a hole behind it needs no saying, and must not be
   * one in what others append there.
   *
   * @param kept what isn't a hole
   */
  void endAt(long sizeBytes, Ranges kept) {
    for (Ranges ranges : List.of(all, written)) {
      for (Ranges.Range range : ranges.within(sizeBytes, Long.MAX_VALUE)) {
        kept.gaps(range.from(), range.to()).forEach(gap -> ranges.remove(gap.from(), gap.to()));
      }
    }
  }

  /** They weren't committed. */
  void restore(CommitPlan.Claim claim) {
    claim.ranges().forEach(range -> all.add(range.from(), range.to()));
    claim.written().forEach(range -> written.add(range.from(), range.to()));
    cutBytes = Math.min(cutBytes, claim.cutBytes());
    epoch = Math.min(epoch, claim.epoch());
  }

  /** Over another base: what programs changed is all that is newer. */
  void rebased(Ranges nowWritten) {
    all.clear();
    all.addAll(nowWritten);
    written.clear();
    written.addAll(nowWritten);
  }

  void clear() {
    all.clear();
    written.clear();
    epoch = Long.MAX_VALUE;
    cutBytes = Long.MAX_VALUE;
  }
}
