package holdfast.peer.chunk;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.peer.view.PeerPorts;
import holdfast.peer.view.Replies;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * The write of one chunk to its targets: stored here if this peer is one, forwarded to the others
 * while it still arrives, tried at stand-ins where a target fails or is silent. Answers once, when
 * enough copies are written. Loop thread.
 */
final class ChunkWrite {
  /** After so long without an answer from a target a stand-in gets the chunk too. */
  private static final long HEDGE_NS = 1_500_000_000L;

  /** A target of which nothing has moved for so long has failed. */
  static final long TARGET_SILENCE_NS = 5_000_000_000L;

  /** A write of which nothing has moved for so long fails: this peer's own disk may hang. */
  static final long SILENCE_NS = 5_500_000_000L;

  /** A copy that isn't made so long after the write was answered lags. */
  private static final long LAG_NS = 1_500_000_000L;

  private static final long LOOK_NS = 500_000_000L;

  /** What becomes of a write. */
  interface Outcome {
    /** Enough copies are written, by these among others. */
    void onStored(List<NodeId> holders);

    /** Fewer are. */
    void onFailure(HoldfastException why);

    /** This peer has written it. */
    void onStoredHere();

    /** No target is still at it: the body is no longer needed. */
    void onEnd();
  }

  private final PeerPorts ports;
  private final NodeId self;
  private final WriteQuorum quorum;
  private final ChunkId chunk;
  private final long epoch;
  private final Body body;
  private final Outcome outcome;
  private final ArrayDeque<NodeId> untried;
  private final Map<NodeId, Optional<Transport.InFlight>> running = new LinkedHashMap<>();
  private final Set<NodeId> written = new LinkedHashSet<>();
  private final Laggards laggards;

  /** Those of {@link #running} that this write was answered without. */
  private final Set<NodeId> lagging = new HashSet<>();

  private LongSupplier ownProgress = () -> 0;
  private long targetsMoved;
  private long movedCount;
  private long movedNs;
  private Loop.Timer lookTimer;
  private Loop.Timer hedgeTimer;
  private Loop.Timer lagTimer;
  private HoldfastException lastFailure;
  private boolean isStarting;
  private boolean isPutting;
  private boolean isAnswered;
  private boolean isEnded;

  /**
   * @param candidates targets first, then stand-ins, in the order they are tried
   * @param laggards who is waited for by writes that were answered without them
   */
  ChunkWrite(
      PeerPorts ports,
      NodeId self,
      WriteQuorum quorum,
      ChunkId chunk,
      long epoch,
      Body body,
      List<NodeId> candidates,
      Laggards laggards,
      Outcome outcome) {
    this.ports = ports;
    this.self = self;
    this.quorum = quorum;
    this.chunk = chunk;
    this.epoch = epoch;
    this.body = body;
    this.outcome = outcome;
    this.untried = new ArrayDeque<>(candidates);
    this.laggards = laggards;
    this.movedNs = ports.loop().nowNs();
    lookLater();
  }

  /** Begins with so many targets at once. */
  void start(int targetCount) {
    body.whenEnded(failure -> ports.loop().post(() -> bodyEnded(failure)));
    // What this peer has already is written at once, and the others are to be tried all the same.
    isStarting = true;
    for (int i = 0; i < targetCount; i++) {
      tryNext();
    }
    isStarting = false;
    armHedge();
    endIfNothingRuns();
  }

  private void armHedge() {
    hedgeTimer =
        ports
            .loop()
            .at(
                ports.loop().nowNs() + HEDGE_NS,
                "write hedge",
                () -> {
                  if (!isAnswered && tryNext()) {
                    armHedge();
                  }
                });
  }

  private boolean tryNext() {
    NodeId node = untried.poll();
    if (node == null) {
      return false;
    }
    if (node.equals(self)) {
      running.put(node, Optional.empty());
      storeHere();
    } else {
      var handler =
          Replies.handler(
              (reply, none) -> replied(node, reply),
              why -> failed(node, why),
              () -> targetsMoved++);
      var put = new Request.PutChunk(chunk, epoch, true);
      laggards.begin(node);
      running.put(
          node,
          Optional.of(ports.transport().request(node, put, body, TARGET_SILENCE_NS, handler)));
    }
    return true;
  }

  /** Rises while any target's copy moves. */
  long movedCount() {
    return targetsMoved + written.size() + body.availableBytes() + ownProgress.getAsLong();
  }

  private void lookLater() {
    lookTimer = ports.loop().at(ports.loop().nowNs() + LOOK_NS, "write look", this::look);
  }

  private void look() {
    long nowNs = ports.loop().nowNs();
    if (movedCount() != movedCount) {
      movedCount = movedCount();
      movedNs = nowNs;
    }
    if (nowNs - Math.max(movedNs, ports.loop().awakeSinceNs()) >= SILENCE_NS) {
      expire();
    } else {
      lookLater();
    }
  }

  private void replied(NodeId node, Reply reply) {
    if (reply instanceof Reply.Stored) {
      wrote(node);
    } else {
      failed(
          node, Replies.error(ErrorCode.MALFORMED, "store chunk: expected=Stored, was=" + reply));
    }
  }

  private void storeHere() {
    if (ports.vault().contains(chunk)) {
      wrote(self);
    } else if (body.isComplete()) {
      putHere();
    }
    // Else bodyEnded does it.
  }

  private void putHere() {
    if (!isPutting) {
      isPutting = true;
      ports.vault().put(chunk, body.array(), body.lengthBytes(), this::storedHere);
      ownProgress = ports.vault().progress();
    }
  }

  private void bodyEnded(HoldfastException failure) {
    if (isEnded) {
      return;
    }
    if (failure != null) {
      // Nobody can get what we didn't: what was forwarded fails there too.
      untried.clear();
      answerFailure(failure);
      running.remove(self);
      endIfNothingRuns();
    } else if (running.containsKey(self)) {
      putHere();
    }
  }

  private void storedHere(StorageException why) {
    if (why == null) {
      outcome.onStoredHere();
      wrote(self);
    } else {
      failed(self, why);
    }
  }

  private void wrote(NodeId node) {
    if (isEnded || !leave(node)) {
      return;
    }
    written.add(node);
    if (!isAnswered && quorum.isEnough(written)) {
      isAnswered = true;
      outcome.onStored(List.copyOf(written));
      long lagNs = ports.loop().nowNs() + LAG_NS;
      lagTimer =
          ports
              .loop()
              .at(
                  lagNs,
                  "write lag",
                  () -> List.copyOf(running.keySet()).forEach(this::goOnWithout));
    }
    endIfNothingRuns();
  }

  /** The node's copy is made or has failed; false if it was neither awaited. */
  private boolean leave(NodeId node) {
    boolean isAwaited = running.remove(node) != null;
    if (isAwaited && !node.equals(self)) {
      laggards.end(node, lagging.remove(node));
    }
    return isAwaited;
  }

  /** A slow target has time for its copy, but not for any number of them: repair makes the rest. */
  private void goOnWithout(NodeId node) {
    if (node.equals(self)) {
      return;
    }
    if (laggards.lag(node)) {
      lagging.add(node);
    } else {
      Transport.InFlight put = running.get(node).orElseThrow();
      leave(node);
      put.giveUp(
          Replies.error(
              ErrorCode.BUSY,
              "store chunk: expected=one that keeps up, was=behind, peer=" + node.shortForm()));
      endIfNothingRuns();
    }
  }

  private void failed(NodeId node, HoldfastException why) {
    if (isEnded || !leave(node)) {
      return;
    }
    lastFailure = worse(lastFailure, why);
    tryNext();
    endIfNothingRuns();
  }

  /** A full disk says more than silence. */
  private static HoldfastException worse(HoldfastException before, HoldfastException now) {
    return before != null && before.code() == ErrorCode.NO_SPACE ? before : now;
  }

  private void endIfNothingRuns() {
    while (!isStarting && !isAnswered && running.isEmpty() && tryNext()) {
      // One that has written it at once isn't enough.
    }
    if (isStarting || !running.isEmpty() || isEnded) {
      return;
    }
    answerFailure(
        lastFailure != null
            ? lastFailure
            : Replies.error(
                ErrorCode.UNREACHABLE,
                "store chunk: expected="
                    + quorum
                    + ", was="
                    + written.size()
                    + ", chunk="
                    + chunk));
    end();
  }

  private void expire() {
    if (isEnded) {
      return;
    }
    answerFailure(
        Replies.error(
            ErrorCode.TIMED_OUT,
            "store chunk: expected=" + quorum + ", was=" + written.size() + ", chunk=" + chunk));
    end();
  }

  private void answerFailure(HoldfastException why) {
    if (!isAnswered) {
      isAnswered = true;
      outcome.onFailure(why);
    }
  }

  private void end() {
    isEnded = true;
    lookTimer.cancel();
    List.copyOf(running.keySet()).forEach(this::leave);
    if (hedgeTimer != null) {
      hedgeTimer.cancel();
    }
    if (lagTimer != null) {
      lagTimer.cancel();
    }
    outcome.onEnd();
  }
}
