package holdfast.client.file;

import holdfast.client.kernel.CacheLease;
import holdfast.client.kernel.PageInvalidations;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * Saves what was written: full windows at once, the rest when a flush or fsync needs it in the
 * pool. Any thread but the loop.
 */
public final class WritePipeline {
  /** Unsealed and unsent data of all files together. */
  static final long UNSAVED_MAX_BYTES = 64L << 20;

  /**
   * A file that stays open keeps what the pool doesn't take for so long: it may be away, or be
   * starting again. Then its memory is needed more.
   */
  static final long KEPT_NS = TimeUnit.MINUTES.toNanos(5);

  /** Largest file content that travels with its operation. */
  static final int INLINE_MAX_BYTES = 256 << 10;

  /** Windows that are rewritten side by side. */
  private static final int WINDOWS_AT_ONCE = 4;

  /** How long a writer waits for room before it looks for something to save again. */
  private static final long PRESSURE_NS = 200_000_000L;

  private final PoolService service;
  private final Sealing sealing;
  private final Deadlines deadlines;
  private final Committer committer;
  private final Reconciler reconciler;
  private final ChunkReader reader;
  private final CacheLease cacheLease;
  private final ContentForce contentForce;
  private final Uploads uploads;
  private final MemoryBudget budget;
  private final PageInvalidations pages;

  /**
   * Writes through these.
   *
   * @param budget what writers acquire, and files return
   * @param pages are dropped where they show what is lost
   * @param storeTimeoutNs how long a background store may take before it fails or is tried again
   */
  WritePipeline(
      PoolService service,
      Sealing sealing,
      Executor sealers,
      Deadlines deadlines,
      Reconciler reconciler,
      ChunkReader reader,
      MemoryBudget budget,
      CacheLease cacheLease,
      PageInvalidations pages,
      long storeTimeoutNs) {
    this.service = service;
    this.sealing = sealing;
    this.deadlines = deadlines;
    this.reconciler = reconciler;
    this.reader = reader;
    this.budget = budget;
    this.cacheLease = cacheLease;
    this.pages = pages;
    committer = new Committer(service, reconciler, deadlines, sealers);
    contentForce = new ContentForce(service, reconciler, deadlines);
    uploads = new Uploads(service, sealing, sealers, deadlines, pages, budget, storeTimeoutNs);
  }

  /**
   * Takes a write into memory. When memory is short it starts saving ({@code onPressure} for other
   * files) and waits.
   *
   * @param isAppend it goes to the file's end, whatever offset the kernel has for it
   * @return where it went
   */
  long write(
      FileHandle handle,
      boolean isAppend,
      long kernelOffset,
      byte[] source,
      int sourceOffset,
      int lengthBytes,
      Runnable onPressure,
      Deadline deadline) {
    OpenFile file = handle.file();
    // One block more than can be needed: what others have acquired meanwhile is returned.
    long wantedBytes = (lengthBytes / DirtyData.BLOCK_BYTES + 2L) * DirtyData.BLOCK_BYTES;
    while (!budget.tryAcquire(wantedBytes)) {
      saveAll(file);
      onPressure.run();
      if (budget.acquire(wantedBytes, deadlines, PRESSURE_NS, deadline)) {
        break;
      }
    }
    OpenFile.Written written =
        file.write(
            handle,
            isAppend,
            kernelOffset,
            source,
            sourceOffset,
            lengthBytes,
            wantedBytes,
            deadline);
    uploads.submit(file, written.started());
    return written.offset();
  }

  /** Starts saving everything that was written so far, and what the pool didn't take before. */
  public void saveAll(OpenFile file) {
    uploads.submit(file, file.startUploads(true));
  }

  /**
   * Saves what was written before the call and commits it. When this returns, it is written at
   * min-copies; with {@code forced}, forced to disk there and at a majority of voters.
   */
  public void flush(OpenFile file, boolean forced, Deadline deadline) {
    file.awaitAppends(forced, deadline);
    if (forced) {
      reconciler.vouchForClosed(file, deadline);
    }
    boolean isInline = flushInline(file, forced, deadline);
    if (!isInline) {
      saveAll(file);
      awaitUploads(file, deadline);
      commit(file, deadline);
    }
    if (forced && !(isInline && file.isAllForced())) {
      contentForce.force(file, () -> commit(file, deadline), deadline);
    } else if (forced) {
      reconciler.vouchForClosed(file, deadline); // of what was found out meanwhile
    }
  }

  private void commit(OpenFile file, Deadline deadline) {
    try {
      commitSpread(file, deadline);
    } catch (HoldfastException e) {
      if (e.code() != ErrorCode.STALE_EPOCH) {
        throw e;
      }
      // Uploaded so long ago that a sweep may have removed it: upload again, then commit.
      uploadAgain(file, deadline);
      commitSpread(file, deadline);
    }
  }

  /** Commits; windows may crowd again by what others write meanwhile. Ends by the deadline. */
  private void commitSpread(OpenFile file, Deadline deadline) {
    try (var pause = new AppendPause(file, cacheLease)) {
      do {
        if (pause.isNeeded()) {
          saveAll(file);
          awaitUploads(file, deadline);
        }
        spreadCrowded(file, deadline);
      } while (!committer.commit(file, null, false, deadline));
    }
  }

  private void uploadAgain(OpenFile file, Deadline deadline) {
    long rebaseCount = file.status().rebaseCount();
    List<Long> windows = file.uncommittedWindows();
    long newEpoch = service.epoch();
    for (int i = 0; i < windows.size(); i += WINDOWS_AT_ONCE) {
      List<Long> some = windows.subList(i, Math.min(windows.size(), i + WINDOWS_AT_ONCE));
      rewriteWindows(file, some, deadline);
      awaitUploads(file, deadline);
    }
    file.uploadedAgain(rebaseCount, newEpoch);
  }

  /** One that was begun before and failed has another try: what it met may be over. */
  private void awaitUploads(OpenFile file, Deadline deadline) {
    long sinceNs = deadlines.nowNs();
    long upTo = file.status().uploadsStarted();
    while (!file.awaitUploads(upTo, sinceNs, deadline)) {
      uploads.submit(file, file.startUploads(false));
    }
  }

  /**
   * A small file's whole new content goes with its operation: one round trip. False when it
   * couldn't: it is being stored as all others are.
   */
  private boolean flushInline(OpenFile file, boolean forced, Deadline deadline) {
    List<Upload> started = file.startSmall(INLINE_MAX_BYTES);
    if (started.size() != 1) {
      uploads.submit(file, started);
      return false;
    }
    Upload upload = started.getFirst();
    boolean isDone = false;
    try {
      isDone = committer.commit(file, inline(file, upload), forced, deadline);
    } catch (HoldfastException e) {
      // A mount that changed nothing for long knows an old epoch; the refusal has brought the new.
      if (e.code() != ErrorCode.STALE_EPOCH) {
        throw e;
      }
    } finally {
      if (!isDone && !upload.isUnanswered()) {
        // Not lost yet: it goes the long way in the background; a failure is reported to this
        // caller.
        uploads.submit(file, started);
      }
    }
    return isDone;
  }

  private CommitPlan.Inline inline(OpenFile file, Upload upload) {
    Sealing.Sealed sealed = uploads.sealInline(upload);
    List<Extent> extents =
        upload.piece().extents(sealed.chunk(), sealed.salt(), sealed.keyReference());
    return new CommitPlan.Inline(
        sealed,
        extents,
        upload,
        isThere -> {
          if (!isThere) {
            uploads.submit(file, List.of(upload));
          }
        });
  }

  /** Drops what isn't with the pool, and what is in flight to it: it isn't to be read any more. */
  public void revert(OpenFile file) {
    revert(file, null);
  }

  /** Likewise, and the handles report why, if there was anything. */
  public void revert(OpenFile file, HoldfastException lossOrNull) {
    if (file.revert(lossOrNull)) {
      pages.dropSoon(file.inode());
    }
  }

  /** Sets the size; otherwise as {@link #punch}. */
  public void truncate(OpenFile file, long sizeBytes, long lossCount, Deadline deadline) {
    flush(file, false, deadline);
    if (sizeBytes > 0) {
      reconciler.vouchForClosed(file, deadline);
    }
    file.resize(sizeBytes, lossCount);
    commitChange(file, lossCount, deadline);
  }

  /**
   * Makes a range a hole; what was written before is saved first. When this returns, the pool has
   * it at min-copies. Throws, once, if what it would rest on is lost: also if another thread has
   * found that.
   *
   * @param mayGrow whether the file is to reach the range's end
   * @param lossCount how many losses the caller's handle knew of before it
   */
  void punch(
      OpenFile file, long from, long to, boolean mayGrow, long lossCount, Deadline deadline) {
    flush(file, false, deadline);
    reconciler.vouchForClosed(file, deadline);
    file.punch(from, to, mayGrow, lossCount);
    commitChange(file, lossCount, deadline);
  }

  private void commitChange(OpenFile file, long lossCountBefore, Deadline deadline) {
    commit(file, deadline);
    // Another thread may have found it: then the change has gone with what was lost.
    file.losses().throwSince(lossCountBefore);
  }

  /**
   * Rewrites windows that random writes have cut into too many extents, before they are refused.
   * Ends by the deadline.
   */
  private void spreadCrowded(OpenFile file, Deadline deadline) {
    List<Long> crowded = Extents.crowdedWindows(file.status().extents(), WINDOWS_AT_ONCE);
    while (!crowded.isEmpty()) {
      if (deadline.isOver()) {
        throw new HoldfastException(
            ErrorCode.TIMED_OUT,
            "rewrite crowded windows: expected=an end by the deadline, was=more, inode="
                + file.inode());
      }
      rewriteWindows(file, crowded, deadline);
      awaitUploads(file, deadline);
      crowded = Extents.crowdedWindows(file.status().extents(), WINDOWS_AT_ONCE);
    }
  }

  /**
   * Reads windows as the pool has them and uploads each as one chunk, beneath whatever was written
   * meanwhile.
   */
  private void rewriteWindows(OpenFile file, List<Long> windows, Deadline deadline) {
    FileStatus before = file.status();
    for (long window : windows) {
      int lengthBytes = (int) Math.min(ExtentMap.WINDOW_BYTES, before.sizeBytes() - window);
      if (lengthBytes > 0) {
        byte[] plain = new byte[lengthBytes];
        for (Extent extent : Extents.within(before.extents(), window, window + lengthBytes)) {
          reader.read(extent, plain, (int) (extent.fileOffset() - window), deadlines, deadline);
        }
        Upload upload = file.startRewriteOrNull(before.extents(), window, plain);
        uploads.submit(file, upload == null ? List.of() : List.of(upload));
      }
    }
  }

  /** Bytes that unsaved data takes; 0 when everything is saved or reverted. */
  public long unsavedBytes() {
    return budget.usedBytes();
  }

  /** Rises as unsaved data moves on its way to the pool. */
  public long movedCount() {
    return budget.movedCount();
  }
}
