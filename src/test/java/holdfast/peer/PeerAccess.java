package holdfast.peer;

import holdfast.consensus.Endpoint;
import holdfast.consensus.RaftCore;
import holdfast.metadata.Namespace;
import holdfast.model.ChunkId;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.peer.view.PeerConfig;
import holdfast.peer.view.PeerFault;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;
import holdfast.placement.PoolMap;
import holdfast.port.Remote;
import holdfast.port.Responder;
import holdfast.protocol.Notice;
import holdfast.protocol.Request;
import holdfast.protocol.RunMark;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.EnumSet;
import java.util.Optional;

/** What the simulator's checkers see of a peer from inside, and how it plants bugs. */
public final class PeerAccess {
  private final PeerNode node;

  private PeerAccess(PeerNode node) {
    this.node = node;
  }

  /** The bugs that can be planted, by name. */
  public static PeerNode make(
      PeerConfig config, PeerPorts ports, PeerListener listener, java.util.Set<String> faults) {
    var planted = EnumSet.noneOf(PeerFault.class);
    faults.forEach(name -> planted.add(PeerFault.valueOf(name)));
    return new PeerNode(config, ports, listener, planted);
  }

  public static PeerAccess of(PeerNode node) {
    return new PeerAccess(node);
  }

  public boolean isReady() {
    return node.leadership().isReady();
  }

  public boolean isLeader() {
    return node.leadership().isLeader();
  }

  /** Whether it leads and has applied all that was committed before it did. */
  boolean isCurrent() {
    return node.leadership().isCurrent();
  }

  /** Takes a client's request at this very moment. */
  void ask(NodeId client, Request request, Responder responder) {
    var remote =
        new Remote(client, false, new InstanceId(0, 1), Optional.empty(), "10.0.1.1", 0x5EA1L);
    node.onRequest(remote, request, null, responder);
  }

  /** Takes another peer's notice at this very moment. */
  void hear(NodeId peer, Notice notice) {
    var remote = new Remote(peer, true, new InstanceId(0, 2), Optional.empty(), "10.0.1.1", 0);
    node.onNotice(remote, notice);
  }

  /** What it says now of how far it is. */
  RunMark mark() {
    return node.heartbeat().mark();
  }

  /** Whether its log is being loaded, begun, changed or marked. */
  boolean isBeginning() {
    return node.runner().isBeginning();
  }

  /** Whether its map is said to be only a moment old. */
  boolean isFresh() {
    return node.leadership().isFresh();
  }

  public Optional<RaftCore> core() {
    return node.leadership().hasLog()
        ? Optional.of(node.leadership().driver().core())
        : Optional.empty();
  }

  public Optional<Endpoint> endpoint() {
    return node.leadership().hasLog()
        ? Optional.of(node.leadership().driver().self())
        : Optional.empty();
  }

  /** How many logs it keeps aside. */
  public int asideCount() {
    return node.runner().asideCount();
  }

  /** The operator's word. */
  public void acceptDamage() {
    node.acceptDamage();
  }

  public boolean isRecovering() {
    return node.runner().isRecovering();
  }

  /** Sessions of clients that live. */
  public long sessionCount() {
    return node.leadership().stateMachine().namespace().sessionCount();
  }

  /** How long leases may be, by what is applied here. */
  public int leaseMs() {
    return node.leadership().stateMachine().state().leaseMs();
  }

  public long appliedIndex() {
    return node.leadership().hasLog() ? node.leadership().driver().applied().index() : 0;
  }

  public Optional<PoolMap> map() {
    return node.leadership().map();
  }

  public Namespace namespace() {
    return node.leadership().stateMachine().namespace();
  }

  public boolean isMissing(ChunkId chunk) {
    return node.missingChunks().isMissing(chunk);
  }

  public int missingCount() {
    return node.missingChunks().missingCount();
  }

  /** What a person wants to know when a run went wrong. */
  public String describe() {
    return core()
        .map(
            core ->
                String.format(
                    " %s term=%d leader=%s last=%d commit=%d applied=%d %s missing=%d map=%s %s",
                    core.role(),
                    core.term(),
                    core.leader(),
                    core.lastIndex(),
                    core.commitIndex(),
                    appliedIndex(),
                    core.configuration(),
                    missingCount(),
                    map().map(m -> m.version().index()).orElse(-1L),
                    map().map(PeerAccess::states).orElse("")))
        .orElse(" without a log");
  }

  private static String states(PoolMap map) {
    var text = new StringBuilder();
    map.peers()
        .forEach(
            peer ->
                text.append(peer.node().shortForm())
                    .append('#')
                    .append(peer.incarnation())
                    .append('=')
                    .append(peer.state())
                    .append(' '));
    return text.toString();
  }

  /** SHA-256 over everything replicated. */
  public byte[] digest() {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      digest.update(node.leadership().stateMachine().state().toBytes());
      if (isReady()) {
        digest.update(namespace().digest());
      }
      return digest.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
