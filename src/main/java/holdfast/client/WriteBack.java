package holdfast.client;

import holdfast.metadata.Extent;
import holdfast.metadata.ExtentMap;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.Body;
import holdfast.peer.port.FileService;
import holdfast.util.WallClock;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;

/**
 * Brings what was written to the pool: full windows at once, the rest when it must be there.
 * Sealing runs on the sealers in parallel; stores overlap. Any thread but the loop.
 */
final class WriteBack {
  /** Unsealed and unsent data of all files together. */
  static final long UNSAVED_MAX_BYTES = 64L << 20;

  /** Largest file content that travels with its operation. */
  static final int INLINE_MAX_BYTES = 256 << 10;

  private static final int ROUNDS_MAX = 64;

  /** How long a background store may take before its writers are told it failed. */
  private final long storeTimeoutNs;

  private final FileService service;
  private final Sealing sealing;
  private final Executor sealers;
  private final Waits waits;
  private final WallClock wallClock;
  private final Committer committer;
  private final ChunkReader reader;
  private final MemoryBudget budget = new MemoryBudget(UNSAVED_MAX_BYTES);

  WriteBack(
      FileService service,
      Sealing sealing,
      Executor sealers,
      Waits waits,
      WallClock wallClock,
      Committer committer,
      ChunkReader reader,
      long storeTimeoutNs) {
    this.service = service;
    this.sealing = sealing;
    this.sealers = sealers;
    this.waits = waits;
    this.wallClock = wallClock;
    this.committer = committer;
    this.reader = reader;
    this.storeTimeoutNs = storeTimeoutNs;
  }

  /**
   * Takes a write into memory. When memory is short it starts saving ({@code onPressure} for other
   * files) and waits.
   */
  void write(
      FileHandle handle,
      long offset,
      byte[] source,
      int sourceOffset,
      int lengthBytes,
      Runnable onPressure,
      long deadlineNs) {
    FileContent content = handle.content;
    // One block more than can be needed: blocks taken meanwhile by others are given back below.
    long wantedBytes = (lengthBytes / DirtyData.BLOCK_BYTES + 2L) * DirtyData.BLOCK_BYTES;
    if (!budget.tryAcquire(wantedBytes)) {
      saveAll(content);
      onPressure.run();
      budget.acquire(wantedBytes, waits, deadlineNs);
    }
    content.lock.lock();
    try {
      long heldBefore = content.dirty.heldBytes();
      try {
        handle.throwFailure();
        if (!content.isUnsaved()) {
          content.dirtySinceNs = waits.nowNs();
        }
        content.dirty.write(offset, source, sourceOffset, lengthBytes);
        content.sizeBytes = Math.max(content.sizeBytes, offset + lengthBytes);
        content.mtimeNs = wallClock.nowNs();
        content.attributesDirty = true;
      } finally {
        budget.release(wantedBytes - (content.dirty.heldBytes() - heldBefore));
      }
      long last = offset + lengthBytes - 1;
      startFullWindow(content, offset);
      if (last / ExtentMap.WINDOW_BYTES != offset / ExtentMap.WINDOW_BYTES) {
        startFullWindow(content, last);
      }
    } finally {
      content.lock.unlock();
    }
  }

  /** Starts saving everything that was written so far. */
  void saveAll(FileContent content) {
    content.lock.lock();
    try {
      long heldBefore = content.dirty.heldBytes();
      List<DirtyPiece> pieces = content.dirty.takeAll();
      settleBudget(heldBefore, pieces);
      pieces.forEach(piece -> startUpload(content, piece));
    } finally {
      content.lock.unlock();
    }
  }

  private void startFullWindow(FileContent content, long offset) {
    long heldBefore = content.dirty.heldBytes();
    DirtyPiece piece = content.dirty.takeFullWindow(offset);
    if (piece != null) {
      settleBudget(heldBefore - content.dirty.heldBytes(), List.of(piece));
      startUpload(content, piece);
    }
  }

  /** The blocks' room becomes the pieces' room, which is never more. */
  private void settleBudget(long freedBytes, List<DirtyPiece> pieces) {
    long pieceBytes = pieces.stream().mapToLong(piece -> piece.plain().length).sum();
    budget.release(freedBytes - pieceBytes);
  }

  private void startUpload(FileContent content, DirtyPiece piece) {
    var upload = new FileContent.Upload(piece);
    content.uploads.add(upload);
    content.uploadsStarted++;
    sealers.execute(() -> sealAndStore(content, upload));
  }

  private void sealAndStore(FileContent content, FileContent.Upload upload) {
    try {
      Sealing.Sealed sealed = sealing.seal(upload.piece.plain());
      service
          .store(sealed.chunk(), Body.whole(sealed.sealed()), waits.nowNs() + storeTimeoutNs)
          .whenCompleteAsync(
              (stored, failure) ->
                  ended(
                      content,
                      upload,
                      failure == null ? sealed : null,
                      failure == null ? null : Waits.asHoldfast(failure)),
              sealers);
    } catch (RuntimeException e) {
      ended(content, upload, null, Waits.asHoldfast(e));
    }
  }

  private void ended(
      FileContent content,
      FileContent.Upload upload,
      Sealing.Sealed sealedOrNull,
      HoldfastException failureOrNull) {
    content.lock.lock();
    try {
      if (sealedOrNull != null) {
        upload.extentsOrNull =
            upload.piece.extents(
                sealedOrNull.chunk(), sealedOrNull.salt(), sealedOrNull.keyReference());
      } else {
        upload.failureOrNull = failureOrNull;
      }
      long heldBefore = content.dirty.heldBytes();
      content.applyEnded();
      budget.release(heldBefore - content.dirty.heldBytes()); // a failure dropped the rest
    } finally {
      content.lock.unlock();
    }
    budget.release(upload.piece.plain().length);
  }

  /**
   * Saves what was written before the call and commits it. When this returns, it is written at
   * min-copies; with {@code forced}, forced to disk there and at a majority of voters.
   */
  void flush(FileContent content, boolean forced, long deadlineNs) {
    if (!flushInline(content, forced, deadlineNs)) {
      saveAll(content);
      awaitUploads(content, deadlineNs);
      spreadCrowded(content, deadlineNs);
      commit(content, deadlineNs);
    }
    if (forced) {
      force(content, deadlineNs);
    }
  }

  private void commit(FileContent content, long deadlineNs) {
    try {
      committer.commit(content, null, false, deadlineNs);
    } catch (HoldfastException e) {
      if (e.code() != ErrorCode.STALE_EPOCH) {
        throw e;
      }
      // Uploaded so long ago that a sweep may have taken it: upload again, then commit.
      for (long window : content.uncommittedWindows()) {
        rewriteWindow(content, window, deadlineNs);
        awaitUploads(content, deadlineNs);
      }
      committer.commit(content, null, false, deadlineNs);
    }
  }

  private void awaitUploads(FileContent content, long deadlineNs) {
    content.lock.lock();
    try {
      long upTo = content.uploadsStarted;
      while (content.uploadsApplied < upTo) {
        content.awaitChange(waits, deadlineNs);
      }
    } finally {
      content.lock.unlock();
    }
  }

  /** A small file's whole new content goes with its operation: one round trip. */
  private boolean flushInline(FileContent content, boolean forced, long deadlineNs) {
    FileContent.Upload upload;
    content.lock.lock();
    try {
      boolean isSmall =
          !content.dirty.isEmpty()
              && content.uploads.isEmpty()
              && !content.isCommitting
              && !content.isUnlinked
              && content.uncommitted.isEmpty()
              && content.sizeBytes <= INLINE_MAX_BYTES
              && content.dirty.heldBytes() <= INLINE_MAX_BYTES + DirtyData.BLOCK_BYTES;
      if (!isSmall) {
        return false;
      }
      long heldBefore = content.dirty.heldBytes();
      List<DirtyPiece> pieces = content.dirty.takeAll();
      settleBudget(heldBefore, pieces);
      upload = new FileContent.Upload(pieces.get(0));
      content.uploads.add(upload);
      content.uploadsStarted++;
      for (DirtyPiece piece : pieces.subList(1, pieces.size())) {
        startUpload(content, piece);
      }
      if (pieces.size() > 1) {
        sealers.execute(() -> sealAndStore(content, upload));
        return false;
      }
    } finally {
      content.lock.unlock();
    }
    commitInline(content, upload, forced, deadlineNs);
    return true;
  }

  private void commitInline(
      FileContent content, FileContent.Upload upload, boolean forced, long deadlineNs) {
    try {
      Sealing.Sealed sealed = sealing.seal(upload.piece.plain());
      List<Extent> extents =
          upload.piece.extents(sealed.chunk(), sealed.salt(), sealed.keyReference());
      committer.commit(content, new Committer.Inline(sealed, extents, upload), forced, deadlineNs);
    } catch (HoldfastException e) {
      // Not lost yet: it goes the long way in the background, and this call tells what happened.
      sealers.execute(() -> sealAndStore(content, upload));
      if (content.isUnlinked) {
        return; // nothing to commit to, and no failure of the program that closes it
      }
      throw e;
    }
    budget.release(upload.piece.plain().length);
  }

  private void force(FileContent content, long deadlineNs) {
    Set<ChunkId> chunks;
    content.lock.lock();
    try {
      chunks = new HashSet<>(content.unforced);
    } finally {
      content.lock.unlock();
    }
    if (!chunks.isEmpty()) {
      waits.await(service.force(chunks, deadlineNs), deadlineNs);
    }
    waits.await(service.forceLog(deadlineNs), deadlineNs);
    content.lock.lock();
    try {
      content.unforced.removeAll(chunks);
    } finally {
      content.lock.unlock();
    }
  }

  /**
   * Sets the size; what was written before is saved first. When this returns, the pool has it at
   * min-copies.
   */
  void truncate(FileContent content, long sizeBytes, long deadlineNs) {
    flush(content, false, deadlineNs);
    content.lock.lock();
    try {
      if (content.sizeBytes == sizeBytes && content.isUnlinked) {
        return;
      }
      content.sizeBytes = sizeBytes;
      content.view = ExtentMap.truncate(content.view, sizeBytes);
      content.uncommitted.cutFrom(sizeBytes);
      long heldBefore = content.dirty.heldBytes();
      content.dirty.cutFrom(sizeBytes); // written since the flush, by another thread
      budget.release(heldBefore - content.dirty.heldBytes());
      content.mtimeNs = wallClock.nowNs();
      content.attributesDirty = true;
      content.isSizeSet = true;
    } finally {
      content.lock.unlock();
    }
    commit(content, deadlineNs);
  }

  /**
   * Rewrites windows that random writes have cut into too many extents, before they are refused.
   */
  private void spreadCrowded(FileContent content, long deadlineNs) {
    for (int round = 0; round < ROUNDS_MAX; round++) {
      long window;
      content.lock.lock();
      try {
        window = ExtentMap.crowdedWindow(content.view);
      } finally {
        content.lock.unlock();
      }
      if (window < 0) {
        return;
      }
      rewriteWindow(content, window, deadlineNs);
      awaitUploads(content, deadlineNs);
    }
    throw new HoldfastException(
        ErrorCode.BUSY, "rewrite crowded windows: expected=an end, was=ever new writes");
  }

  /**
   * Reads the window as the pool has it and uploads it as one chunk, beneath whatever is written
   * meanwhile; does nothing when an upload came between.
   */
  private void rewriteWindow(FileContent content, long window, long deadlineNs) {
    List<Extent> view;
    int lengthBytes;
    content.lock.lock();
    try {
      view = content.view;
      lengthBytes = (int) Math.min(ExtentMap.WINDOW_BYTES, content.sizeBytes - window);
    } finally {
      content.lock.unlock();
    }
    if (lengthBytes <= 0) {
      return;
    }
    byte[] plain = new byte[lengthBytes];
    for (Extent extent : FileContent.extentsWithin(view, window, window + lengthBytes)) {
      reader.read(extent, plain, (int) (extent.fileOffset() - window), waits, deadlineNs);
    }
    content.lock.lock();
    try {
      if (content.view == view && content.uploads.isEmpty()) {
        budget.take(lengthBytes);
        var whole = List.of(new Ranges.Range(window, window + lengthBytes));
        startUpload(content, new DirtyPiece(whole, plain));
      }
    } finally {
      content.lock.unlock();
    }
  }
}
