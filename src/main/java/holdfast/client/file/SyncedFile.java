package holdfast.client.file;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.LostContent;
import holdfast.client.pool.SaveFailure;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.model.ChunkId;
import holdfast.model.HoldfastException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;

/**
 * The steps by which an open file follows the pool: uploads, commits, and what others have
 * committed. Each method is one step, complete in itself. Any thread; only methods with a deadline
 * block.
 */
abstract sealed class SyncedFile extends FileMonitor permits OpenFile {
  SyncedFile(Attributes committed, List<Extent> extents, Set<ChunkId> unforced, Shared shared) {
    super(committed, extents, unforced, shared);
  }

  /** The pool has made it, for who opens it: no fsync has forced that. */
  void created() {
    try (Guarded in = enter()) {
      in.acknowledged.committed(false);
    }
  }

  /** What is to be uploaded now: what waits to be tried again, and, if so, all that was written. */
  List<Upload> startUploads(boolean isAll) {
    try (Guarded in = enter()) {
      long nowNs = nowNs();
      var started = new ArrayList<>(in.image.resumePaused(nowNs));
      if (isAll) {
        started.addAll(in.image.startAll(nowNs));
      }
      return started;
    }
  }

  /** Uploads of all that was written, if that may go with one operation of so many bytes. */
  List<Upload> startSmall(int maxBytes) {
    try (Guarded in = enter()) {
      return in.image.mayGoInline(maxBytes) ? in.image.startAll(nowNs()) : List.of();
    }
  }

  /** As {@link FileImage#startRewriteOrNull}. */
  Upload startRewriteOrNull(List<Extent> before, long window, byte[] plain) {
    try (Guarded in = enter()) {
      return in.image.startRewriteOrNull(before, window, plain, nowNs());
    }
  }

  /** A piece is stored; returns what is lost by others that failed, null: nothing. */
  HoldfastException uploaded(Upload upload, List<Extent> extents, long epoch) {
    try (Guarded in = enter()) {
      // It may have been stored before the power cut that took the session: is it still there?
      boolean isOfLostSession =
          in.acknowledged.lossCount() > 0 && upload.triedNs() - in.sessionLostNs <= 0;
      if (isOfLostSession) {
        in.acknowledged.sessionLost();
      }
      upload.stored(extents, epoch);
      return noteLoss(in.image.applyEnded());
    }
  }

  /**
   * A piece isn't stored: it is kept, to be tried again, where the pool is away and may come back.
   *
   * @param tryMaxNs what counts of the time since the last try, at most
   * @param keptMaxNs for how long it is kept
   * @return what is lost; null: nothing
   */
  HoldfastException uploadFailed(
      Upload upload, HoldfastException failure, long tryMaxNs, long keptMaxNs) {
    try (Guarded in = enter()) {
      HoldfastException why = SaveFailure.of(failure);
      long keptNs = upload.triedForNs(nowNs(), tryMaxNs);
      boolean isWanted = in.handleCount > 0 && upload.counts();
      if (isWanted && SaveFailure.isPoolAway(why) && keptNs < keptMaxNs) {
        upload.paused(why);
        return noteLoss(null);
      }
      upload.failed(why);
      return noteLoss(in.image.applyEnded());
    }
  }

  /**
   * Waits until the first so many uploads are in the view. Where its commit has had no answer for
   * as long as a change waits for a majority, this fails as that one did.
   *
   * @return false if one is paused that wasn't tried since {@code sinceNs}: what it met may be over
   * @throws HoldfastException what one met since, or TIMED_OUT
   */
  boolean awaitUploads(long upTo, long sinceNs, Deadline deadline) {
    try (Guarded in = enter()) {
      while (!in.image.isApplied(upTo)) {
        Upload paused = in.image.pausedOrNull(upTo);
        if (paused == null) {
          awaitAnswer(in, deadline);
        } else if (paused.triedNs() - sinceNs >= 0) {
          throw Deadlines.asHoldfast(paused.pausedOrNull());
        } else {
          return false;
        }
      }
      return true;
    }
  }

  /** All that is uncommitted was uploaded again in this epoch, if nothing was rebased since. */
  void uploadedAgain(long rebaseCount, long epoch) {
    try (Guarded in = enter()) {
      // A rebase in between has dropped rewritten windows: old chunks are still there.
      if (in.image.rebaseCount() == rebaseCount) {
        in.image.uncommitted().uploadedAgainIn(epoch);
      }
    }
  }

  /** Starts of the windows in which something is uncommitted. */
  List<Long> uncommittedWindows() {
    try (Guarded in = enter()) {
      return in.image.uncommitted().windows();
    }
  }

  /** What is to be committed next: a plan is in flight from now on. One is at a time. */
  CommitPlanner.Decision beginCommit(CommitPlan.Inline inlineOrNull, CommitPlanner.Terms terms) {
    try (Guarded in = enter()) {
      if (in.isClosed) {
        return CommitPlanner.NoPlan.NOTHING_TO_COMMIT; // what was left of it is reverted
      }
      CommitPlanner.Decision decision =
          shared()
              .planner()
              .decide(in.image, in.acknowledged.isIndeterminate(), inlineOrNull, terms, nowNs());
      if (decision instanceof CommitPlan plan) {
        in.image.begin(plan);
      }
      return decision;
    }
  }

  /** Waits until no commit is in flight; throws as {@link #awaitUploads}. */
  void awaitCommit(Deadline deadline) {
    try (Guarded in = enter()) {
      awaitCommit(in, deadline);
    }
  }

  /** A commit had no answer: it ends when it is known what became of it. */
  void commitUnanswered(CommitPlan plan, HoldfastException failure) {
    try (Guarded in = enter()) {
      in.unansweredOrNull = failure;
      in.unansweredNs = nowNs();
      if (plan.inlineOrNull() != null) {
        plan.inlineOrNull().upload().setUnanswered();
      }
      signal();
    }
  }

  /**
   * A commit has happened, in the session that it was for or another.
   *
   * @param after what the pool has by that
   * @param isForced whether its entry and its own chunk are on disk
   */
  void committed(CommitPlan plan, Attributes after, boolean isForced, boolean isSameSession) {
    try (Guarded in = enter()) {
      shared().ownChanges().committed(plan, nowNs());
      in.unansweredOrNull = null;
      FileImage.Done done = in.image.done(plan, after, isForced);
      in.acknowledged.committed(done.isForced());
      if (!isSameSession) {
        in.acknowledged.sessionLost();
      }
      noteLoss(done.lostOrNull());
    }
  }

  /** A commit has not happened, or its outcome stays unknown. */
  void notCommitted(CommitPlan plan, boolean isUnknown) {
    try (Guarded in = enter()) {
      in.unansweredOrNull = null;
      in.image.notDone(plan, isUnknown);
      signal();
    }
  }

  /** What became of what is here by a version that was loaded. */
  enum Outcome {
    /** Programs see what they saw. */
    SAME,
    /** Programs see something else. */
    REPLACED,
    /** Nothing: appended bytes have to be saved first. */
    APPENDS_FIRST,
    /** Nothing: a session was lost since the pool was asked; what it answered may be lost, too. */
    OVERTAKEN
  }

  /**
   * The end of a rebase.
   *
   * @param lostOrNull what is lost, for the caller to throw once; null: nothing
   */
  record Rebased(Outcome outcome, HoldfastException lostOrNull) {}

  /** To be asked for before the pool is asked for a version to rebase on. */
  Acknowledged.Known known() {
    try (Guarded in = enter()) {
      return new Acknowledged.Known(in.image.committed(), in.acknowledged.lossCount());
    }
  }

  /** Instead of the number of a lost session: none was asked about. */
  static final long NO_LOSS = -1;

  /**
   * What the pool has was loaded: lays what isn't saved over it, or drops it where that stands on
   * what is lost. Waits for the commit in flight: what that has claimed would not be laid over it.
   *
   * @param before what was known before it was loaded
   * @param askedAfter the lost session after which chunks were asked for, or {@link #NO_LOSS}
   * @param mayAwait whether it may wait for that commit; else nothing is done while there is one
   * @throws HoldfastException as {@link #awaitUploads}
   */
  Rebased rebase(
      Attributes newer,
      List<Extent> extents,
      Acknowledged.Known before,
      long askedAfter,
      boolean mayAwait,
      Deadline deadline) {
    try (Guarded in = enter()) {
      if (!mayAwait && in.image.isCommitting()) {
        return new Rebased(Outcome.SAME, null);
      }
      awaitCommit(in, deadline);
      if (in.isClosed) {
        return new Rebased(Outcome.SAME, null); // what is lost is reported to who opens it again
      }
      if (in.acknowledged.lossCount() != before.lossCount()) {
        return new Rebased(Outcome.OVERTAKEN, null);
      }
      if (in.image.committed() != before.committed()) {
        return new Rebased(Outcome.SAME, null); // newer: what was loaded may be from before it
      }
      // Indeterminate with the content: an answer from before that settles nothing.
      boolean isAsked = askedAfter == in.acknowledged.lossCount();
      boolean isChangeLost = isAsked && shared().ownChanges().areAttributesLost(newer);
      if (Acknowledged.isSame(in.image.committed(), newer)) {
        if (isChangeLost) {
          in.image.committedAttributes(newer);
        }
        in.acknowledged.settled(askedAfter);
        in.image.appends().setMustMove(false);
        return new Rebased(Outcome.SAME, null);
      }
      if (in.image.mustSaveAppends(newer)) {
        in.image.appends().setMustMove(true);
        return new Rebased(Outcome.APPENDS_FIRST, null);
      }
      HoldfastException lost = layOver(in, newer, extents);
      in.acknowledged.settled(askedAfter);
      return new Rebased(Outcome.REPLACED, lost);
    }
  }

  private HoldfastException layOver(Guarded in, Attributes newer, List<Extent> extents) {
    boolean isUnsaved = in.image.isUnsaved();
    HoldfastException lost = lostOrNull(in, newer, isUnsaved);
    if (lost == null && isUnsaved) {
      in.image.rebase(newer, extents);
      return null;
    }
    if (lost == null && shared().ownChanges().isAhead(inode(), newer.version())) {
      losses().wentBack(shared().ownChanges().lostOfClosed(newer));
    }
    if (lost != null) {
      revert(in); // what came after what is lost would stand beside what came before it
    }
    in.image.replace(newer, extents);
    return noteLoss(lost);
  }

  private HoldfastException lostOrNull(Guarded in, Attributes newer, boolean isUnsaved) {
    return shared()
        .ownChanges()
        .lostOrNull(in.acknowledged, in.image.committed(), newer, isUnsaved);
  }

  /**
   * What the pool has was loaded, for an open or a stat of the file: it is adopted where nothing is
   * unsaved here.
   *
   * @return whether pages that the kernel has of it are still right
   */
  boolean refresh(Attributes newer, List<Extent> extents) {
    try (Guarded in = enter()) {
      Attributes known = in.image.committed();
      if (newer.version() <= known.version()) {
        return !in.hasStalePages() && !in.acknowledged.isIndeterminate();
      }
      if (in.image.isUnsaved()) {
        if (Attributes.revertCount(newer.version()) != Attributes.revertCount(known.version())) {
          // Whether that rests on what is lost is found out before it is committed. Not for each
          // commit of another: one that writes all the time would have this one look for ever.
          in.acknowledged.sessionLost();
        }
        return false;
      }
      noteLoss(lostOrNull(in, newer, false));
      in.image.adopt(newer, extents);
      return false;
    }
  }

  /** The session is lost: what the pool has is indeterminate. */
  void sessionLost() {
    try (Guarded in = enter()) {
      in.sessionLostNs = nowNs();
      in.acknowledged.sessionLost();
      links().sessionLost();
    }
  }

  /**
   * The chunks and the loss to look at since the session was lost.
   *
   * @param askedAfter the loss that this is about
   * @param chunks are stored, and named by nothing committed: are they still there?
   * @param isRepeated whether an earlier look had no result
   */
  record Indeterminate(long askedAfter, Set<ChunkId> chunks, boolean isRepeated) {}

  /** That; null where there is nothing. Waits for the commit in flight; or null, if it may not. */
  Indeterminate indeterminateOrNull(boolean mayAwait, Deadline deadline) {
    try (Guarded in = enter()) {
      boolean isAny = in.acknowledged.isIndeterminate() && !in.image.isGone() && !in.isClosed;
      if (!isAny || !mayAwait && in.image.isCommitting()) {
        return null;
      }
      // What a commit has claimed is restored if it hasn't happened.
      awaitCommit(in, deadline);
      return new Indeterminate(
          in.acknowledged.lossCount(), in.image.storedChunks(), in.acknowledged.isLooking());
    }
  }

  /** A look had no result: for how long that has been so, each try counted up to a bound. */
  long undecidedNs(long tryMaxNs) {
    try (Guarded in = enter()) {
      return in.acknowledged.lookedNs(nowNs(), tryMaxNs);
    }
  }

  /**
   * Chunks that were stored are gone: what isn't committed is dropped, if it needs one of them.
   *
   * @return what is lost; null where another thread has found it out, or nothing needs them
   */
  HoldfastException lostStored(Set<ChunkId> missing, HoldfastException whyOrNull) {
    try (Guarded in = enter()) {
      boolean isNeeded = !Collections.disjoint(in.image.storedChunks(), missing);
      if (!isNeeded || !in.acknowledged.isIndeterminate()) {
        return null;
      }
      revert(in);
      return noteLoss(LostContent.ofStored(inode(), whyOrNull));
    }
  }

  /** Throws, once, what is lost of what closed handles have written, or changed of it. */
  void reportClosed() {
    try (Guarded in = enter()) {
      HoldfastException lost =
          in.image.isGone() ? null : shared().ownChanges().takeLostOrNull(in.image.committed());
      if (noteLoss(lost) != null) {
        throw lost;
      }
    }
  }

  /**
   * The pool doesn't know it any more.
   *
   * @param isWritten whether a closed handle wrote it lately
   * @return what is lost by that, as it turns out now; null: nothing
   */
  HoldfastException gone(boolean isWritten) {
    try (Guarded in = enter()) {
      boolean hadName = links().gone();
      boolean hasOwn = isWritten || !in.acknowledged.isForced() || in.image.isUnsaved();
      boolean isLost = hadName && hasOwn;
      in.image.gone(isLost);
      return noteLoss(isLost ? LostContent.ofInode(inode()) : null);
    }
  }

  /**
   * What an fsync has to have forced.
   *
   * @param commitCount up to which commit of the file it reaches
   */
  record Unsynced(Set<ChunkId> chunks, long commitCount) {}

  Unsynced unsynced() {
    try (Guarded in = enter()) {
      return new Unsynced(in.image.toForce(), in.acknowledged.commitCount());
    }
  }

  boolean isAllForced() {
    try (Guarded in = enter()) {
      return in.image.isAllForced();
    }
  }

  /** That is on disk. */
  void forced(Unsynced what) {
    try (Guarded in = enter()) {
      in.image.forced(what.chunks());
      in.acknowledged.forced(what.commitCount());
    }
  }
}
