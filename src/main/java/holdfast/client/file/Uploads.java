package holdfast.client.file;

import holdfast.client.kernel.PageInvalidations;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.Body;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * Seals pieces of files and stores them, on the sealer threads: apart from {@link WritePipeline} as
 * it runs beside its callers and outlives their calls. What an upload brings is in its file's view
 * when that says that it has ended. Any thread; never blocks.
 */
final class Uploads {
  /** From one try's end to the next one's begin, at most: who waits longer has slept. */
  private static final long REST_MAX_NS = 2 * Flusher.UNSAVED_MAX_NS;

  /** Sealed chunks kept for reuse: as many as unsaved data can be. */
  private static final int ARRAYS_MAX =
      (int) (WritePipeline.UNSAVED_MAX_BYTES / ExtentMap.WINDOW_BYTES);

  private final PoolService service;
  private final Sealing sealing;
  private final Executor sealers;
  private final Deadlines deadlines;
  private final PageInvalidations pages;
  private final MemoryBudget budget;
  private final long storeTimeoutNs;
  private final BufferPool arrays;

  /** As {@link WritePipeline}. */
  Uploads(
      PoolService service,
      Sealing sealing,
      Executor sealers,
      Deadlines deadlines,
      PageInvalidations pages,
      MemoryBudget budget,
      long storeTimeoutNs) {
    this.service = service;
    this.sealing = sealing;
    this.sealers = sealers;
    this.deadlines = deadlines;
    this.pages = pages;
    this.budget = budget;
    this.storeTimeoutNs = storeTimeoutNs;
    arrays = new BufferPool(sealing.sealedBytes(ExtentMap.WINDOW_BYTES), ARRAYS_MAX);
  }

  /** Starts to seal and store what the file has started to upload. */
  void submit(OpenFile file, List<Upload> started) {
    started.forEach(upload -> onSealers(file, upload, () -> sealAndStore(file, upload)));
  }

  /** Seals a piece that goes with its operation. Should it not, it is the same chunk. */
  Sealing.Sealed sealInline(Upload upload) {
    var target = new byte[sealing.sealedBytes(upload.piece().lengthBytes())];
    Sealing.Sealed sealed = seal(upload.piece(), target);
    upload.keepSealed(new Upload.SealedPiece(sealed, Body.whole(target)));
    return sealed;
  }

  private Sealing.Sealed seal(PendingChunk piece, byte[] target) {
    return sealing.seal(piece.blocks(), piece.lengthBytes(), target);
  }

  /** An upload that no thread takes has failed: its writers must not wait for it. */
  private void onSealers(OpenFile file, Upload upload, Runnable work) {
    try {
      sealers.execute(work);
    } catch (RejectedExecutionException e) {
      failed(
          file,
          upload,
          new HoldfastException(
              ErrorCode.SHUTTING_DOWN, "save file: the file system is closed or overloaded", e));
    }
  }

  private void sealAndStore(OpenFile file, Upload upload) {
    try {
      Upload.SealedPiece sealed = sealed(upload);
      service
          .store(sealed.sealed().chunk(), sealed.body(), deadlineOf(file))
          .whenComplete(
              (stored, failure) ->
                  onSealers(
                      file,
                      upload,
                      () -> {
                        if (failure == null) {
                          stored(file, upload, sealed.sealed(), stored.epoch());
                        } else {
                          failed(file, upload, Deadlines.asHoldfast(failure));
                        }
                      }));
    } catch (RuntimeException e) {
      failed(file, upload, Deadlines.asHoldfast(e));
    }
  }

  /** Whoever waits for the file to be saved, or for memory, waits for as long as this moves. */
  private Deadline deadlineOf(OpenFile file) {
    return deadlines
        .in(storeTimeoutNs)
        .with(
            () -> {
              file.moved();
              budget.moved();
            });
  }

  /** Sealed again it would be another chunk, and the one before would stay where it got to. */
  private Upload.SealedPiece sealed(Upload upload) {
    Upload.SealedPiece known = upload.sealedOrNull();
    if (known != null) {
      return known;
    }
    int sealedBytes = sealing.sealedBytes(upload.piece().lengthBytes());
    boolean isFull = sealedBytes == arrays.arrayBytes();
    byte[] target = isFull ? arrays.acquire() : new byte[sealedBytes];
    // A connection that still sends the array keeps it; were that wrong, the receiver would
    // refuse bytes that don't hash to their name.
    Body body = isFull ? Body.whole(target, () -> arrays.release(target)) : Body.whole(target);
    var sealed = new Upload.SealedPiece(seal(upload.piece(), target), body);
    upload.keepSealed(sealed);
    return sealed;
  }

  private void stored(OpenFile file, Upload upload, Sealing.Sealed sealed, long epoch) {
    List<Extent> extents =
        upload.piece().extents(sealed.chunk(), sealed.salt(), sealed.keyReference());
    ended(file, file.uploaded(upload, extents, epoch));
  }

  private void failed(OpenFile file, Upload upload, HoldfastException why) {
    long tryMaxNs = storeTimeoutNs + REST_MAX_NS;
    ended(file, file.uploadFailed(upload, why, tryMaxNs, WritePipeline.KEPT_NS));
  }

  private void ended(OpenFile file, HoldfastException lostOrNull) {
    if (lostOrNull != null) {
      Losses.log(file.inode(), lostOrNull);
      pages.dropSoon(file.inode());
    }
  }
}
