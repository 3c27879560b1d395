package holdfast.client.pool;

import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.placement.MapVersion;
import holdfast.placement.PeerEntry;
import holdfast.placement.PoolMap;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What a client knows of the pool, to choose the peers to ask: the map, the leader, who is away.
 * Loop only.
 */
final class PoolView {
  private final Transport transport;
  private final Reach reach;
  private final Set<NodeId> peers = new LinkedHashSet<>();
  private PoolMap mapOrNull;
  private NodeId leaderOrNull;

  /** Whether the leader has answered as one: another peer may take for it who was it before. */
  private boolean isLeaderSure;

  /** Another log may have begun since the map was received. */
  private boolean isMapIndeterminate;

  /** What the first call failed with that waited for the leader in vain; null once it answers. */
  private HoldfastException givenUpOrNull;

  private long leaderlessSinceNs;
  private boolean leaderless;

  PoolView(Transport transport, Reach reach) {
    this.transport = transport;
    this.reach = reach;
  }

  PoolMap mapOrNull() {
    return mapOrNull;
  }

  /** Index of the newest map known; -1 without one, or if it may be another log's. */
  long mapIndex() {
    return mapOrNull == null || isMapIndeterminate ? -1 : mapOrNull.version().index();
  }

  /** All sessions end with a log: the next one's map may have a lower index, or the same. */
  void sessionBegun() {
    isMapIndeterminate = true;
  }

  /**
   * Takes a map unless it is older than the one known. Those of two logs aren't ordered: there the
   * leader's is the newer one.
   */
  void adopt(NodeId from, PoolMap map) {
    boolean isOfLeader = isLeaderSure && from.equals(leaderOrNull);
    if (mapOrNull != null) {
      MapVersion known = mapOrNull.version();
      boolean isOfKnownLog = map.version().log().equals(known.log());
      if (isOfKnownLog ? known.isAfter(map.version()) : !isOfLeader) {
        return;
      }
    }
    isMapIndeterminate &= !isOfLeader;
    mapOrNull = map;
    for (PeerEntry peer : map.peers()) {
      transport.learn(peer.node(), List.of(peer.address()));
      saw(peer.node());
    }
  }

  /** A peer answered a handshake or a message. */
  void saw(NodeId peer) {
    if (peers.size() < PoolMap.PEERS_MAX) {
      peers.add(peer);
    }
  }

  void leaderIs(Reply.Leader leader) {
    transport.learn(leader.node(), List.of(leader.address()));
    saw(leader.node());
    isLeaderSure &= leader.node().equals(leaderOrNull);
    leaderOrNull = leader.node();
    if (transport.isConnected(leader.node())) {
      leaderless = false; // one that can be asked: its answer says whether it leads
    }
  }

  /** This peer answered as the leader does. */
  void ledBy(NodeId peer) {
    reach.reached();
    givenUpOrNull = null;
    leaderOrNull = peer;
    isLeaderSure = true;
    leaderless = false;
  }

  /** This peer is not the leader, or can't be reached; of no concern while another one leads. */
  void notLedBy(NodeId peer, long nowNs) {
    if (peer.equals(leaderOrNull)) {
      leaderOrNull = null;
      isLeaderSure = false;
    }
    if (!leaderless && leaderOrNull == null) {
      leaderless = true;
      leaderlessSinceNs = nowNs;
    }
  }

  /**
   * How long no leader has answered; 0 while one does. While this process paused it asked nobody.
   */
  long leaderlessNs(Loop loop) {
    long sinceNs = Math.max(leaderlessSinceNs, loop.awakeSinceNs());
    return leaderless ? loop.nowNs() - sinceNs : 0;
  }

  /** Time passes: about every second. */
  void look() {
    reach.look(connectedCount() > 0);
  }

  /** A call has waited for the leader in vain: the first one says what all others say. */
  void gaveUp(HoldfastException why) {
    if (givenUpOrNull == null) {
      givenUpOrNull = why;
    }
  }

  /**
   * What a call fails with that begins while the pool is out of reach: as the first one that has
   * waited, so that programs meet one error and not several.
   *
   * @param otherwise what it has met itself
   */
  HoldfastException outOfReach(HoldfastException otherwise) {
    HoldfastException why = givenUpOrNull != null ? givenUpOrNull : otherwise;
    return new HoldfastException(
        why.code(),
        "ask the pool: expected=a leader in reach, was=none for a while, nor a peer that can answer"
            + " without one: "
            + why.getMessage(),
        why);
  }

  /** Peers that can be asked without being dialled. */
  int connectedCount() {
    return (int) peers.stream().filter(transport::isConnected).count();
  }

  boolean hasPeers() {
    return !peers.isEmpty();
  }

  /** The leader, or else the peers in turn, connected ones first. Null without any peer. */
  NodeId candidate(int attempt) {
    if (leaderOrNull != null) {
      return leaderOrNull;
    }
    var order = new ArrayList<NodeId>();
    peers.stream().filter(transport::isConnected).forEach(order::add);
    peers.stream().filter(peer -> !transport.isConnected(peer)).forEach(order::add);
    return order.isEmpty() ? null : order.get(attempt % order.size());
  }

  /** All peers known, connected ones first. */
  List<NodeId> everyPeer() {
    var order = new ArrayList<NodeId>();
    peers.stream().filter(transport::isConnected).forEach(order::add);
    peers.stream().filter(peer -> !transport.isConnected(peer)).forEach(order::add);
    return order;
  }
}
