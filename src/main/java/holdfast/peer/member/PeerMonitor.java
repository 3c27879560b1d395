package holdfast.peer.member;

import holdfast.model.ErrorCode;
import holdfast.model.NodeId;
import holdfast.peer.state.Command;
import holdfast.peer.state.Leadership;
import holdfast.peer.state.RaftDriver;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;
import holdfast.placement.PeerEntry;
import holdfast.placement.PeerState;
import holdfast.placement.PoolMap;
import holdfast.port.Periodic;
import holdfast.port.Remote;
import holdfast.port.Responder;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The leader's failure detector: lists peers in the pool map and marks them down, away, out and up
 * again. Everything it decides goes through the log; what is only remembered here (since when a
 * peer is down) begins anew with each term. Who of the peers votes is {@link VoterManager}'s. Loop
 * thread.
 */
public final class PeerMonitor {
  /** A peer silent for this long is down; longer where this process or the network is slow. */
  static final long DOWN_NS = 3_000_000_000L;

  /** And for this long, if it can't even be reached. */
  static final long UNREACHABLE_DOWN_NS = 1_000_000_000L;

  /** A peer that was down is up again after so long without a gap. */
  private static final long STEADY_NS = 1_000_000_000L;

  private static final long EVERY_NS = 250_000_000L;

  /** A peer whose capacity changed by more than one in this many is listed anew. */
  static final int CAPACITY_SLACK = 10;

  private final PeerPorts ports;
  private final PeerListener listener;
  private final Leadership leadership;
  private final Heartbeats heartbeats;
  private final Supplier<Request.Join> own;
  private final InFlightProposals inFlight;
  private final VoterManager voters;
  private final Handover handover;
  private final Map<NodeId, Long> goneSinceNs = new HashMap<>();
  private long ledTerm = -1;
  private long ledSinceNs;
  private final Periodic looks;

  public PeerMonitor(
      PeerPorts ports,
      PeerListener listener,
      Leadership leadership,
      Heartbeats heartbeats,
      Supplier<Request.Join> own,
      Supplier<List<NodeId>> ownReached) {
    this.ports = ports;
    this.listener = listener;
    this.leadership = leadership;
    this.heartbeats = heartbeats;
    this.own = own;
    inFlight = new InFlightProposals(leadership);
    voters = new VoterManager(ports, listener, leadership, heartbeats, inFlight, this::isGone);
    handover = new Handover(ports, listener, leadership, heartbeats, ownReached);
    looks = new Periodic(ports.loop(), EVERY_NS, "leader", this::look);
  }

  public void start() {
    looks.start();
  }

  private void look() {
    if (leadership.hasLog() && leadership.driver().isLeader()) {
      tick();
    }
  }

  public void stop() {
    looks.stop();
  }

  private void tick() {
    RaftDriver driver = leadership.driver();
    if (driver.term() != ledTerm) {
      ledTerm = driver.term();
      ledSinceNs = ports.loop().nowNs();
      goneSinceNs.clear();
      inFlight.startTerm(ledTerm);
      voters.startTerm();
    }
    if (!driver.hasAppliedEarlierTerms()) {
      return; // What was decided before isn't all known here yet.
    }
    if (!leadership.isReady()) {
      var config = leadership.config();
      inFlight.propose(
          "create pool",
          new Command.CreatePool(
              config.settings(), config.rootUid(), config.rootGid(), config.startedAtNs()));
      return;
    }
    listSelf();
    leadership.map().orElseThrow().peers().forEach(this::watch);
    voters.step(this::tickIfLeading);
    voters.advanceEpoch();
    handover.look();
  }

  private void tickIfLeading() {
    if (!looks.isStopped() && leadership.driver().isLeader()) {
      tick();
    }
  }

  private void listSelf() {
    PeerEntry self = entry(leadership.self(), own.get());
    if (!isListed(self)) {
      inFlight.propose(leadership.self(), new Command.ListPeer(self));
    }
  }

  private boolean isListed(PeerEntry peer) {
    return leadership
        .map()
        .flatMap(map -> map.peer(peer.node()))
        .filter(listed -> listed.state().isLive() && isSame(listed, peer))
        .isPresent();
  }

  /** Whether two entries of a peer say the same about what it lends, nearly. */
  static boolean isSame(PeerEntry listed, PeerEntry told) {
    long apart = Math.abs(listed.capacityBytes() - told.capacityBytes());
    return listed.address().equals(told.address())
        && listed.host().equals(told.host())
        && listed.zone().equals(told.zone())
        && listed.incarnation() == told.incarnation()
        && apart <= listed.capacityBytes() / CAPACITY_SLACK;
  }

  static PeerEntry entry(NodeId node, Request.Join join) {
    long capacity = Math.clamp(join.capacityBytes(), 0, PeerEntry.CAPACITY_MAX_BYTES);
    return new PeerEntry(
        node,
        join.address(),
        capacity,
        0,
        join.host(),
        join.zone(),
        PeerState.UP,
        join.incarnation());
  }

  /** A peer asks to be listed. */
  public void onJoin(Remote from, Request.Join join, Responder responder) {
    leadership.whenCurrent(responder, () -> list(from, join, responder));
  }

  private void list(Remote from, Request.Join join, Responder responder) {
    PeerEntry peer;
    try {
      peer = entry(from.node(), join);
    } catch (IllegalArgumentException e) {
      Leadership.fail(responder, ErrorCode.INVALID, e.getMessage());
      return;
    }
    PoolMap map = leadership.map().orElseThrow();
    if (isListed(peer)) {
      responder.reply(new Reply.Joined(map.version().index()), null);
    } else if (map.peers().size() >= PoolMap.PEERS_MAX && map.peer(from.node()).isEmpty()) {
      Leadership.fail(
          responder, ErrorCode.NO_SPACE, "join pool: was=" + PoolMap.PEERS_MAX + " peers");
    } else if (inFlight.contains(from.node())) {
      Leadership.fail(responder, ErrorCode.BUSY, "join pool: expected=one request at a time");
    } else {
      ports.transport().learn(from.node(), List.of(join.address()));
      inFlight.propose(
          from.node(),
          new Command.ListPeer(peer),
          new RaftDriver.Proposed() {
            @Override
            public void onApplied(long index) {
              listener.onNote("listed peer " + from.node().shortForm() + " at " + join.address());
              responder.reply(new Reply.Joined(index), null);
            }

            @Override
            public void onFailure(ErrorCode code, String text) {
              leadership.refuse(responder);
            }
          });
    }
  }

  /** A peer said goodbye. */
  public void onGoodbye(NodeId node) {
    leadership.whenCurrent((reply, bodyOrNull) -> {}, () -> markAway(node));
  }

  private void markAway(NodeId node) {
    PoolMap map = leadership.map().orElseThrow();
    if (map.peer(node).map(peer -> peer.state().isLive()).orElse(false)) {
      inFlight.propose(node, new Command.SetPeerState(node, PeerState.AWAY));
    }
  }

  private void watch(PeerEntry peer) {
    NodeId node = peer.node();
    if (node.equals(leadership.self())) {
      return;
    }
    switch (peer.state()) {
      case UP, SUSPECT, DRAINING -> {
        goneSinceNs.remove(node);
        if (isGone(node)) {
          change(peer, PeerState.DOWN);
        }
      }
      case DOWN -> {
        upOr(peer, leadership.map().orElseThrow().settings().downOutMs());
      }
      case AWAY -> {
        upOr(peer, leadership.map().orElseThrow().settings().awayOutMs());
      }
      case OUT -> upOr(peer, Long.MAX_VALUE);
    }
  }

  private void upOr(PeerEntry peer, long outMs) {
    long nowNs = ports.loop().nowNs();
    long goneNs = goneSinceNs.computeIfAbsent(peer.node(), node -> nowNs);
    long sinceNs = Math.max(goneNs, ports.loop().awakeSinceNs());
    if (isBack(peer)) {
      change(peer, PeerState.UP);
    } else if ((nowNs - sinceNs) / 1_000_000L >= outMs) {
      change(peer, PeerState.OUT);
    }
  }

  private void change(PeerEntry peer, PeerState state) {
    inFlight.propose(
        peer.node(),
        new Command.SetPeerState(peer.node(), state),
        new RaftDriver.Proposed() {
          @Override
          public void onApplied(long index) {
            listener.onNote("peer " + peer.node().shortForm() + " is " + state.text());
          }

          @Override
          public void onFailure(ErrorCode code, String text) {}
        });
  }

  /** Silent for too long while this peer led and was awake. */
  private boolean isGone(NodeId node) {
    long sinceNs = Math.max(ledSinceNs, ports.loop().awakeSinceNs());
    long silentNs = Math.min(heartbeats.silentNs(node), ports.loop().nowNs() - sinceNs);
    long countedNs = silentNs - leadership.patienceNs();
    return countedNs > DOWN_NS || heartbeats.isUnreachable(node) && countedNs > UNREACHABLE_DOWN_NS;
  }

  private boolean isBack(PeerEntry peer) {
    long nowNs = ports.loop().nowNs();
    return !heartbeats.isSuspect(peer.node())
        && heartbeats
            .pulse(peer.node())
            .filter(pulse -> pulse.beat().incarnation() == peer.incarnation())
            .filter(pulse -> nowNs - pulse.steadySinceNs() >= STEADY_NS)
            .isPresent();
  }
}
