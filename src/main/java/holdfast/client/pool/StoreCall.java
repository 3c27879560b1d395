package holdfast.client.pool;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Stores one chunk through the first target of its partition that answers, as its primary. Loop
 * only.
 */
final class StoreCall extends RetryingCall<PoolService.Stored> {
  /** Longest wait for a primary: it may wait for the disks of others. */
  private static final long STORE_ATTEMPT_MAX_NS = 6_000_000_000L;

  private final ChunkId chunk;
  private final Body sealed;
  private final long epoch;
  private final Runnable refreshMap;

  StoreCall(
      Loop loop,
      Transport transport,
      PoolView view,
      long deadlineNs,
      CompletableFuture<PoolService.Stored> result,
      ChunkId chunk,
      Body sealed,
      long epoch,
      Runnable refreshMap) {
    super(loop, transport, view, deadlineNs, result);
    this.chunk = chunk;
    this.sealed = sealed;
    this.epoch = epoch;
    this.refreshMap = refreshMap;
  }

  @Override
  NodeId target(int attempt) {
    if (view.mapOrNull() == null) {
      refreshMap.run();
      return null;
    }
    List<NodeId> targets = view.mapOrNull().targets(chunk.partition());
    return targets.isEmpty() ? null : targets.get(attempt % targets.size());
  }

  @Override
  Request request() {
    return new Request.PutChunk(chunk, epoch, false);
  }

  @Override
  Body bodyOrNull() {
    return sealed;
  }

  @Override
  long attemptMaxNs() {
    return STORE_ATTEMPT_MAX_NS;
  }

  @Override
  void onReply(NodeId from, Reply reply, Body body) {
    if (!(reply instanceof Reply.Stored stored)) {
      throw unexpected(from, reply);
    }
    result.complete(new PoolService.Stored(stored.holders(), epoch));
  }

  @Override
  boolean onFailure(NodeId from, HoldfastException why, Reply.Leader leaderOrNull) {
    refreshMap.run();
    // The next target at once, until each has had its turn.
    return attemptCount() < 3;
  }

  @Override
  boolean isFinal(HoldfastException why) {
    // One full disk is not a full pool: the other targets are asked before the call fails.
    if (why.code() == ErrorCode.NO_SPACE) {
      return attemptCount() >= 3;
    }
    return super.isFinal(why);
  }
}
