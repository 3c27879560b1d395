package holdfast.peer.member;

import holdfast.consensus.Endpoint;
import holdfast.model.NodeId;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.PeerConfig;
import holdfast.peer.view.PeerPorts;
import holdfast.protocol.Request;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** The state of joining: how far this peer has come, and as what it joins. Loop thread. */
public final class JoinState implements Joining.Node {
  private final PeerConfig config;
  private final PeerPorts ports;
  private final Leadership leadership;
  private final Endpoint endpoint;
  private final Set<NodeId> connected;
  private final Consumer<NodeId> joined;

  /**
   * @param connected peers with an open session, as it is at any time
   * @param joined receives the leader that has listed this peer
   */
  public JoinState(
      PeerConfig config,
      PeerPorts ports,
      Leadership leadership,
      Endpoint endpoint,
      Set<NodeId> connected,
      Consumer<NodeId> joined) {
    this.config = config;
    this.ports = ports;
    this.leadership = leadership;
    this.endpoint = endpoint;
    this.connected = connected;
    this.joined = joined;
  }

  @Override
  public boolean isSettled() {
    if (!leadership.hasLog()) {
      return false;
    }
    var driver = leadership.driver();
    if (driver.isLeader() || driver.isStopped()) {
      return true;
    }
    return driver.leader().isPresent()
        && driver.configuration().isMember(endpoint)
        && leadership
            .map()
            .flatMap(map -> map.peer(config.self()))
            .filter(
                listed -> PeerMonitor.isSame(listed, PeerMonitor.entry(config.self(), request())))
            .isPresent();
  }

  @Override
  public Optional<NodeId> leader() {
    return leadership.otherLeader();
  }

  @Override
  public Request.Join request() {
    return new Request.Join(
        endpoint.incarnation(),
        config.address(),
        ports.vault().space().capacityBytes(),
        config.host(),
        config.zone(),
        leadership.hasLog() ? leadership.driver().core().lastIndex() : 0);
  }

  @Override
  public Optional<String> awaited() {
    boolean hasVoters =
        leadership.hasLog() && !leadership.driver().configuration().voters().isEmpty();
    return hasVoters ? Optional.of(leadership.waitingText()) : Optional.empty();
  }

  @Override
  public List<NodeId> connectedPeers() {
    return List.copyOf(connected);
  }

  @Override
  public void onJoined(NodeId leader) {
    joined.accept(leader);
  }
}
