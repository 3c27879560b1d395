package holdfast.client;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.Body;
import holdfast.peer.port.FileService;
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

  private final FileService service;
  private final Sealing sealing;
  private final Executor sealers;
  private final Waits waits;
  private final MemoryBudget budget;

  /** How long a background store may take before it is given up, or tried again. */
  private final long storeTimeoutNs;

  private final SealedArrays sealedArrays;

  /** {@code budget} gets back what a piece took when it has ended. */
  Uploads(
      FileService service,
      Sealing sealing,
      Executor sealers,
      Waits waits,
      MemoryBudget budget,
      long storeTimeoutNs) {
    this.service = service;
    this.sealing = sealing;
    this.sealers = sealers;
    this.waits = waits;
    this.budget = budget;
    this.storeTimeoutNs = storeTimeoutNs;
    this.sealedArrays = new SealedArrays(sealing);
  }

  /** Starts to seal and store a piece; called under the file's lock. */
  void start(FileContent content, DirtyPiece piece, boolean isRewrite) {
    var upload = new Upload(piece, isRewrite, waits.nowNs());
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
        upload.triedNs = waits.nowNs();
        resume(content, upload);
      }
    }
  }

  /** Gives up what the pool didn't take; called under the file's lock. */
  void endPaused(FileContent content) {
    long freedBytes = 0;
    for (Upload upload : content.uploads) {
      if (upload.pausedOrNull != null) {
        upload.failureOrNull = upload.pausedOrNull;
        upload.pausedOrNull = null;
        freedBytes += upload.piece.heldBytes();
      }
    }
    content.applyEnded();
    budget.release(freedBytes + content.takeDroppedBytes());
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
      byte[] target = sealedArrays.take(upload.piece.lengthBytes());
      Sealing.Sealed sealed =
          sealing.seal(upload.piece.blocks(), upload.piece.lengthBytes(), target);
      // A connection that still sends the array holds it; were that wrong, the receiver would
      // refuse bytes that don't hash to their name.
      Body body = Body.whole(target, () -> sealedArrays.giveBack(target));
      service
          .store(sealed.chunk(), body, waits.nowNs() + storeTimeoutNs)
          .whenComplete(
              (stored, failure) -> {
                body.release();
                onSealers(
                    content,
                    upload,
                    () -> {
                      if (failure == null) {
                        ended(content, upload, sealed, stored.epoch(), null);
                      } else {
                        ended(content, upload, null, 0, Waits.asHoldfast(failure));
                      }
                    });
              });
    } catch (RuntimeException e) {
      ended(content, upload, null, 0, Waits.asHoldfast(e));
    }
  }

  private void ended(
      FileContent content,
      Upload upload,
      Sealing.Sealed sealedOrNull,
      long epoch,
      HoldfastException failureOrNull) {
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
      content.applyEnded();
      // Before anybody who waited for the upload goes on: what it took is free by then. One that
      // failed may have dropped what was written after it.
      budget.release(upload.piece.heldBytes() + content.takeDroppedBytes());
    } finally {
      content.lock.unlock();
    }
  }

  private boolean mayTryAgain(FileContent content, Upload upload, HoldfastException why) {
    return content.openCount > 0
        && SaveFailure.isPoolAway(why)
        && upload.ageNs(waits.nowNs()) < KEPT_NS;
  }
}
