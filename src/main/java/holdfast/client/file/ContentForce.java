package holdfast.client.file;

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
  void force(OpenFile file, Runnable commit, long deadlineNs) {
    while (true) {
      ClientId under = service.client();
      if (!reconciler.vouch(file, deadlineNs)) {
        commit.run();
        continue;
      }
      reconciler.vouchForClosed(file, deadlineNs);
      if (tryForce(file, under, deadlineNs)) {
        return;
      }
      file.sessionLost(); // what was committed may be lost: is it there?
    }
  }

  /** False if the session was lost. */
  private boolean tryForce(OpenFile file, ClientId under, long deadlineNs) {
    SyncedFile.Unsynced unsynced = file.unsynced();
    if (!unsynced.chunks().isEmpty()) {
      deadlines.await(service.force(unsynced.chunks(), deadlineNs), deadlineNs);
    }
    try {
      deadlines.await(service.forceLog(under, deadlineNs), deadlineNs);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NO_SESSION && deadlineNs - deadlines.nowNs() > 0) {
        return false;
      }
      throw e;
    }
    file.forced(unsynced);
    return true;
  }
}
