package holdfast.client.file;

import holdfast.client.kernel.CacheLease;
import holdfast.client.kernel.MisplacedPages;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.Body;
import holdfast.util.WallClock;
import java.util.List;
import java.util.concurrent.Executor;

/**
 * Brings what was written to the pool: full windows at once, the rest when it must be there.
 * Sealing runs on the sealers in parallel; stores overlap. Any thread but the loop.
 */
public final class WriteBack {
  /** Unsealed and unsent data of all files together. */
  public static final long UNSAVED_MAX_BYTES = 64L << 20;

  /** The kernel splits writes at ends of pages, of at least this size. */
  private static final int PAGE_BYTES = 4_096;

  /** Blocks kept for reuse: as many as unsaved data can take. */
  public static final int BLOCKS_KEPT_MAX = (int) (UNSAVED_MAX_BYTES / DirtyData.BLOCK_BYTES);

  /** Largest file content that travels with its operation. */
  static final int INLINE_MAX_BYTES = 256 << 10;

  /** Windows that are rewritten side by side. */
  private static final int WINDOWS_AT_ONCE = 4;

  /** How long a writer waits for room before it looks for something to save again. */
  private static final long PRESSURE_NS = 200_000_000L;

  private final PoolService service;
  private final Sealing sealing;
  private final Deadlines deadlines;
  private final WallClock wallClock;
  private final Committer committer;
  private final ChunkReader reader;
  private final BufferPool blocks;
  private final CacheLease cacheLease;
  private final ContentForce contentForce;
  private final Uploads uploads;
  private final MemoryBudget budget;
  private final MisplacedPages pages;

  public WriteBack(
      PoolService service,
      Sealing sealing,
      Executor sealers,
      Deadlines deadlines,
      WallClock wallClock,
      Committer committer,
      ChunkReader reader,
      BufferPool blocks,
      MemoryBudget budget,
      CacheLease cacheLease,
      MisplacedPages pages,
      long storeTimeoutNs) {
    this.budget = budget;
    this.pages = pages;
    this.service = service;
    this.sealing = sealing;
    this.deadlines = deadlines;
    this.wallClock = wallClock;
    this.committer = committer;
    this.reader = reader;
    this.blocks = blocks;
    this.cacheLease = cacheLease;
    this.contentForce = new ContentForce(service, committer.reconciler(), deadlines);
    this.uploads = new Uploads(service, sealing, sealers, deadlines, budget, pages, storeTimeoutNs);
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
      long deadlineNs) {
    FileContent content = handle.content;
    // One block more than can be needed: blocks taken meanwhile by others are given back below.
    long wantedBytes = (lengthBytes / DirtyData.BLOCK_BYTES + 2L) * DirtyData.BLOCK_BYTES;
    while (!budget.tryAcquire(wantedBytes)) {
      saveAll(content);
      onPressure.run();
      if (budget.acquire(wantedBytes, deadlines, PRESSURE_NS, deadlineNs)) {
        break;
      }
    }
    content.lock.lock();
    try {
      long offset = place(handle, isAppend, kernelOffset, lengthBytes, wantedBytes, deadlineNs);
      long heldBefore = content.dirty.heldBytes();
      try {
        if (!content.isUnsaved()) {
          content.dirtySinceNs = deadlines.nowNs();
        }
        content.dirty.write(offset, source, sourceOffset, lengthBytes);
        handle.noteWrite();
        if (isAppend) {
          boolean mayGoOn = (kernelOffset + lengthBytes) % PAGE_BYTES == 0;
          content.appends.add(handle, offset, offset + lengthBytes, mayGoOn, deadlines.nowNs());
          content.changed.signalAll();
        }
        content.sizeBytes = Math.max(content.sizeBytes, offset + lengthBytes);
        content.touch(wallClock.nowNs());
      } finally {
        budget.release(wantedBytes - (content.dirty.heldBytes() - heldBefore));
      }
      long last = offset + lengthBytes - 1;
      startFullWindow(content, offset);
      if (last / ExtentMap.WINDOW_BYTES != offset / ExtentMap.WINDOW_BYTES) {
        startFullWindow(content, last);
      }
      return offset;
    } finally {
      content.lock.unlock();
    }
  }

  /** Where a write goes; if it can't, it gives back the memory that was got for it. */
  private long place(
      FileHandle handle,
      boolean isAppend,
      long kernelOffset,
      int lengthBytes,
      long gotBytes,
      long deadlineNs) {
    try {
      long offset =
          isAppend ? ContentWaits.end(handle.content, deadlines, deadlineNs) : kernelOffset;
      handle.warnOfFailure();
      if (offset > Extent.FILE_MAX_BYTES - lengthBytes) {
        throw new HoldfastException(
            ErrorCode.TOO_LARGE, "write: expected=an end of at most 4 EiB, was=offset " + offset);
      }
      return offset;
    } catch (HoldfastException e) {
      budget.release(gotBytes);
      throw e;
    }
  }

  /** Starts saving everything that was written so far, and what the pool didn't take before. */
  public void saveAll(FileContent content) {
    content.lock.lock();
    try {
      uploads.resumePaused(content);
      List<PendingChunk> pieces = takeAll(content);
      pieces.forEach(piece -> uploads.start(content, piece, false));
    } finally {
      content.lock.unlock();
    }
  }

  private List<PendingChunk> takeAll(FileContent content) {
    long heldBefore = content.dirty.heldBytes();
    List<PendingChunk> pieces = content.dirty.takeAll();
    settleBudget(heldBefore, pieces);
    content.appends.mark();
    return pieces;
  }

  private void startFullWindow(FileContent content, long offset) {
    long heldBefore = content.dirty.heldBytes();
    PendingChunk piece = content.dirty.takeFullWindow(offset);
    if (piece != null) {
      settleBudget(heldBefore - content.dirty.heldBytes(), List.of(piece));
      uploads.start(content, piece, false);
    }
  }

  /** The blocks' room becomes the pieces' room, which is never more. */
  private void settleBudget(long freedBytes, List<PendingChunk> pieces) {
    long pieceBytes = pieces.stream().mapToLong(PendingChunk::heldBytes).sum();
    budget.release(freedBytes - pieceBytes);
  }

  /** A failed upload may have dropped what was written after it. */
  private void releaseDropped(FileContent content) {
    content.lock.lock();
    try {
      budget.release(content.takeDroppedBytes());
    } finally {
      content.lock.unlock();
    }
  }

  /**
   * Saves what was written before the call and commits it. When this returns, it is written at
   * min-copies; with {@code forced}, forced to disk there and at a majority of voters.
   */
  public void flush(FileContent content, boolean forced, long deadlineNs) {
    try {
      save(content, forced, deadlineNs);
    } finally {
      releaseDropped(content);
    }
  }

  private void save(FileContent content, boolean forced, long deadlineNs) {
    AppendGate.settle(content, forced, deadlines, deadlineNs);
    if (forced) {
      committer.reconciler().vouchForClosed(content, deadlineNs);
    }
    boolean isInline = flushInline(content, forced, deadlineNs);
    if (!isInline) {
      saveAll(content);
      awaitUploads(content, deadlineNs);
      commit(content, deadlineNs);
    }
    if (forced && !(isInline && content.isAllForced())) {
      contentForce.force(content, () -> commit(content, deadlineNs), deadlineNs);
    } else if (forced) {
      committer.reconciler().vouchForClosed(content, deadlineNs); // of what was found out meanwhile
    }
  }

  private void commit(FileContent content, long deadlineNs) {
    try {
      commitSpread(content, deadlineNs);
    } catch (HoldfastException e) {
      if (e.code() != ErrorCode.STALE_EPOCH) {
        throw e;
      }
      // Uploaded so long ago that a sweep may have taken it: upload again, then commit.
      uploadAgain(content, deadlineNs);
      commitSpread(content, deadlineNs);
    }
  }

  /** Commits; windows may crowd again by what others write meanwhile. Ends by the deadline. */
  private void commitSpread(FileContent content, long deadlineNs) {
    try (var gate = new AppendGate(content, cacheLease)) {
      do {
        if (gate.isNeeded()) {
          saveAll(content);
          awaitUploads(content, deadlineNs);
        }
        spreadCrowded(content, deadlineNs);
      } while (!committer.commit(content, null, false, deadlineNs));
    }
  }

  private void uploadAgain(FileContent content, long deadlineNs) {
    long rebaseCount = content.rebaseCountNow();
    List<Long> windows = content.uncommittedWindows();
    long newEpoch = service.epoch();
    for (int i = 0; i < windows.size(); i += WINDOWS_AT_ONCE) {
      List<Long> some = windows.subList(i, Math.min(windows.size(), i + WINDOWS_AT_ONCE));
      rewriteWindows(content, some, deadlineNs);
      awaitUploads(content, deadlineNs);
    }
    content.lock.lock();
    try {
      // A rebase in between has dropped rewritten windows: old chunks are still there.
      if (content.rebaseCount == rebaseCount) {
        content.uncommittedEpoch = newEpoch;
      }
    } finally {
      content.lock.unlock();
    }
  }

  private void awaitUploads(FileContent content, long deadlineNs) {
    content.lock.lock();
    try {
      ContentWaits.uploads(content, deadlines, () -> uploads.resumePaused(content), deadlineNs);
    } finally {
      content.lock.unlock();
    }
  }

  /** A small file's whole new content goes with its operation: one round trip. */
  private boolean flushInline(FileContent content, boolean forced, long deadlineNs) {
    Upload upload;
    content.lock.lock();
    try {
      boolean isSmall =
          !content.dirty.isEmpty()
              && content.uploads.isEmpty()
              && !content.isCommitting
              && !content.isGone
              && content.uncommitted.isEmpty()
              && !content.appends.isOpen()
              && content.sizeBytes <= INLINE_MAX_BYTES
              && content.dirty.heldBytes() <= INLINE_MAX_BYTES + DirtyData.BLOCK_BYTES
              // Each range written may add one extent and split another.
              && content.view.size() + 2 * content.dirty.rangeCount()
                  <= ExtentMap.WINDOW_EXTENTS_MAX;
      if (!isSmall) {
        return false;
      }
      List<PendingChunk> pieces = takeAll(content);
      if (pieces.size() > 1) {
        pieces.forEach(piece -> uploads.start(content, piece, false));
        return false;
      }
      upload = new Upload(pieces.get(0), false, deadlines.nowNs());
      content.uploads.add(upload);
      content.uploadsStarted++;
    } finally {
      content.lock.unlock();
    }
    return commitInline(content, upload, forced, deadlineNs);
  }

  /** False when it couldn't go with an operation: it is being stored as all others are. */
  private boolean commitInline(
      FileContent content, Upload upload, boolean forced, long deadlineNs) {
    boolean isDone = false;
    try {
      PendingChunk piece = upload.piece;
      byte[] target = new byte[sealing.sealedBytes(piece.lengthBytes())];
      Sealing.Sealed sealed = sealing.seal(piece.blocks(), piece.lengthBytes(), target);
      upload.sealedOrNull = new Upload.SealedPiece(sealed, Body.whole(target));
      List<Extent> extents = piece.extents(sealed.chunk(), sealed.salt(), sealed.keyReference());
      var inline =
          new CommitStep.Inline(
              sealed, extents, upload, isThere -> endInline(content, upload, isThere));
      isDone = committer.commit(content, inline, forced, deadlineNs);
    } finally {
      if (!isUnanswered(content, upload)) {
        endInline(content, upload, isDone);
      }
    }
    return isDone;
  }

  private void endInline(FileContent content, Upload upload, boolean isDone) {
    if (isDone) {
      budget.release(upload.piece.heldBytes());
      releaseDropped(content);
    } else {
      // Not lost yet: it goes the long way in the background; a failure is told to this caller.
      uploads.resume(content, upload);
    }
  }

  private static boolean isUnanswered(FileContent content, Upload upload) {
    content.lock.lock();
    try {
      return upload.isUnanswered;
    } finally {
      content.lock.unlock();
    }
  }

  /** Gives up what isn't with the pool, and on its way there too: nobody is to read it any more. */
  public void giveUp(FileContent content) {
    content.lock.lock();
    try {
      if (!content.isUnsaved()) {
        return;
      }
      content.drop();
    } finally {
      content.lock.unlock();
    }
    releaseDropped(content);
    pages.drop(content.inode);
  }

  /** Sets the size; otherwise as {@link #change}. */
  public void truncate(FileContent content, long sizeBytes, long deadlineNs) {
    flush(content, false, deadlineNs);
    if (sizeBytes > 0) {
      committer.reconciler().vouchForClosed(content, deadlineNs);
    }
    changeSaved(content, () -> content.setSize(sizeBytes), deadlineNs);
  }

  /**
   * Changes size or holes; what was written before is saved first. When this returns, the pool has
   * it at min-copies. {@code what} is called under the file's lock. Throws, once, if what it would
   * rest on is lost.
   */
  void change(FileContent content, Runnable what, long deadlineNs) {
    flush(content, false, deadlineNs);
    committer.reconciler().vouchForClosed(content, deadlineNs);
    changeSaved(content, what, deadlineNs);
  }

  private void changeSaved(FileContent content, Runnable what, long deadlineNs) {
    long lossCount;
    content.lock.lock();
    try {
      lossCount = content.losses.count();
      long heldBefore = content.dirty.heldBytes();
      what.run();
      budget.release(heldBefore - content.dirty.heldBytes());
      content.touch(wallClock.nowNs());
    } finally {
      content.lock.unlock();
    }
    try {
      commit(content, deadlineNs);
    } finally {
      releaseDropped(content);
    }
    if (content.lossCount() != lossCount) {
      content.losses.throwLast(); // another thread found it: the change has gone with what was lost
    }
  }

  /**
   * Rewrites windows that random writes have cut into too many extents, before they are refused.
   * Ends by the deadline.
   */
  private void spreadCrowded(FileContent content, long deadlineNs) {
    while (true) {
      List<Long> crowded;
      content.lock.lock();
      try {
        crowded = Extents.crowdedWindows(content.view, WINDOWS_AT_ONCE);
      } finally {
        content.lock.unlock();
      }
      if (crowded.isEmpty()) {
        return;
      }
      if (deadlineNs - deadlines.nowNs() <= 0) {
        throw new HoldfastException(
            ErrorCode.TIMED_OUT,
            "rewrite crowded windows: expected=an end by the deadline, was=more, inode="
                + content.inode);
      }
      rewriteWindows(content, crowded, deadlineNs);
      awaitUploads(content, deadlineNs);
    }
  }

  /**
   * Reads windows as the pool has them and uploads each as one chunk, beneath whatever was written
   * meanwhile.
   */
  private void rewriteWindows(FileContent content, List<Long> windows, long deadlineNs) {
    List<Extent> view;
    long sizeBytes;
    content.lock.lock();
    try {
      view = content.view;
      sizeBytes = content.sizeBytes;
    } finally {
      content.lock.unlock();
    }
    for (long window : windows) {
      int lengthBytes = (int) Math.min(ExtentMap.WINDOW_BYTES, sizeBytes - window);
      if (lengthBytes > 0) {
        byte[] plain = new byte[lengthBytes];
        for (Extent extent : Extents.within(view, window, window + lengthBytes)) {
          reader.read(extent, plain, (int) (extent.fileOffset() - window), deadlines, deadlineNs);
        }
        startRewrite(content, view, window, plain);
      }
    }
  }

  private void startRewrite(FileContent content, List<Extent> view, long window, byte[] plain) {
    content.lock.lock();
    try {
      List<Ranges.Range> parts = content.unchangedSince(view, window, window + plain.length);
      if (parts.isEmpty()) {
        return;
      }
      var packer = new PendingChunk.Packer(blocks);
      for (Ranges.Range part : parts) {
        packer.part(part);
        packer.add(plain, (int) (part.from() - window), (int) part.lengthBytes());
      }
      PendingChunk kept = packer.take();
      budget.take(kept.heldBytes());
      uploads.start(content, kept, true);
    } finally {
      content.lock.unlock();
    }
  }

  /** Bytes that unsaved data takes; 0 when everything is saved or given up. */
  public long unsavedBytes() {
    return budget.usedBytes();
  }
}
