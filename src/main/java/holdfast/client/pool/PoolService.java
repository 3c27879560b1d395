package holdfast.client.pool;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.protocol.PoolStatus;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * The pool as a client calls it, without sessions, leaders and owners. The remote implementation
 * finds the leader and the owners, retries and fails over; each call ends by its deadline, with a
 * value or a {@link holdfast.model.HoldfastException} in the future.
 *
 * <p>Any thread. Futures complete on the node's loop: what depends on them must not block there.
 */
public interface PoolService {
  /**
   * Receives invalidations and leases of the session. Called on the loop, one call after another;
   * it must not block.
   */
  interface Watcher {
    /**
     * Others have made these changes.
     *
     * @param all anything may have changed; the list is empty then
     * @param confirm to be called on any thread when nothing that these changes made stale is used
     *     any more: their authors wait for it, for a lease at most
     */
    void onChanges(boolean all, List<Invalidation> changes, Runnable confirm);

    /**
     * A lease was granted, on the monotonic clock.
     *
     * @param reliedUntilNs until then what is cached may be relied on; the rest is for its recall
     * @param untilNs until then no change by others is acknowledged before this client has
     *     confirmed it, except one that was delivered and isn't confirmed for a lease
     */
    void onLease(long reliedUntilNs, long untilNs);

    /** Half of the lease has gone without a renewal: all that relies on it is to expire. */
    void onLeaseEnding();

    /**
     * A change of this client's had no answer: it may have happened, or may yet, and its author is
     * sent no invalidation. All that is cached is to expire; no lease begins before it is settled.
     */
    void onOutcomeUnknown();

    /** The session has ended and another begun: pins and locks of the old one are gone. */
    void onSessionLost();
  }

  /** Notifies the watcher of changes that others make from now on. One watcher. */
  void watch(Watcher watcher);

  /** Asks the namespace. Stale only when no leader could be reached, and then marked. */
  CompletableFuture<Answered> ask(Query query, Deadline deadline);

  /**
   * Changes the namespace exactly once, however often it is retried inside. An inline chunk is
   * stored at min-copies before the change is made. When the session is lost meanwhile, the change
   * is made under the next one, unless it {@link Operation#isOfSession}: then the result is
   * NO_SESSION, after the watcher was notified of the loss.
   *
   * @param under the {@link #client()} that it is meant for if it is of a session: under another it
   *     isn't made either
   * @param forced complete only when the change and the inline chunk are forced to disk
   */
  CompletableFuture<OperationResult> change(
      ClientId under,
      Operation operation,
      InlineChunk chunkOrNull,
      boolean forced,
      Deadline deadline);

  /** Likewise, for whoever this client is now. */
  default CompletableFuture<OperationResult> change(
      Operation operation, InlineChunk chunkOrNull, boolean forced, Deadline deadline) {
    return change(client(), operation, chunkOrNull, forced, deadline);
  }

  /** Stores a sealed chunk: when complete, it is written at min-copies. */
  CompletableFuture<Stored> store(ChunkId chunk, Body sealed, Deadline deadline);

  /**
   * Reads sealed bytes from the nearest owner that has them, skipping {@code avoid}; asks every
   * peer before it fails.
   *
   * @param lengthBytes -1 for all of it; cut at the chunk's end
   */
  CompletableFuture<Fetched> fetch(
      ChunkId chunk, int offsetBytes, int lengthBytes, Set<NodeId> avoid, Deadline deadline);

  /**
   * Whether anybody has a chunk that this service has stored: false only where all of those who
   * wrote it say that they haven't, and so does everybody else who answers. Fails where one of them
   * can't be asked.
   */
  CompletableFuture<Boolean> has(ChunkId chunk, Deadline deadline);

  /**
   * When complete, these chunks are forced to disk at min-copies of their owners. While too few
   * have one it waits, since a copy may be in flight: TIMED_OUT at the deadline, or CHUNK_MISSING
   * before, where it is known that nobody will.
   */
  CompletableFuture<Void> force(Set<ChunkId> chunks, Deadline deadline);

  /**
   * When complete, everything this service changed before in the session of this id is forced at a
   * majority of voters. Fails with NO_SESSION when that session is over: what was changed in it may
   * have been lost in a power cut.
   */
  CompletableFuture<Void> forceLog(ClientId under, Deadline deadline);

  /** Likewise, for the session there is now. */
  default CompletableFuture<Void> forceLog(Deadline deadline) {
    return forceLog(client(), deadline);
  }

  /** A block of this chunk from this holder did not open: it should re-read its copy. */
  void reportBad(ChunkId chunk, NodeId holder);

  /**
   * Whether no leader has answered for so long. Calls still end by their deadlines then; whoever
   * makes one needn't give it long. False where there is no network in between.
   */
  default boolean isOutOfReach(long forNs) {
    return false;
  }

  /** Whether no peer can be asked without being dialled, as it was seen within the last second. */
  default boolean isAlone() {
    return false;
  }

  /** Total and free bytes as a file system shows them, and the number of files. */
  CompletableFuture<Reply.Space> space(Deadline deadline);

  /** What {@code holdfast status} shows. */
  CompletableFuture<PoolStatus> status(Deadline deadline);

  /** Changes settings of the pool. */
  CompletableFuture<Void> setPool(List<Request.SetPool.Setting> settings, Deadline deadline);

  /**
   * Who this client is to the pool now; another one after each lost session, once the watcher was
   * notified of the loss.
   */
  ClientId client();

  /** The upload epoch to stamp extents with that are uploaded from now on. */
  long epoch();

  /**
   * An answer of the pool to a query.
   *
   * @param stale whether it may be older than what others have changed
   * @param index how far the log was applied in the state that it was read from
   */
  record Answered(Answer answer, boolean stale, long index) {}

  /** A sealed chunk that travels with its operation. */
  record InlineChunk(ChunkId chunk, byte[] sealed) {}

  /** Where a chunk is written by now, and the epoch known when its upload began. */
  record Stored(List<NodeId> holders, long epoch) {}

  /** Sealed bytes, whole, and who gave them. */
  record Fetched(Body sealed, NodeId from) {}
}
