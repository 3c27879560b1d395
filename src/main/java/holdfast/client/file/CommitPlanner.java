package holdfast.client.file;

import holdfast.crypto.seal.ExtentSum;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Replacement;
import holdfast.model.ClientId;
import java.util.ArrayList;
import java.util.List;

/**
 * Decides which parts of a file's image one commit operation carries: whole writes, ascending, as
 * many as it can carry, none before an earlier append. Pure: changes neither image nor pool. Any
 * thread.
 */
final class CommitPlanner {
  private final Sealing sealing;

  /** {@code sealing} makes the file's tag. */
  CommitPlanner(Sealing sealing) {
    this.sealing = sealing;
  }

  /** What is to be done next: the plan of an operation, or why there is none. */
  sealed interface Decision permits CommitPlan, NoPlan {}

  /** Why there is no operation to begin. */
  enum NoPlan implements Decision {
    /** All is committed, or waits for what is in flight. */
    NOTHING_TO_COMMIT,
    /** Another operation of the file hasn't ended. */
    COMMITTING,
    /** The session was lost: what the pool has is to be found out first. */
    INDETERMINATE,
    /** A window has more extents than the pool accepts. */
    CROWDED,
    /** The file is gone, with something of it. */
    LOST
  }

  /**
   * Whose operation it is.
   *
   * @param under the client, in its session
   * @param epoch the pool's, as known here
   */
  record Terms(ClientId under, long epoch) {}

  /**
   * The next operation of a file.
   *
   * @param isIndeterminate whether it isn't known what the pool has of it
   * @param inlineOrNull goes with the operation, if nothing else has changed
   * @param nowNs on the monotonic clock
   */
  Decision decide(
      FileImage image,
      boolean isIndeterminate,
      CommitPlan.Inline inlineOrNull,
      Terms terms,
      long nowNs) {
    if (image.isCommitting()) {
      return NoPlan.COMMITTING;
    }
    if (inlineOrNull != null && !mayGoInline(image, inlineOrNull.upload())) {
      return NoPlan.NOTHING_TO_COMMIT;
    }
    boolean hasRanges = !image.uncommitted().isEmpty();
    if (image.isGone()) {
      return image.isLost() && hasRanges ? NoPlan.LOST : NoPlan.NOTHING_TO_COMMIT;
    }
    if (isIndeterminate) {
      return NoPlan.INDETERMINATE;
    }
    int pendingCount = image.uploadCount() - (inlineOrNull == null ? 0 : 1);
    boolean leavesPending = pendingCount > 0 || image.hasDirty();
    boolean hasAttributes = !leavesPending && image.attributes().isDirty();
    if (inlineOrNull == null && !hasRanges && !hasAttributes) {
      return NoPlan.NOTHING_TO_COMMIT;
    }
    if (!Extents.crowdedWindows(image.extents(), 1).isEmpty()) {
      return NoPlan.CROWDED;
    }
    return plan(image, inlineOrNull, leavesPending, terms, nowNs);
  }

  /** Something else happened to the file since the piece was made: it goes the long way. */
  private static boolean mayGoInline(FileImage image, Upload upload) {
    return !image.isGone() && image.uncommitted().isEmpty() && upload.isWhole();
  }

  private Decision plan(
      FileImage image,
      CommitPlan.Inline inlineOrNull,
      boolean leavesPending,
      Terms terms,
      long nowNs) {
    var batch = new Batch(image);
    boolean isLast = true;
    if (inlineOrNull != null) {
      batch.addInline(inlineOrNull.extents());
    } else {
      isLast = batch.fill();
      if (!isLast && batch.ranges.isEmpty()) {
        return NoPlan.NOTHING_TO_COMMIT; // it waits for what was appended before it
      }
    }
    CommitPlan.Claim claim = image.claimOn(batch.ranges);
    List<Extent> inside = batch.extents();
    // Bytes in flight bring their size with them: until then the file is shorter, never holed.
    long sizeBytes =
        isLast && !leavesPending
            ? image.sizeBytes()
            : Math.max(
                Math.min(image.committed().sizeBytes(), claim.cutBytes()),
                inside.isEmpty() ? 0 : inside.getLast().fileEnd());
    List<Extent> after =
        ExtentMap.truncate(
            Extents.replace(image.committedExtents(), batch.replacedRanges(), inside), sizeBytes);
    if (inlineOrNull != null && !Extents.crowdedWindows(after, 1).isEmpty()) {
      return NoPlan.NOTHING_TO_COMMIT; // since it was made, a rebase has filled its window
    }
    ExtentSum sum = sum(image, after);
    return new CommitPlan(
        terms.under(),
        nowNs,
        operation(image, batch.replacements, sizeBytes, sum, terms),
        after,
        sum,
        claim,
        isLast,
        leavesPending,
        inlineOrNull);
  }

  private Operation.Commit operation(
      FileImage image, List<Replacement> replacements, long sizeBytes, ExtentSum sum, Terms terms) {
    Attributes base = image.committed();
    long version = base.version() + 1;
    return new Operation.Commit(
        base.inode(),
        base.version(),
        version,
        sizeBytes,
        sealing.fileTag(base.sealId(), Attributes.contentVersion(version), sizeBytes, sum),
        image.attributes().mtimeNs(),
        image.attributes().ctimeNs(),
        Math.min(terms.epoch(), image.uncommitted().epoch()),
        replacements);
  }

  /** Only what changed costs anything: a large file has many extents, a commit changes few. */
  private ExtentSum sum(FileImage image, List<Extent> after) {
    Extents.Difference difference = Extents.difference(image.committedExtents(), after);
    return sealing.sum(
        image.committed().sealId(),
        image.committedSum(sealing),
        difference.removed(),
        difference.added());
  }

  /** The ranges that one operation replaces, and what it puts there. */
  private static final class Batch {
    private final FileImage image;
    private final List<Ranges.Range> ranges = new ArrayList<>();
    private final List<Replacement> replacements = new ArrayList<>();

    Batch(FileImage image) {
      this.image = image;
    }

    void addInline(List<Extent> extents) {
      for (Extent extent : extents) {
        replacements.add(new Replacement(extent.fileOffset(), extent.fileEnd(), List.of(extent)));
      }
    }

    List<Extent> extents() {
      return replacements.stream().flatMap(each -> each.extents().stream()).toList();
    }

    List<Ranges.Range> replacedRanges() {
      return replacements.stream()
          .map(each -> new Ranges.Range(each.fromOffset(), each.toOffset()))
          .toList();
    }

    /** Fills it from what is uncommitted; whether that was all. */
    boolean fill() {
      boolean isAll = true;
      for (Ranges.Range range : image.uncommitted().list()) {
        Ranges.Range added = addWhatFits(range);
        if (!range.equals(added)) {
          endAtWindow();
          isAll = false;
          break;
        }
      }
      long end = isAll ? Long.MAX_VALUE : ranges.getLast().to();
      return !endAt(image.appends().commitLimit(end)) && isAll;
    }

    /** A window half new and half old may have too many extents though neither has. */
    private void endAtWindow() {
      long end = ranges.getLast().to() / ExtentMap.WINDOW_BYTES * ExtentMap.WINDOW_BYTES;
      if (end > ranges.getFirst().from()) {
        endAt(end);
      }
    }

    /** Leaves out what lies at and behind the offset; whether there was any. */
    private boolean endAt(long end) {
      if (ranges.isEmpty() || ranges.getLast().to() <= end) {
        return false;
      }
      while (!ranges.isEmpty() && ranges.getLast().from() >= end) {
        removeLast();
      }
      if (!ranges.isEmpty() && ranges.getLast().to() > end) {
        long from = ranges.getLast().from();
        removeLast();
        ranges.add(new Ranges.Range(from, end));
        replacements.add(replacement(from, end));
      }
      return true;
    }

    private void removeLast() {
      ranges.removeLast();
      replacements.removeLast();
    }

    /**
     * Adds the range if the operation can carry it, or the first part of it that fits when the
     * operation is still empty; returns what was added or null.
     */
    private Ranges.Range addWhatFits(Ranges.Range range) {
      long to = range.to();
      while (to > range.from()) {
        replacements.add(replacement(range.from(), to));
        if (Operation.Commit.fits(replacements)) {
          var added = new Ranges.Range(range.from(), to);
          ranges.add(added);
          return added;
        }
        replacements.removeLast();
        if (!replacements.isEmpty()) {
          return null;
        }
        to = range.from() + (to - range.from()) / 2;
      }
      return null;
    }

    private Replacement replacement(long from, long to) {
      return new Replacement(from, to, Extents.within(image.extents(), from, to));
    }
  }
}
