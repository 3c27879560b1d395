package holdfast.client.file;

import holdfast.client.pool.FileService;
import holdfast.client.pool.Waits;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.Set;

/** Has what is committed of a file forced to disk, chunks and log. Any thread but the loop. */
final class ContentForce {
  private final FileService service;
  private final Reconciler reconciler;
  private final Waits waits;

  ContentForce(FileService service, Reconciler reconciler, Waits waits) {
    this.service = service;
    this.reconciler = reconciler;
    this.waits = waits;
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
      waits.await(service.force(chunks, deadlineNs), deadlineNs);
    }
    try {
      waits.await(service.forceLog(under, deadlineNs), deadlineNs);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NO_SESSION && deadlineNs - waits.nowNs() > 0) {
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
