package holdfast.client.file;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.LostContent;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.UnknownOutcomes;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.UnansweredException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * Runs a file's commits: has the operations that {@link CommitPlanner} makes carried out, one at a
 * time for each file, and what is here laid anew over another client's newer version. Any thread
 * but the loop.
 */
final class Committer {
  /** Operations of one call, rebases among them, before it ends with an error. */
  private static final int ROUNDS_MAX = 256;

  /** What became of a plan that the pool was never asked for. */
  private static final OperationResult NOT_BEGUN =
      new OperationResult.Failed(ErrorCode.SHUTTING_DOWN, "commit file: was=not begun");

  private final PoolService service;
  private final Reconciler reconciler;
  private final Deadlines deadlines;
  private final Executor sealers;

  /** {@code sealers} end what had no answer at first. */
  Committer(PoolService service, Reconciler reconciler, Deadlines deadlines, Executor sealers) {
    this.service = service;
    this.reconciler = reconciler;
    this.deadlines = deadlines;
    this.sealers = sealers;
  }

  /**
   * Commits all that uploads have brought by now. When this returns true, the pool has it. A commit
   * that had no answer is still in flight when this has thrown: no other one begins before it is
   * known what became of it, so that nothing is written twice.
   *
   * @param inlineOrNull goes with the first operation
   * @return false when the inline piece can't go with an operation, when a window of the file has
   *     more extents than the pool accepts, or when appended bytes have to be saved before they are
   *     moved: the caller does what is needed and calls again
   * @throws HoldfastException STALE_EPOCH when chunks must be uploaded again first
   */
  boolean commit(OpenFile file, CommitPlan.Inline inlineOrNull, boolean forced, Deadline deadline) {
    CommitPlan.Inline inline = inlineOrNull;
    if (file.status().mustMoveAppends() && !reconciler.rebase(file, deadline)) {
      return false;
    }
    for (int round = 0; round < ROUNDS_MAX; round++) {
      if (!reconciler.vouch(file, deadline)) {
        return false;
      }
      switch (begin(file, inline, deadline)) {
        case CommitPlan plan -> {
          OperationResult result = carryOut(file, plan, forced, deadline);
          if (result instanceof OperationResult.Failed failed) {
            if (!mayGoOn(file, failed, deadline)) {
              return false;
            }
          } else if (plan.isLast()) {
            return true;
          } else {
            inline = null;
          }
        }
        case CommitPlanner.NoPlan why -> {
          switch (why) {
            case NOTHING_TO_COMMIT -> {
              return inline == null;
            }
            case CROWDED -> {
              return false;
            }
            case LOST -> throw LostContent.ofInode(file.inode());
            case COMMITTING, INDETERMINATE -> {
              // The next round waits, or finds out.
            }
          }
        }
      }
    }
    throw new HoldfastException(
        ErrorCode.BUSY,
        "commit file: expected=an end, was=ever new changes, inode=" + file.inode());
  }

  /** Waits for the commit in flight: that counts as no round, as the deadline bounds it. */
  private CommitPlanner.Decision begin(
      OpenFile file, CommitPlan.Inline inlineOrNull, Deadline deadline) {
    while (true) {
      file.awaitCommit(deadline);
      var terms = new CommitPlanner.Terms(service.client(), service.epoch());
      CommitPlanner.Decision decision = file.beginCommit(inlineOrNull, terms);
      if (decision != CommitPlanner.NoPlan.COMMITTING) {
        return decision;
      }
    }
  }

  /** Makes the plan's change; however it ends, the plan ends too, now or later. */
  private OperationResult carryOut(
      OpenFile file, CommitPlan plan, boolean forced, Deadline deadline) {
    CompletableFuture<OperationResult> answer = null;
    OperationResult result = NOT_BEGUN;
    try {
      answer =
          service.change(
              plan.under(), plan.commit(), inlineChunk(plan.inlineOrNull()), forced, deadline);
      result = deadlines.await(answer, deadline);
      return result;
    } catch (HoldfastException e) {
      if (answer != null) {
        file.commitUnanswered(plan, e);
      }
      throw e;
    } finally {
      if (answer == null || result != NOT_BEGUN) {
        end(file, plan, result, forced, false);
      } else {
        endLater(file, plan, answer);
      }
    }
  }

  private void end(
      OpenFile file, CommitPlan plan, OperationResult result, boolean isForced, boolean isUnknown) {
    if (result instanceof OperationResult.Done done) {
      boolean isSameSession = plan.under().equals(service.client());
      file.committed(plan, done.attributes(), isForced, isSameSession);
    } else {
      file.notCommitted(plan, isUnknown);
    }
  }

  /** Without an answer the plan ends when its outcome is known. */
  private void endLater(OpenFile file, CommitPlan plan, CompletableFuture<OperationResult> answer) {
    CompletableFuture<OperationResult> outcome = UnansweredException.outcomeOf(answer);
    if (outcome.isDone()) {
      endedLate(file, plan, outcome.join()); // it was never begun, or the answer came just now
      return;
    }
    outcome.thenAccept(
        result -> {
          try {
            sealers.execute(() -> endedLate(file, plan, result));
          } catch (RejectedExecutionException e) {
            endedLate(file, plan, result); // whoever waits for it must not wait for ever
          }
        });
  }

  private void endedLate(OpenFile file, CommitPlan plan, OperationResult result) {
    end(file, plan, result, false, UnknownOutcomes.isOfNoSession(result));
    if (plan.inlineOrNull() != null) {
      plan.inlineOrNull().onLateEnd().accept(result instanceof OperationResult.Done);
    }
  }

  private static PoolService.InlineChunk inlineChunk(CommitPlan.Inline inlineOrNull) {
    return inlineOrNull == null
        ? null
        : new PoolService.InlineChunk(
            inlineOrNull.sealed().chunk(), inlineOrNull.sealed().sealed());
  }

  /** False when appended bytes have to be saved first. */
  private boolean mayGoOn(OpenFile file, OperationResult.Failed why, Deadline deadline) {
    switch (why.code()) {
      case STALE_VERSION -> {
        return reconciler.rebase(file, deadline);
      }
      case NO_SESSION -> {
        // Another session has begun, and what was written under a lock of the old one is dropped:
        // the rest is committed if no other client has changed the file meanwhile, or else
        // rebased.
      }
      case NOT_FOUND -> reconciler.gone(file);
      default -> throw new HoldfastException(why.code(), why.text());
    }
    return true;
  }
}
