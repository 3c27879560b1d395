package holdfast.peer;

import holdfast.consensus.Endpoint;
import holdfast.model.ErrorCode;
import holdfast.model.NodeId;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerPorts;
import holdfast.peer.view.Replies;
import holdfast.protocol.Notice;
import holdfast.protocol.Request;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Tracks which peers have a session with this one, and which of them get heartbeats. Loop thread.
 */
final class Connections {
  private static final long PROBE_SILENCE_NS = 1_000_000_000L;

  private final NodeId self;
  private final PeerPorts ports;
  private final Leadership leadership;
  private final Set<NodeId> connected = new TreeSet<>();

  Connections(NodeId self, PeerPorts ports, Leadership leadership) {
    this.self = self;
    this.ports = ports;
    this.leadership = leadership;
  }

  /** The peers that are connected now: a view. */
  Set<NodeId> peers() {
    return connected;
  }

  /** Who gets this peer's heartbeats: who is connected, and who is in the map. */
  Set<NodeId> receivers() {
    var receivers = new TreeSet<>(connected);
    leadership.map().ifPresent(map -> map.peers().forEach(peer -> receivers.add(peer.node())));
    receivers.remove(self);
    return receivers;
  }

  /** The other voters that this peer hears, and not through a third. */
  List<NodeId> reachedVoters(Heartbeats heartbeats) {
    if (!leadership.hasLog()) {
      return List.of();
    }
    return leadership.driver().configuration().voters().stream()
        .map(Endpoint::node)
        .filter(node -> !node.equals(self))
        .filter(node -> ports.transport().isDirect(node) && !heartbeats.isSuspect(node))
        .distinct()
        .limit(Notice.Heartbeat.REACHED_MAX)
        .toList();
  }

  void onConnected(NodeId peer, Heartbeats heartbeats) {
    connected.add(peer);
    heartbeats.onReachable(peer);
    heartbeats.onHeard(peer);
  }

  /** Whether it was a peer. */
  boolean onDisconnected(NodeId node) {
    return connected.remove(node);
  }

  /** A process that died is distinguished from a cut cable by dialling it again. */
  void probe(NodeId peer, Heartbeats heartbeats) {
    ports
        .transport()
        .request(
            peer,
            new Request.WhoLeads(self),
            null,
            PROBE_SILENCE_NS,
            Replies.handler(
                (reply, none) -> heartbeats.onReachable(peer),
                why -> {
                  if (why.code() == ErrorCode.UNREACHABLE && !connected.contains(peer)) {
                    heartbeats.onUnreachable(peer);
                  }
                }));
  }
}
