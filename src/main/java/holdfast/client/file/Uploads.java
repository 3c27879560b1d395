package holdfast.client.file;

import holdfast.client.kernel.MisplacedPages;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.SaveFailure;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.Body;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * Seals pieces of files and stores them: sealing on the sealers in parallel, stores side by side.
 * What an upload brings is in its file's view when it is told to have ended. Any thread.
 */
final class Uploads {
  /**
   * A file that stays open keeps what the pool doesn't take for so long: it may be away, or be
   * starting again. Then its memory is needed more.
   */
  static final long KEPT_NS = TimeUnit.MINUTES.toNanos(5);

  /** From one try's end to the next one's begin, at most: who waits longer has slept. */
  private static final long REST_MAX_NS = 2 * Flusher.UNSAVED_MAX_NS;

  private final PoolService service;
  private final Sealing sealing;
  private final Executor sealers;
  private final Deadlines deadlines;
  private final MemoryBudget budget;
  private final MisplacedPages pages;

  /** How long a background store may take before it is given up, or tried again. */
  private final long storeTimeoutNs;

  private final SealedArrays sealedArrays;

  /**
   * {@code budget} gets back what a piece took when it has ended; {@code pages} are dropped where
   * they show what is lost.
   */
  Uploads(
      PoolService service,
      Sealing sealing,
      Executor sealers,
      Deadlines deadlines,
      MemoryBudget budget,
      MisplacedPages pages,
      long storeTimeoutNs) {
    this.service = service;
    this.sealing = sealing;
    this.sealers = sealers;
    this.deadlines = deadlines;
    this.budget = budget;
    this.pages = pages;
    this.storeTimeoutNs = storeTimeoutNs;
    this.sealedArrays = new SealedArrays(sealing);
  }

  /** Starts to seal and store a piece; called under the file's lock. */
  void start(FileContent content, PendingChunk piece, boolean isRewrite) {
    var upload = new Upload(piece, isRewrite, deadlines.nowNs());
    content.uploads.add(upload);
    content.uploadsStarted++;
    resume(content, upload);
  }

  /** Starts to seal and store what the file's uploads have already. */
  void resume(FileContent content, Upload upload) {
    onSealers(content, upload, () -> sealAndStore(content, upload));
  }

  /** Tries again what the pool didn't take; called under the file's lock. */
  void resumePaused(FileContent content) {
    for (Upload upload : List.copyOf(content.uploads)) { // one that nobody takes ends at once
      if (upload.pausedOrNull != null) {
        upload.pausedOrNull = null;
        upload.triedNs = deadlines.nowNs();
        resume(content, upload);
      }
    }
  }

  /** An upload that no thread takes has failed: its writers must not wait for it. */
  private void onSealers(FileContent content, Upload upload, Runnable work) {
    try {
      sealers.execute(work);
    } catch (RejectedExecutionException e) {
      ended(
          content,
          upload,
          null,
          0,
          new HoldfastException(
              ErrorCode.SHUTTING_DOWN, "save file: the file system is closed or overloaded", e));
    }
  }

  private void sealAndStore(FileContent content, Upload upload) {
    try {
      Upload.SealedPiece sealed = sealed(upload);
      service
          .store(sealed.sealed().chunk(), sealed.body(), deadlines.nowNs() + storeTimeoutNs)
          .whenComplete(
              (stored, failure) ->
                  onSealers(
                      content,
                      upload,
                      () -> {
                        if (failure == null) {
                          ended(content, upload, sealed.sealed(), stored.epoch(), null);
                        } else {
                          ended(content, upload, null, 0, Deadlines.asHoldfast(failure));
                        }
                      }));
    } catch (RuntimeException e) {
      ended(content, upload, null, 0, Deadlines.asHoldfast(e));
    }
  }

  /** Sealed again it would be another chunk, and the one before would stay where it got to. */
  private Upload.SealedPiece sealed(Upload upload) {
    if (upload.sealedOrNull == null) {
      byte[] target = sealedArrays.take(upload.piece.lengthBytes());
      Sealing.Sealed sealed =
          sealing.seal(upload.piece.blocks(), upload.piece.lengthBytes(), target);
      // A connection that still sends the array holds it; were that wrong, the receiver would
      // refuse bytes that don't hash to their name.
      Body body = Body.whole(target, () -> sealedArrays.giveBack(target));
      upload.sealedOrNull = new Upload.SealedPiece(sealed, body);
    }
    return upload.sealedOrNull;
  }

  private void ended(
      FileContent content,
      Upload upload,
      Sealing.Sealed sealedOrNull,
      long epoch,
      HoldfastException failureOrNull) {
    HoldfastException lostOrNull;
    content.lock.lock();
    try {
      if (sealedOrNull != null) {
        upload.epoch = epoch;
        upload.extentsOrNull =
            upload.piece.extents(
                sealedOrNull.chunk(), sealedOrNull.salt(), sealedOrNull.keyReference());
      } else {
        HoldfastException why = SaveFailure.of(failureOrNull);
        if (mayTryAgain(content, upload, why)) {
          upload.pausedOrNull = why;
          content.changed.signalAll();
          return;
        }
        upload.failureOrNull = why;
      }
      upload.releaseSealed();
      long lossCount = content.losses.count();
      content.applyEnded();
      lostOrNull = content.losses.count() > lossCount ? content.losses.last() : null;
      // Before anybody who waited for the upload goes on: what it took is free by then. One that
      // failed may have dropped what was written after it.
      budget.release(upload.piece.heldBytes() + content.takeDroppedBytes());
    } finally {
      content.lock.unlock();
    }
    if (lostOrNull != null) {
      Losses.log(content.inode, lostOrNull);
      pages.drop(content.inode);
    }
  }

  private boolean mayTryAgain(FileContent content, Upload upload, HoldfastException why) {
    long keptNs = upload.patience.triedNs(deadlines.nowNs(), storeTimeoutNs + REST_MAX_NS);
    return content.openCount > 0
        && upload.counts()
        && SaveFailure.isPoolAway(why)
        && keptNs < KEPT_NS;
  }
}
