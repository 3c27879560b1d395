package holdfast.client.file;

import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.Set;

/** Has what is committed of a file forced to disk, chunks and log. Any thread but the loop. */
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
  void force(FileContent content, Runnable commit, long deadlineNs) {
    while (true) {
      ClientId under = service.client();
      if (!reconciler.vouch(content, deadlineNs)) {
        commit.run();
        continue;
      }
      reconciler.vouchForClosed(content, deadlineNs);
      if (tryForce(content, under, deadlineNs)) {
        return;
      } else {
        content.doubt(); // what was committed may be lost: is it there?
      }
    }
  }

  /** False if the session was lost. */
  private boolean tryForce(FileContent content, ClientId under, long deadlineNs) {
    Set<ChunkId> chunks;
    long commitCount;
    content.lock.lock();
    try {
      chunks = content.toForce();
      commitCount = content.acknowledged.commitCount();
    } finally {
      content.lock.unlock();
    }
    if (!chunks.isEmpty()) {
      deadlines.await(service.force(chunks, deadlineNs), deadlineNs);
    }
    try {
      deadlines.await(service.forceLog(under, deadlineNs), deadlineNs);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NO_SESSION && deadlineNs - deadlines.nowNs() > 0) {
        return false;
      }
      throw e;
    }
    content.lock.lock();
    try {
      content.unforced.forced(chunks);
      content.acknowledged.forced(commitCount);
    } finally {
      content.lock.unlock();
    }
    return true;
  }
}
