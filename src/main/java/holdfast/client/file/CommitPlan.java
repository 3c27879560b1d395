package holdfast.client.file;

import holdfast.crypto.seal.ExtentSum;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.Operation;
import holdfast.model.ClientId;
import java.util.List;
import java.util.function.Consumer;

/**
 * A commit operation and the parts of the file's image that it claims until it has ended.
 * Immutable.
 *
 * @param under whose session it is for: what was written under its locks goes with it
 * @param askedNs when it was made, on the monotonic clock
 * @param extents the file's once it has happened
 * @param sum of their terms
 * @param claim on parts of the image; restored if the commit doesn't happen
 * @param isLast whether it commits all there is to commit
 * @param leavesPending whether bytes are left that aren't uploaded yet: they bring their size
 * @param inlineOrNull what travels with it
 */
record CommitPlan(
    ClientId under,
    long askedNs,
    Operation.Commit commit,
    List<Extent> extents,
    ExtentSum sum,
    Claim claim,
    boolean isLast,
    boolean leavesPending,
    Inline inlineOrNull)
    implements CommitPlanner.Decision {

  /**
   * A sealed piece that goes with its operation; its upload is the file's first one.
   *
   * @param onLateEnd receives whether the pool has it, where {@link Upload#isUnanswered}
   */
  record Inline(
      Sealing.Sealed sealed, List<Extent> extents, Upload upload, Consumer<Boolean> onLateEnd) {}

  /** The parts of an image that one plan commits, and no other may. */
  record Claim(
      List<Ranges.Range> ranges,
      List<Ranges.Range> written,
      List<Ranges.Range> appended,
      long cutBytes,
      long epoch,
      long revertCount) {}
}
