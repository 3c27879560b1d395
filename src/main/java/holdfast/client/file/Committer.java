package holdfast.client.file;

import holdfast.client.pool.Deadlines;
import holdfast.client.pool.LostContent;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.SavedContents;
import holdfast.client.pool.UnknownOutcomes;
import holdfast.crypto.seal.ExtentSum;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Replacement;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.UnansweredException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * Commits what uploads have changed: makes operations from the file's view, one at a time for each
 * file, and lays them anew over another client's newer version. Any thread but the loop.
 */
public final class Committer {
  /** Operations of one call, rebases among them, before it gives up. */
  private static final int ROUNDS_MAX = 256;

  private final PoolService service;
  private final Sealing sealing;
  private final Reconciler reconciler;
  private final Deadlines deadlines;
  private final SavedContents saved;
  private final Executor sealers;

  /** {@code saved} is told of all that is; {@code sealers} end what had no answer at first. */
  public Committer(
      PoolService service,
      Sealing sealing,
      Reconciler reconciler,
      Deadlines deadlines,
      SavedContents saved,
      Executor sealers) {
    this.saved = saved;
    this.service = service;
    this.sealing = sealing;
    this.reconciler = reconciler;
    this.deadlines = deadlines;
    this.sealers = sealers;
  }

  Reconciler reconciler() {
    return reconciler;
  }

  /** What became of a step that the pool was never asked for. */
  private static final OperationResult NOT_BEGUN =
      new OperationResult.Failed(ErrorCode.SHUTTING_DOWN, "commit file: was=not begun");

  /** Instead of a step: the pool would refuse it. */
  private static final CommitStep CROWDED =
      new CommitStep(null, 0, null, List.of(), null, null, false, null);

  /** Instead of a step: the session was lost while it waited for the one before. */
  private static final CommitStep DOUBTFUL =
      new CommitStep(null, 0, null, List.of(), null, null, false, null);

  /**
   * Commits all that uploads have brought by now. When this returns true, the pool has it. A commit
   * that had no answer is still under way when this has thrown: no other one begins before it is
   * known what became of it, so that nothing is written twice.
   *
   * @param inlineOrNull goes with the first operation
   * @return false when the inline piece can't go with an operation, when a window of the file has
   *     more extents than the pool takes, or when appended bytes have to be saved before they are
   *     moved: the caller does what is needed and calls again
   * @throws HoldfastException STALE_EPOCH when chunks must be uploaded again first
   */
  boolean commit(
      FileContent content, CommitStep.Inline inlineOrNull, boolean forced, long deadlineNs) {
    CommitStep.Inline inline = inlineOrNull;
    if (isOvertaken(content) && !reconciler.rebase(content, deadlineNs)) {
      return false;
    }
    for (int round = 0; round < ROUNDS_MAX; round++) {
      if (!reconciler.vouch(content, deadlineNs)) {
        return false;
      }
      CommitStep step = begin(content, inline, deadlineNs);
      if (step == null) {
        return inline == null;
      }
      if (step == CROWDED) {
        return false;
      }
      if (step == DOUBTFUL) {
        continue;
      }
      switch (make(content, step, forced, deadlineNs)) {
        case OperationResult.Done done -> {
          if (step.isLast()) {
            return true;
          }
          inline = null;
        }
        case OperationResult.Failed failed -> {
          if (!refused(content, failed, deadlineNs)) {
            return false;
          }
        }
      }
    }
    throw new HoldfastException(
        ErrorCode.BUSY,
        "commit file: expected=an end, was=ever new changes, inode=" + content.inode);
  }

  /** Makes the step's change; however it ends, the step ends too, now or later. */
  private OperationResult make(
      FileContent content, CommitStep step, boolean forced, long deadlineNs) {
    CompletableFuture<OperationResult> answer = null;
    OperationResult result = NOT_BEGUN;
    try {
      answer =
          service.change(
              step.under(), step.commit(), inlineChunk(step.inlineOrNull()), forced, deadlineNs);
      result = deadlines.await(answer, deadlineNs);
      return result;
    } catch (HoldfastException e) {
      if (answer != null) {
        unanswered(content, step, e);
      }
      throw e;
    } finally {
      if (answer == null || result != NOT_BEGUN) {
        end(content, step, result, forced, false);
      } else {
        endLater(content, step, answer);
      }
    }
  }

  private void unanswered(FileContent content, CommitStep step, HoldfastException why) {
    content.lock.lock();
    try {
      step.unanswered(content, why, deadlines.nowNs());
    } finally {
      content.lock.unlock();
    }
  }

  private void end(
      FileContent content,
      CommitStep step,
      OperationResult result,
      boolean isForced,
      boolean isUnknown) {
    content.lock.lock();
    try {
      if (result instanceof OperationResult.Done) {
        Operation.Commit commit = step.commit();
        saved.saved(
            content.inode,
            step.under(),
            commit.baseVersion(),
            commit.newVersion(),
            step.askedNs(),
            deadlines.nowNs());
      }
      step.end(content, result, isForced, isUnknown, service.client(), deadlines.nowNs());
    } finally {
      content.lock.unlock();
    }
  }

  /** Nobody answered: the step ends when it is known what became of it. */
  private void endLater(
      FileContent content, CommitStep step, CompletableFuture<OperationResult> answer) {
    CompletableFuture<OperationResult> outcome = UnansweredException.outcomeOf(answer);
    if (outcome.isDone()) {
      endedLate(content, step, outcome.join()); // it was never begun, or the answer came just now
      return;
    }
    outcome.thenAccept(
        result -> {
          try {
            sealers.execute(() -> endedLate(content, step, result));
          } catch (RejectedExecutionException e) {
            endedLate(content, step, result); // whoever waits for it must not wait for ever
          }
        });
  }

  private void endedLate(FileContent content, CommitStep step, OperationResult result) {
    end(content, step, result, false, UnknownOutcomes.isOfNoSession(result));
    if (step.inlineOrNull() != null) {
      step.inlineOrNull().onLateEnd().accept(result instanceof OperationResult.Done);
    }
  }

  private static PoolService.InlineChunk inlineChunk(CommitStep.Inline inlineOrNull) {
    return inlineOrNull == null
        ? null
        : new PoolService.InlineChunk(
            inlineOrNull.sealed().chunk(), inlineOrNull.sealed().sealed());
  }

  private CommitStep begin(FileContent content, CommitStep.Inline inlineOrNull, long deadlineNs) {
    content.lock.lock();
    try {
      ContentWaits.commit(content, deadlines, deadlineNs);
      if (inlineOrNull != null && !mayGoInline(content, inlineOrNull.upload())) {
        return null;
      }
      if (content.isGone) {
        if (content.isLost && !content.uncommitted.isEmpty()) {
          throw LostContent.ofInode(content.inode);
        }
        return null;
      }
      if (content.acknowledged.isDoubtful()) {
        return DOUBTFUL;
      }
      int unappliedCount = content.uploads.size() - (inlineOrNull == null ? 0 : 1);
      boolean isUnapplied = unappliedCount > 0 || !content.dirty.isEmpty();
      if (inlineOrNull == null
          && content.uncommitted.isEmpty()
          && (isUnapplied || !content.attributesDirty)) {
        return null;
      }
      if (!Extents.crowdedWindows(content.view, 1).isEmpty()) {
        return CROWDED;
      }
      CommitStep step = step(content, inlineOrNull, isUnapplied);
      if (step == null) {
        return null;
      }
      step.begin(content);
      content.attributesDirty = isUnapplied || !step.isLast();
      return step;
    } finally {
      content.lock.unlock();
    }
  }

  /** Something else happened to the file since the piece was made: it goes the long way. */
  private static boolean mayGoInline(FileContent content, Upload upload) {
    return !content.isGone
        && content.uncommitted.isEmpty()
        && upload.cutBytes == Long.MAX_VALUE
        && upload.holes.isEmpty();
  }

  /**
   * The next operation: as many of the changed ranges, ascending, as one can carry; null when they
   * have to wait for what was appended before them.
   */
  private CommitStep step(
      FileContent content, CommitStep.Inline inlineOrNull, boolean isUnapplied) {
    var replacements = new ArrayList<Replacement>();
    var ranges = new ArrayList<Ranges.Range>();
    boolean isLast = true;
    if (inlineOrNull != null) {
      for (Extent extent : inlineOrNull.extents()) {
        replacements.add(new Replacement(extent.fileOffset(), extent.fileEnd(), List.of(extent)));
      }
    } else {
      isLast = fill(content, ranges, replacements);
      long end = isLast ? Long.MAX_VALUE : ranges.getLast().to();
      if (endAt(content, content.appends.commitLimit(end), ranges, replacements)) {
        isLast = false;
      }
      if (!isLast && ranges.isEmpty()) {
        return null;
      }
    }
    long epoch = Math.min(service.epoch(), content.uncommittedEpoch);
    CommitStep.Taken taken = CommitStep.Taken.of(content, ranges);
    Attributes base = content.committed;
    var inside = new ArrayList<Extent>();
    replacements.forEach(replacement -> inside.addAll(replacement.extents()));
    long dataEnd = inside.isEmpty() ? 0 : inside.getLast().fileEnd();
    // Bytes under way bring their size with them: until then the file is shorter, never holed.
    long sizeBytes =
        isLast && !isUnapplied
            ? content.sizeBytes
            : Math.max(Math.min(base.sizeBytes(), taken.cutBytes()), dataEnd);
    List<Extent> after =
        ExtentMap.truncate(
            Extents.replace(
                content.committedExtents,
                replacements.stream()
                    .map(each -> new Ranges.Range(each.fromOffset(), each.toOffset()))
                    .toList(),
                inside),
            sizeBytes);
    ExtentSum sum = sum(content, after);
    long version = base.version() + 1;
    var commit =
        new Operation.Commit(
            content.inode,
            base.version(),
            version,
            sizeBytes,
            sealing.fileTag(content.sealId, Attributes.contentVersion(version), sizeBytes, sum),
            content.mtimeNs,
            content.ctimeNs,
            epoch,
            replacements);
    return new CommitStep(
        service.client(), deadlines.nowNs(), commit, after, sum, taken, isLast, inlineOrNull);
  }

  /** Fills one operation; whether that was all. */
  private static boolean fill(
      FileContent content, List<Ranges.Range> ranges, List<Replacement> replacements) {
    for (Ranges.Range range : content.uncommitted.list()) {
      Ranges.Range fitting = fitting(content.view, range, replacements);
      if (fitting != null) {
        ranges.add(fitting);
      }
      if (!range.equals(fitting)) {
        endAtWindow(content, ranges, replacements);
        return false;
      }
    }
    return true;
  }

  /** A window half new and half old may have too many extents though neither has. */
  private static void endAtWindow(
      FileContent content, List<Ranges.Range> ranges, List<Replacement> replacements) {
    long end = ranges.getLast().to() / ExtentMap.WINDOW_BYTES * ExtentMap.WINDOW_BYTES;
    if (end <= ranges.getFirst().from()) {
      return;
    }
    endAt(content, end, ranges, replacements);
  }

  /** Leaves out what lies at and behind the offset; whether there was any. */
  private static boolean endAt(
      FileContent content, long end, List<Ranges.Range> ranges, List<Replacement> replacements) {
    if (ranges.isEmpty() || ranges.getLast().to() <= end) {
      return false;
    }
    while (!ranges.isEmpty() && ranges.getLast().from() >= end) {
      ranges.removeLast();
      replacements.removeLast();
    }
    if (!ranges.isEmpty() && ranges.getLast().to() > end) {
      Ranges.Range last = ranges.removeLast();
      replacements.removeLast();
      ranges.add(new Ranges.Range(last.from(), end));
      replacements.add(
          new Replacement(last.from(), end, Extents.within(content.view, last.from(), end)));
    }
    return true;
  }

  /** Only what changed costs anything: a large file has many extents, a commit changes few. */
  private ExtentSum sum(FileContent content, List<Extent> after) {
    if (content.committedSumOrNull == null) {
      content.committedSumOrNull =
          sealing.sum(content.sealId, ExtentSum.ZERO, List.of(), content.committedExtents);
    }
    Extents.Difference difference = Extents.difference(content.committedExtents, after);
    return sealing.sum(
        content.sealId, content.committedSumOrNull, difference.removed(), difference.added());
  }

  /**
   * Adds the range's replacement if the operation can carry it, or the first part of it that fits
   * when the operation is still empty; returns what was added or null.
   */
  private static Ranges.Range fitting(
      List<Extent> view, Ranges.Range range, List<Replacement> replacements) {
    boolean isFirst = replacements.isEmpty();
    long to = range.to();
    while (to > range.from()) {
      replacements.add(new Replacement(range.from(), to, Extents.within(view, range.from(), to)));
      if (Operation.Commit.fits(replacements)) {
        return new Ranges.Range(range.from(), to);
      }
      replacements.removeLast();
      if (!isFirst) {
        return null;
      }
      to = range.from() + (to - range.from()) / 2;
    }
    return null;
  }

  /** False when appended bytes have to be saved first. */
  private boolean refused(FileContent content, OperationResult.Failed why, long deadlineNs) {
    switch (why.code()) {
      case STALE_VERSION -> {
        return reconciler.rebase(content, deadlineNs);
      }
      case NO_SESSION -> {
        // Another session has begun, and what was written under a lock of the old one is dropped:
        // the rest is committed if nobody else has changed the file meanwhile, or else laid over.
      }
      case NOT_FOUND -> reconciler.gone(content);
      default -> throw new HoldfastException(why.code(), why.text());
    }
    return true;
  }

  private static boolean isOvertaken(FileContent content) {
    content.lock.lock();
    try {
      return content.appends.isOvertaken();
    } finally {
      content.lock.unlock();
    }
  }
}
