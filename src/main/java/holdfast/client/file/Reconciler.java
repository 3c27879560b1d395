package holdfast.client.file;

import holdfast.client.kernel.PageInvalidations;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.SaveFailure;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Reloads open files and lays what was written here over what the pool has by now: another client's
 * newer version, or an older one after a power cut. Any thread but the loop.
 */
final class Reconciler {
  /** Chunks that are looked for side by side. */
  private static final int LOOKS_AT_ONCE = 32;

  /** Of a file that is open, what stays indeterminate for so long is reverted. */
  static final long LOOKED_NS = WritePipeline.KEPT_NS;

  /** From one look to the next one, at most: who waits longer has slept. */
  private static final long LOOK_MAX_NS = TimeUnit.MINUTES.toNanos(1);

  private final PoolService service;
  private final ExtentLoader loader;
  private final PageInvalidations pages;
  private final OwnChanges ownChanges;
  private final Deadlines deadlines;

  /** {@code ownChanges} has what was changed from here, by handles that are closed too. */
  Reconciler(
      PoolService service,
      ExtentLoader loader,
      PageInvalidations pages,
      OwnChanges ownChanges,
      Deadlines deadlines) {
    this.service = service;
    this.loader = loader;
    this.pages = pages;
    this.ownChanges = ownChanges;
    this.deadlines = deadlines;
  }

  /**
   * Another client committed: what was written here is laid over its version. False when appended
   * bytes have to be saved first.
   */
  boolean rebase(OpenFile file, Deadline deadline) {
    return rebase(file, SyncedFile.NO_LOSS, true, deadline);
  }

  /** Likewise; {@code askedAfter} and {@code mayAwait} as {@link SyncedFile#rebase}. */
  private boolean rebase(OpenFile file, long askedAfter, boolean mayAwait, Deadline deadline) {
    // A session that is lost while it is asked makes another round.
    while (true) {
      Acknowledged.Known before = file.known();
      ExtentLoader.Loaded newer = loadOrNull(file, deadline);
      if (newer == null) {
        return true;
      }
      SyncedFile.Rebased rebased =
          file.rebase(newer.attributes(), newer.extents(), before, askedAfter, mayAwait, deadline);
      if (rebased.outcome() == SyncedFile.Outcome.REPLACED) {
        pages.dropSoon(file.inode());
      }
      if (rebased.lostOrNull() != null) {
        Losses.log(file.inode(), rebased.lostOrNull());
        throw rebased.lostOrNull();
      }
      if (rebased.outcome() != SyncedFile.Outcome.OVERTAKEN) {
        return rebased.outcome() != SyncedFile.Outcome.APPENDS_FIRST;
      }
      checkDeadline(file.inode(), deadline);
    }
  }

  private void checkDeadline(long inode, Deadline deadline) {
    if (deadline.isOver()) {
      throw new HoldfastException(
          ErrorCode.TIMED_OUT,
          "look what the pool has: expected=a session that lasts, was=ever lost ones, inode="
              + inode);
    }
  }

  /**
   * For an fsync, or a change that rests on what is there: throws, once, if what closed handles
   * have written is lost, or a change of its attributes.
   */
  void vouchForClosed(OpenFile file, Deadline deadline) {
    FileStatus status = file.status();
    // What the pool was last heard to have may be older than what it has.
    boolean isBehind =
        !status.isGone() && ownChanges.isAhead(file.inode(), status.committed().version());
    if (isBehind && !rebase(file, deadline)) {
      return; // what was appended is saved first: then it is asked again
    }
    file.reportClosed();
  }

  /** Null if the pool doesn't know the file any more. */
  private ExtentLoader.Loaded loadOrNull(OpenFile file, Deadline deadline) {
    try {
      return loader.loadNewest(file.inode(), deadline);
    } catch (HoldfastException e) {
      if (e.code() != ErrorCode.NOT_FOUND) {
        throw e;
      }
      gone(file);
      return null;
    }
  }

  /**
   * Makes sure, where the session was lost, that the pool still has what it had: a power cut of all
   * voters loses what wasn't forced. What isn't there any more is reported by an exception, once,
   * and what isn't saved goes with it; else that is laid over what the pool has.
   *
   * @return false when appended bytes have to be saved first
   */
  boolean vouch(OpenFile file, Deadline deadline) {
    return vouch(file, true, deadline);
  }

  /** Likewise; {@code mayAwait} as {@link #look}. */
  private boolean vouch(OpenFile file, boolean mayAwait, Deadline deadline) {
    HoldfastException lost = null;
    // A session that is lost from here on isn't settled by what is found now.
    for (SyncedFile.Indeterminate indeterminate = file.indeterminateOrNull(mayAwait, deadline);
        indeterminate != null;
        indeterminate = file.indeterminateOrNull(mayAwait, deadline)) {
      if (deadline.isOver()) {
        throw new HoldfastException(
            ErrorCode.TIMED_OUT,
            "look what the pool has: expected=an end by the deadline, was=ever new commits, inode="
                + file.inode());
      }
      HoldfastException lostNow = lostStoredOrNull(file, indeterminate, deadline);
      lost = lostNow == null ? lost : lostNow;
      if (!rebase(file, indeterminate.askedAfter(), mayAwait, deadline)) {
        return false;
      }
    }
    if (lost != null) {
      throw lost;
    }
    return true;
  }

  /**
   * Chunks that were stored and not committed may have gone with the session: a commit that names
   * one would be acknowledged, and undone. Where one isn't there any more, what isn't committed is
   * dropped, and that is what is returned.
   */
  private HoldfastException lostStoredOrNull(
      OpenFile file, SyncedFile.Indeterminate indeterminate, Deadline deadline) {
    if (indeterminate.isRepeated() && loadOrNull(file, deadline) == null) {
      return null; // a pool that is away doesn't count: that throws
    }
    HoldfastException why = null;
    Set<ChunkId> missing = Set.of();
    try {
      missing = missing(List.copyOf(indeterminate.chunks()), deadline);
    } catch (HoldfastException e) {
      if (file.undecidedNs(LOOK_MAX_NS) < LOOKED_NS) {
        throw SaveFailure.of(e);
      }
      // A peer that never comes back answers nothing: that must end.
      missing = indeterminate.chunks();
      why = e;
    }
    HoldfastException lost = missing.isEmpty() ? null : file.lostStored(missing, why);
    if (lost != null) {
      Losses.log(file.inode(), lost);
      pages.dropSoon(file.inode());
    }
    return lost;
  }

  /** The first of these that no peer has any more; none: all are there. */
  private Set<ChunkId> missing(List<ChunkId> chunks, Deadline deadline) {
    for (int i = 0; i < chunks.size(); i += LOOKS_AT_ONCE) {
      List<ChunkId> some = chunks.subList(i, Math.min(chunks.size(), i + LOOKS_AT_ONCE));
      List<CompletableFuture<Boolean>> looks =
          some.stream().map(chunk -> service.has(chunk, deadline)).toList();
      for (int look = 0; look < looks.size(); look++) {
        if (!deadlines.await(looks.get(look), deadline)) {
          return Set.of(some.get(look));
        }
      }
    }
    return Set.of();
  }

  /**
   * Likewise for who only looks at the file: what is lost is reported to the handles that are open,
   * and not to the caller.
   *
   * @param mayAwait whether it may wait for a commit in flight; else what that would decide stays
   *     open, for the next commit to find out
   */
  void look(OpenFile file, boolean mayAwait, Deadline deadline) {
    try {
      vouch(file, mayAwait, deadline);
    } catch (HoldfastException e) {
      if (file.status().isIndeterminate()) {
        throw e;
      }
    }
  }

  /**
   * The pool doesn't know the file any more: its handles report what was written from here lately
   * as lost. The one place where that is noted. Never blocks.
   */
  void gone(OpenFile file) {
    if (file.status().isClosed()) {
      return; // who has it open is told
    }
    boolean isWritten = ownChanges.forget(file.inode(), service.client(), deadlines.nowNs());
    HoldfastException lost = file.gone(isWritten);
    if (lost != null) {
      Losses.log(file.inode(), lost);
    }
  }
}
