package holdfast.peer.member;

import holdfast.consensus.Endpoint;
import holdfast.consensus.MemberStatus;
import holdfast.consensus.MembershipChange;
import holdfast.consensus.VoterPolicy;
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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What the leader does besides answering: lists peers, marks them down, away, out and up again,
 * keeps the voters right, advances the epoch. Everything goes through the log; what is only
 * remembered here (since when a peer is down) begins anew with each leader. Loop thread.
 */
public final class PeerMonitor {
  /** A peer silent for this long is down. */
  static final long DOWN_NS = 3_000_000_000L;

  /** And for this long, if it can't even be reached. */
  static final long UNREACHABLE_DOWN_NS = 1_000_000_000L;

  /** A peer that was down is up again after so long without a gap. */
  private static final long STEADY_NS = 1_000_000_000L;

  /** A voter silent for longer may be dead for good: nothing is built upon it. */
  private static final long SURE_SILENT_NS = 600_000_000L;

  private static final long EVERY_NS = 250_000_000L;
  private static final long EPOCH_NS = 600L * 1_000_000_000L;

  /** A peer whose capacity changed by more than one in this many is listed anew. */
  static final int CAPACITY_SLACK = 10;

  private final PeerPorts ports;
  private final PeerListener listener;
  private final Leadership leadership;
  private final Heartbeats heartbeats;
  private final java.util.function.Supplier<Request.Join> own;
  private final Set<Object> underWay = new HashSet<>();
  private final Map<NodeId, Long> goneSinceNs = new HashMap<>();
  private long ledTerm = -1;
  private long ledSinceNs;
  private long epochNs;
  private final Periodic looks;

  public PeerMonitor(
      PeerPorts ports,
      PeerListener listener,
      Leadership leadership,
      Heartbeats heartbeats,
      java.util.function.Supplier<Request.Join> own) {
    this.ports = ports;
    this.listener = listener;
    this.leadership = leadership;
    this.heartbeats = heartbeats;
    this.own = own;
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
      epochNs = ledSinceNs;
      goneSinceNs.clear();
      underWay.clear();
    }
    if (!driver.hasAppliedEarlierTerms()) {
      return; // What was decided before isn't all known here yet.
    }
    if (!leadership.isReady()) {
      var config = leadership.config();
      propose(
          "found",
          new Command.Found(
              config.settings(), config.rootUid(), config.rootGid(), config.startedAtNs()));
      return;
    }
    listSelf();
    leadership.map().orElseThrow().peers().forEach(this::watch);
    changeVoters();
    advanceEpoch();
  }

  private void propose(Object key, Command command) {
    propose(key, command, RaftDriver.Proposed.IGNORED);
  }

  /** Proposes unless the same thing is under way. */
  private void propose(Object key, Command command, RaftDriver.Proposed then) {
    if (underWay.add(key)) {
      leadership.driver().propose(command.toBytes(), false, ending(key, then));
    }
  }

  private RaftDriver.Proposed ending(Object key, RaftDriver.Proposed then) {
    long term = ledTerm;
    return new RaftDriver.Proposed() {
      @Override
      public void onApplied(long index) {
        end();
        then.onApplied(index);
      }

      @Override
      public void onFailure(ErrorCode code, String text) {
        end();
        then.onFailure(code, text);
      }

      private void end() {
        if (term == ledTerm) {
          underWay.remove(key);
        }
      }
    };
  }

  private void listSelf() {
    PeerEntry self = entry(leadership.self(), own.get());
    if (!isListed(self)) {
      propose(leadership.self(), new Command.ListPeer(self));
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
    } else if (underWay.contains(from.node())) {
      Leadership.fail(responder, ErrorCode.BUSY, "join pool: expected=one request at a time");
    } else {
      ports.transport().learn(from.node(), List.of(join.address()));
      propose(
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
      propose(node, new Command.SetPeerState(node, PeerState.AWAY));
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
    propose(
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
    return silentNs > DOWN_NS || heartbeats.isUnreachable(node) && silentNs > UNREACHABLE_DOWN_NS;
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

  private void changeVoters() {
    RaftDriver driver = leadership.driver();
    Map<Endpoint, MemberStatus> members = new HashMap<>();
    driver.core().members().forEach(member -> members.put(member.endpoint(), member));
    List<VoterPolicy.Candidate> candidates = new ArrayList<>();
    for (PeerEntry peer : leadership.map().orElseThrow().peers()) {
      candidates.add(candidate(peer, members));
    }
    if (candidates.stream().noneMatch(c -> c.endpoint().equals(driver.self()))) {
      return;
    }
    Optional<MembershipChange> next =
        VoterPolicy.next(driver.configuration(), driver.self(), candidates);
    boolean isSure = next.isPresent() && isSure(next.get(), candidates);
    if (isSure && underWay.add("voters")) {
      listener.onNote("changing voters: " + next.get());
      driver.change(next.get(), ending("voters", goingOn()));
    }
  }

  /**
   * Whether the voters on which a step rests were heard a moment ago. A step that can't be
   * committed would bind the log to voters that may never come back: with two of three silent, the
   * one that died first would outvote the one that returns. To take out who is down, a majority of
   * the others is enough. All else can wait until each of them is heard, or known to be down and
   * taken out: with four voters, or five of whom one gives its vote to another, the one that died
   * unnoticed would be the one too many.
   */
  private boolean isSure(MembershipChange change, List<VoterPolicy.Candidate> candidates) {
    RaftDriver driver = leadership.driver();
    Endpoint endpoint = change.endpoint();
    boolean isGiving = change instanceof MembershipChange.Promote;
    if (!isGiving && !driver.configuration().isVoter(endpoint)) {
      return true;
    }
    List<Endpoint> after = new ArrayList<>(driver.configuration().voters());
    after.remove(endpoint);
    if (isGiving) {
      after.add(endpoint);
    }
    long heard =
        after.stream().filter(voter -> voter.equals(driver.self()) || isHeard(voter)).count();
    boolean isTakingDead =
        candidates.stream().noneMatch(c -> c.endpoint().equals(endpoint) && c.isLive());
    return isTakingDead ? heard > after.size() / 2 : heard == after.size();
  }

  /** Whether this very incarnation was heard a moment ago. */
  private boolean isHeard(Endpoint voter) {
    return heartbeats.silentNs(voter.node()) < SURE_SILENT_NS
        && heartbeats
            .pulse(voter.node())
            .filter(pulse -> pulse.beat().incarnation() == voter.incarnation())
            .isPresent();
  }

  /**
   * Whether a peer counts as alive for its vote. What the map says may be old, from before this
   * peer led; what was heard counts for more, and a newer incarnation means that this one is no
   * more.
   */
  private boolean isAlive(PeerEntry peer) {
    NodeId node = peer.node();
    boolean isReplaced =
        heartbeats
            .pulse(node)
            .filter(pulse -> pulse.beat().incarnation() > peer.incarnation())
            .isPresent();
    boolean isHeardLately = heartbeats.silentNs(node) < DOWN_NS && !heartbeats.isUnreachable(node);
    return !isReplaced && (isHeardLately || peer.state().isLive() && !isGone(node));
  }

  /** The next step follows as soon as this one is committed. */
  private RaftDriver.Proposed goingOn() {
    return new RaftDriver.Proposed() {
      @Override
      public void onApplied(long index) {
        ports
            .loop()
            .post(
                () -> {
                  if (!looks.isStopped() && leadership.driver().isLeader()) {
                    tick();
                  }
                });
      }

      @Override
      public void onFailure(ErrorCode code, String text) {}
    };
  }

  private VoterPolicy.Candidate candidate(PeerEntry peer, Map<Endpoint, MemberStatus> members) {
    var endpoint = new Endpoint(peer.node(), peer.incarnation());
    boolean isSelf = endpoint.equals(leadership.driver().self());
    MemberStatus member = members.get(endpoint);
    long uptimeMs =
        isSelf
            ? Long.MAX_VALUE / 2
            : heartbeats.pulse(peer.node()).map(pulse -> pulse.beat().uptimeMs()).orElse(0L);
    boolean isLive = isSelf || isAlive(peer);
    boolean isCaughtUp = isSelf || member != null && member.caughtUp();
    return new VoterPolicy.Candidate(endpoint, peer.failureDomain(), uptimeMs, isLive, isCaughtUp);
  }

  private void advanceEpoch() {
    if (ports.loop().nowNs() - epochNs >= EPOCH_NS) {
      epochNs = ports.loop().nowNs();
      propose("epoch", new Command.AdvanceEpoch(leadership.epoch() + 1));
    }
  }
}
