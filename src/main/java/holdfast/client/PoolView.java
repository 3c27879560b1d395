package holdfast.client;

import holdfast.model.NodeId;
import holdfast.peer.port.Loop;
import holdfast.peer.port.Transport;
import holdfast.placement.PeerEntry;
import holdfast.placement.PoolMap;
import holdfast.protocol.Reply;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What this client knows of the pool: its map, its peers and who leads. Loop only. */
final class PoolView {
  private final Transport transport;
  private final Set<NodeId> peers = new LinkedHashSet<>();
  private PoolMap mapOrNull;
  private NodeId leaderOrNull;
  private long leaderlessSinceNs;
  private boolean leaderless;

  PoolView(Transport transport) {
    this.transport = transport;
  }

  PoolMap mapOrNull() {
    return mapOrNull;
  }

  /** Index of the newest map known; -1 without one. */
  long mapIndex() {
    return mapOrNull == null ? -1 : mapOrNull.version().index();
  }

  /** Takes a map unless it is older than the one known. */
  void adopt(PoolMap map) {
    if (map.version().index() < mapIndex()) {
      return;
    }
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
    leaderOrNull = leader.node();
    if (transport.isConnected(leader.node())) {
      leaderless = false; // one that can be asked: whether it leads, its answer tells
    }
  }

  /** This peer answered as the leader does. */
  void ledBy(NodeId peer) {
    leaderOrNull = peer;
    leaderless = false;
  }

  /** This peer is not the leader, or can't be reached; of no concern while another one leads. */
  void notLedBy(NodeId peer, long nowNs) {
    if (peer.equals(leaderOrNull)) {
      leaderOrNull = null;
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
