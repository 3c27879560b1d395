package holdfast.client.file;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/**
 * The end of an fsync: has a file's committed content forced to disk, chunks and log. Any thread
 * but the loop.
 */
final class ContentForce {
  private final PoolService service;
  private final Reconciler reconciler;
  private final Deadlines deadlines;

  ContentForce(PoolService service, Reconciler reconciler, Deadlines deadlines) {
    this.service = service;
    this.reconciler = reconciler;
    this.deadlines = deadlines;
  }

  /**
   * When this returns, everything that the pool had of the file is on disk at min-copies, and its
   * entries at a majority. Throws STORE_FAILED where a power cut was first.
   *
   * @param commit saves and commits, where that has to come before
   */
  void force(OpenFile file, Runnable commit, Deadline deadline) {
    while (true) {
      ClientId under = service.client();
      if (!reconciler.vouch(file, deadline)) {
        commit.run();
        continue;
      }
      reconciler.vouchForClosed(file, deadline);
      if (tryForce(file, under, deadline)) {
        return;
      }
      file.sessionLost(); // what was committed may be lost: is it there?
    }
  }

  /** False if the session was lost. */
  private boolean tryForce(OpenFile file, ClientId under, Deadline deadline) {
    SyncedFile.Unsynced unsynced = file.unsynced();
    if (!unsynced.chunks().isEmpty()) {
      deadlines.await(service.force(unsynced.chunks(), deadline), deadline);
    }
    try {
      deadlines.await(service.forceLog(under, deadline), deadline);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NO_SESSION && !deadline.isOver()) {
        return false;
      }
      throw e;
    }
    file.forced(unsynced);
    return true;
  }
}
