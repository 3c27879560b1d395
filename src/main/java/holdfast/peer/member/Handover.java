package holdfast.peer.member;

import holdfast.consensus.Endpoint;
import holdfast.consensus.MemberStatus;
import holdfast.model.NodeId;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Hands leadership to the voter that is directly connected to more of the voters than the leader
 * is. The pool works without: what can't be reached directly is relayed. But a leader at the end of
 * a broken link has every change pass the relay, and fails with it. Loop thread.
 */
final class Handover {
  /** How long another one has to be better connected: longer than a session takes to reopen. */
  static final long BETTER_FOR_NS = 3_000_000_000L;

  /** Links that come and go must not move leadership all the time. */
  static final long AGAIN_NS = 60_000_000_000L;

  private final PeerPorts ports;
  private final PeerListener listener;
  private final Leadership leadership;
  private final Heartbeats heartbeats;
  private final Supplier<List<NodeId>> ownReached;
  private Endpoint betterOrNull;
  private long betterSinceNs;
  private long handedOverNs = Long.MIN_VALUE / 2;

  /**
   * @param ownReached the voters that this peer reaches directly, as it tells others
   */
  Handover(
      PeerPorts ports,
      PeerListener listener,
      Leadership leadership,
      Heartbeats heartbeats,
      Supplier<List<NodeId>> ownReached) {
    this.ports = ports;
    this.listener = listener;
    this.leadership = leadership;
    this.heartbeats = heartbeats;
    this.ownReached = ownReached;
  }

  /** Looks, and hands over if it is time; while this peer leads. */
  void look() {
    long nowNs = ports.loop().nowNs();
    Endpoint better = better().orElse(null);
    if (better == null || !better.equals(betterOrNull)) {
      betterOrNull = better;
      betterSinceNs = nowNs;
      return;
    }
    long sinceNs = Math.max(betterSinceNs, ports.loop().awakeSinceNs());
    if (nowNs - sinceNs >= BETTER_FOR_NS && nowNs - handedOverNs >= AGAIN_NS) {
      handedOverNs = nowNs;
      listener.onNote(
          "handing leadership to "
              + better.node().shortForm()
              + ": it reaches more of the voters than this peer does");
      leadership.driver().transferTo(better);
    }
  }

  private Optional<Endpoint> better() {
    List<NodeId> voters =
        leadership.driver().configuration().voters().stream().map(Endpoint::node).toList();
    long own = connectedCount(leadership.self(), voters);
    return heirs()
        .filter(heir -> connectedCount(heir.node(), voters) > own)
        .max(Comparator.comparingLong(heir -> connectedCount(heir.node(), voters)));
  }

  /** Voters that could lead at once, always in the same order. */
  private Stream<Endpoint> heirs() {
    return leadership.driver().core().members().stream()
        .filter(member -> member.isVoter() && member.caughtUp())
        .filter(member -> !member.endpoint().node().equals(leadership.self()))
        .map(MemberStatus::endpoint)
        .filter(this::isWhole)
        .sorted(Comparator.comparing(Endpoint::node));
  }

  private boolean isWhole(Endpoint voter) {
    return !heartbeats.isSuspect(voter.node())
        && heartbeats
            .pulse(voter.node())
            .filter(pulse -> pulse.beat().incarnation() == voter.incarnation())
            .filter(pulse -> !pulse.beat().recovering())
            .isPresent();
  }

  /** To how many voters a peer has a session that isn't relayed, by the word of both ends. */
  private long connectedCount(NodeId peer, List<NodeId> voters) {
    List<NodeId> reached = reachedBy(peer);
    return voters.stream()
        .filter(voter -> reached.contains(voter) && reachedBy(voter).contains(peer))
        .count();
  }

  private List<NodeId> reachedBy(NodeId peer) {
    if (peer.equals(leadership.self())) {
      return ownReached.get();
    }
    return heartbeats.isSuspect(peer)
        ? List.of()
        : heartbeats.pulse(peer).map(pulse -> pulse.beat().reached()).orElse(List.of());
  }
}
