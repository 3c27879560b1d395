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
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Stores one chunk through the first target of its partition that answers, as its primary. Loop
 * only.
 */
final class StoreCall extends RetryingCall<PoolService.Stored> {
  /** Silence of a primary: it waits for others, and has them replaced when they are silent. */
  private static final long STORE_SILENCE_NS = 6_000_000_000L;

  private final ChunkId chunk;
  private final Body sealed;
  private final long epoch;
  private final Runnable refreshMap;
  private final StoreTimes times;
  private StoreTimes.Store store;

  /** Targets that had their turn; all of them have another one when each had. */
  private final Set<NodeId> tried = new HashSet<>();

  StoreCall(
      Loop loop,
      Transport transport,
      PoolView view,
      Deadline deadline,
      CompletableFuture<PoolService.Stored> result,
      ChunkId chunk,
      Body sealed,
      long epoch,
      StoreTimes times,
      Runnable refreshMap) {
    super(loop, transport, view, deadline, result);
    this.chunk = chunk;
    this.sealed = sealed;
    this.epoch = epoch;
    this.times = times;
    this.refreshMap = refreshMap;
  }

  @Override
  NodeId target(int attempt) {
    if (view.mapOrNull() == null) {
      refreshMap.run();
      return null;
    }
    List<NodeId> targets = view.mapOrNull().targets(chunk.partition());
    if (targets.isEmpty()) {
      return null;
    }
    if (tried.containsAll(targets)) {
      tried.clear();
    }
    NodeId target =
        times.quickest(
            targets.stream().filter(each -> !tried.contains(each)).toList(),
            sealed.lengthBytes(),
            loop.nowNs());
    tried.add(target);
    store = times.begin(target, sealed.lengthBytes(), loop.nowNs());
    return target;
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
  long attemptSilenceNs() {
    return STORE_SILENCE_NS;
  }

  @Override
  void onReply(NodeId from, Reply reply, Body body) {
    if (!(reply instanceof Reply.Stored stored)) {
      throw unexpected(from, reply);
    }
    times.end(store, true, loop.nowNs());
    result.complete(new PoolService.Stored(stored.holders(), epoch));
  }

  @Override
  boolean onFailure(NodeId from, HoldfastException why, Reply.Leader leaderOrNull) {
    times.end(store, false, loop.nowNs());
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
