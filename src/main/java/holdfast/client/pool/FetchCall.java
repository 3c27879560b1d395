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
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Reads sealed bytes from the owners of a chunk in turn, then from every peer. Loop only. */
final class FetchCall extends RetryingCall<PoolService.Fetched> {
  /** Silence of one holder: a dead one costs a reader less than a second. */
  private static final long FETCH_SILENCE_NS = 900_000_000L;

  /** The same in later rounds: a pool that is slow as a whole isn't asked ever more. */
  private static final long LATE_SILENCE_NS = 3_600_000_000L;

  /** Rounds over all peers that all say they haven't got it, before that is believed. */
  private static final int MISSING_ROUNDS = 2;

  private final ChunkId chunk;
  private final int offsetBytes;
  private final int lengthBytes;
  private final Set<NodeId> avoid;
  private final Set<NodeId> witnesses;
  private final Runnable refreshMap;
  private final List<NodeId> round = new ArrayList<>();
  private boolean roundStarted;
  private boolean allMissing = true;
  private int missingRounds;
  private int roundCount;
  private HoldfastException noDenialOrNull;

  /**
   * {@code witnesses} are who has it if anybody has: where they all deny it, others needn't be in
   * reach. None: everybody has to deny it.
   */
  FetchCall(
      Loop loop,
      Transport transport,
      PoolView view,
      Deadline deadline,
      CompletableFuture<PoolService.Fetched> result,
      ChunkId chunk,
      int offsetBytes,
      int lengthBytes,
      Set<NodeId> avoid,
      Set<NodeId> witnesses,
      Runnable refreshMap) {
    super(loop, transport, view, deadline, result);
    this.chunk = chunk;
    this.offsetBytes = offsetBytes;
    this.lengthBytes = lengthBytes;
    this.avoid = Set.copyOf(avoid);
    this.witnesses = Set.copyOf(witnesses);
    this.refreshMap = refreshMap;
  }

  @Override
  NodeId target(int attempt) {
    if (round.isEmpty()) {
      if (roundStarted) {
        if (allMissing && ++missingRounds >= MISSING_ROUNDS) {
          fail(
              new HoldfastException(
                  ErrorCode.CHUNK_MISSING,
                  "read chunk: expected=a peer that has it, was=none, chunk=" + chunk));
          return null;
        }
        roundStarted = false;
        refreshMap.run();
        return null;
      }
      startRound();
      if (round.isEmpty() && !avoid.isEmpty()) {
        fail(
            new HoldfastException(
                ErrorCode.SEAL_BROKEN,
                "read chunk: expected=a copy that opens, was=none of "
                    + avoid.size()
                    + ", chunk="
                    + chunk));
      }
    }
    return round.isEmpty() ? null : round.removeFirst();
  }

  private void startRound() {
    roundStarted = true;
    roundCount++;
    var order = new LinkedHashSet<NodeId>();
    if (view.mapOrNull() != null) {
      List<NodeId> readers = view.mapOrNull().readers(chunk.partition());
      readers.stream().filter(transport::isConnected).forEach(order::add);
      order.addAll(readers);
    }
    order.addAll(witnesses);
    order.addAll(view.everyPeer());
    order.removeAll(avoid);
    round.addAll(order);
    allMissing = !round.isEmpty();
  }

  @Override
  Request request() {
    return new Request.GetChunk(chunk, offsetBytes, lengthBytes);
  }

  @Override
  long attemptSilenceNs() {
    return Math.min(LATE_SILENCE_NS, FETCH_SILENCE_NS << Math.min(roundCount - 1, 4));
  }

  @Override
  void onReply(NodeId from, Reply reply, Body body) {
    if (!(reply instanceof Reply.Chunk answer)
        || body == null
        || !answer.chunk().equals(chunk)
        || answer.offsetBytes() != offsetBytes
        || body.lengthBytes() != expectedBytes(answer.chunkLengthBytes())) {
      throw unexpected(from, reply);
    }
    result.complete(new PoolService.Fetched(body, from));
  }

  private int expectedBytes(int chunkLengthBytes) {
    int restBytes = chunkLengthBytes - offsetBytes;
    return lengthBytes < 0 ? restBytes : Math.min(lengthBytes, restBytes);
  }

  @Override
  boolean onFailure(NodeId from, HoldfastException why, Reply.Leader leaderOrNull) {
    if (why.code() != ErrorCode.CHUNK_MISSING) {
      noDenialOrNull = why;
      allMissing &= isOutOfReach(why) && !witnesses.isEmpty() && !witnesses.contains(from);
    }
    return !round.isEmpty();
  }

  private static boolean isOutOfReach(HoldfastException why) {
    return why.code() == ErrorCode.UNREACHABLE || why.code() == ErrorCode.TIMED_OUT;
  }

  /** That the one asked last hasn't got it says nothing of those that didn't answer. */
  @Override
  HoldfastException atDeadline(HoldfastException last) {
    if (last.code() != ErrorCode.CHUNK_MISSING) {
      return last;
    }
    return noDenialOrNull != null
        ? noDenialOrNull
        : new HoldfastException(
            ErrorCode.TIMED_OUT,
            "read chunk: expected=a peer that has it, was=none in time, chunk=" + chunk,
            last);
  }

  @Override
  boolean isFinal(HoldfastException why) {
    return false; // what one holder can't do, another may
  }
}
