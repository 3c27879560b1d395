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
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The write of one chunk to its targets: stored here if this peer is one, forwarded to the others
 * while it still arrives, tried at stand-ins where a target fails or is silent. Answers once, when
 * enough copies are written. Loop thread.
 */
final class ChunkWrite {
  /** After so long without an answer from a target a stand-in gets the chunk too. */
  private static final long HEDGE_NS = 1_500_000_000L;

  /** Longest time a write takes, enough copies or not. */
  static final long DEADLINE_NS = 5_500_000_000L;

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
  private final Set<NodeId> running = new LinkedHashSet<>();
  private final Set<NodeId> written = new LinkedHashSet<>();
  private final long deadlineNs;
  private final Loop.Timer deadlineTimer;
  private Loop.Timer hedgeTimer;
  private HoldfastException lastFailure;
  private boolean isStarting;
  private boolean isPutting;
  private boolean isAnswered;
  private boolean isEnded;

  /**
   * @param candidates targets first, then stand-ins, in the order they are tried
   */
  ChunkWrite(
      PeerPorts ports,
      NodeId self,
      WriteQuorum quorum,
      ChunkId chunk,
      long epoch,
      Body body,
      List<NodeId> candidates,
      Outcome outcome) {
    this.ports = ports;
    this.self = self;
    this.quorum = quorum;
    this.chunk = chunk;
    this.epoch = epoch;
    this.body = body;
    this.outcome = outcome;
    this.untried = new ArrayDeque<>(candidates);
    this.deadlineNs = ports.loop().nowNs() + DEADLINE_NS;
    this.deadlineTimer = ports.loop().at(deadlineNs, "write deadline", this::expire);
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
    running.add(node);
    if (node.equals(self)) {
      storeHere();
    } else {
      ports
          .transport()
          .request(
              node,
              new Request.PutChunk(chunk, epoch, true),
              body,
              deadlineNs,
              Replies.handler((reply, none) -> replied(node, reply), why -> failed(node, why)));
    }
    return true;
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
    } else if (running.contains(self)) {
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
    if (isEnded || !running.remove(node)) {
      return;
    }
    written.add(node);
    if (!isAnswered && quorum.isEnough(written)) {
      isAnswered = true;
      outcome.onStored(List.copyOf(written));
    }
    endIfNothingRuns();
  }

  private void failed(NodeId node, HoldfastException why) {
    if (isEnded || !running.remove(node)) {
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
    deadlineTimer.cancel();
    if (hedgeTimer != null) {
      hedgeTimer.cancel();
    }
    outcome.onEnd();
  }
}
