package holdfast.client.file;

import holdfast.crypto.seal.ExtentSum;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ClientId;
import holdfast.model.HoldfastException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * One operation that commits some of a file's content, and what its beginning and its end mean for
 * that content. Called under the file's lock.
 *
 * @param under whose session it is for: what was written under its locks goes with it
 * @param askedNs when it was made, on the monotonic clock
 * @param extents the file's once it has happened
 * @param sum of their terms
 * @param taken out of the content; it comes back if it doesn't happen
 * @param isLast whether it commits all there is to commit
 * @param inlineOrNull what travels with it
 */
record CommitStep(
    ClientId under,
    long askedNs,
    Operation.Commit commit,
    List<Extent> extents,
    ExtentSum sum,
    Taken taken,
    boolean isLast,
    Inline inlineOrNull) {

  /**
   * A sealed piece that goes with its operation; its upload is the file's first one.
   *
   * @param onLateEnd told whether the pool has it, where {@link Upload#isUnanswered}
   */
  record Inline(
      Sealing.Sealed sealed, List<Extent> extents, Upload upload, Consumer<Boolean> onLateEnd) {}

  /** What a step has taken out of the content: it isn't to be committed twice. */
  record Taken(
      List<Ranges.Range> ranges,
      List<Ranges.Range> written,
      List<Ranges.Range> appended,
      long cutBytes,
      long epoch,
      long revertCount) {

    /** What a step over these ranges will take. */
    static Taken of(FileContent content, List<Ranges.Range> ranges) {
      var written = new ArrayList<Ranges.Range>();
      for (Ranges.Range range : ranges) {
        written.addAll(content.written.within(range.from(), range.to()));
      }
      return new Taken(
          ranges,
          written,
          content.appends.within(ranges),
          content.cutBytes,
          content.uncommittedEpoch,
          content.revertCount);
    }
  }

  /** It is on its way. */
  void begin(FileContent content) {
    for (Ranges.Range range : taken.ranges()) {
      content.uncommitted.remove(range.from(), range.to());
      content.written.remove(range.from(), range.to());
    }
    content.appends.take(taken.appended());
    content.cutBytes = Long.MAX_VALUE;
    if (content.uncommitted.isEmpty()) {
      content.uncommittedEpoch = Long.MAX_VALUE;
    }
    content.isCommitting = true;
  }

  /** It had no answer: it ends when it is known what became of it. */
  void unanswered(FileContent content, HoldfastException failure, long nowNs) {
    content.unansweredOrNull = failure;
    content.unansweredNs = nowNs;
    if (inlineOrNull != null) {
      inlineOrNull.upload().isUnanswered = true;
    }
    content.changed.signalAll();
  }

  /**
   * It has ended.
   *
   * @param isForced whether its entry and its own chunk are on disk
   * @param isUnknown whether nobody will tell if it happened
   * @param now who this client is by now
   */
  void end(
      FileContent content,
      OperationResult result,
      boolean isForced,
      boolean isUnknown,
      ClientId now,
      long nowNs) {
    content.isCommitting = false;
    content.unansweredOrNull = null;
    boolean isReverted = taken.revertCount() != content.revertCount;
    if (result instanceof OperationResult.Done done) {
      happened(content, isReverted, done.attributes(), nowNs);
      if (isReverted && !isForced) {
        // It was forgotten with what was given up.
        commit.replacements().stream()
            .flatMap(replacement -> replacement.extents().stream())
            .forEach(extent -> content.unforced.add(extent.chunk()));
        content.unforced.replaced();
      }
      // Of what came before only the entries are forced by it, not the chunks.
      content.acknowledged.committed(isForced && content.unforced.isEmpty());
      if (!under.equals(now)) {
        content.acknowledged.doubt();
      }
      if (inlineOrNull != null) {
        content.applyInline(inlineOrNull.upload(), inlineOrNull.extents(), isForced);
      }
    } else if (!isReverted) {
      giveBack(content);
      if (isUnknown) {
        doubt(content);
      }
    }
    content.changed.signalAll();
  }

  private void happened(FileContent content, boolean isReverted, Attributes after, long nowNs) {
    if (isReverted && content.appends.isPending()) {
      return; // appended meanwhile, at an end that isn't: the next commit finds a newer version
    }
    if (isReverted) {
      Rebase.run(content, after, extents, nowNs);
    } else if (inlineOrNull != null) {
      content.appends.take(content.appends.within(inlineOrNull.upload().piece.parts()));
    }
    content.committed(after, extents, sum, nowNs);
    content.appends.committed();
  }

  /** It may have happened. */
  private void doubt(FileContent content) {
    List<Ranges.Range> appended =
        inlineOrNull == null
            ? taken.appended()
            : content.appends.within(inlineOrNull.upload().piece.parts());
    content.appends.doubt(appended, extents);
  }

  private void giveBack(FileContent content) {
    taken.ranges().forEach(range -> content.uncommitted.add(range.from(), range.to()));
    taken.written().forEach(range -> content.written.add(range.from(), range.to()));
    content.appends.giveBack(taken.appended());
    content.cutBytes = Math.min(content.cutBytes, taken.cutBytes());
    content.uncommittedEpoch = Math.min(content.uncommittedEpoch, taken.epoch());
    content.attributesDirty = true;
  }
}
