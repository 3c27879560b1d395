package holdfast.peer.member;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;
import holdfast.peer.view.Replies;
import holdfast.port.Periodic;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Gets this peer listed: finds the leader through whoever answers, and asks to join until the log
 * shows this peer as it is. A peer with an empty directory waits here, for as long as it takes.
 * Loop thread.
 */
public final class Joining {
  private static final long EVERY_NS = 500_000_000L;
  private static final long ASK_SILENCE_NS = 2_000_000_000L;
  private static final long DIAL_EVERY_NS = 2_000_000_000L;
  private static final long SAY_EVERY_NS = 30_000_000_000L;
  private static final long SAY_FIRST_NS = 3_000_000_000L;

  /** What joining needs to know of its node. */
  public interface Node {
    /** Whether the log shows this peer as it is, and a leader is heard. */
    boolean isSettled();

    /** Who leads, as far as this peer knows by itself; never this peer. */
    Optional<NodeId> leader();

    /** What to ask the leader for. */
    Request.Join request();

    /** Whom a log without a leader waits for; empty where there is no log. */
    Optional<String> awaited();

    /** Peers with an open session. */
    List<NodeId> connectedPeers();

    /** The leader has listed this peer: its log may be followed. */
    void onJoined(NodeId leader);
  }

  private final PeerPorts ports;
  private final PeerListener listener;
  private final NodeId self;
  private final Node node;
  private final List<HostPort> known;
  private final Supplier<String> pool;
  private boolean isAsking;
  private final Periodic looks;
  private int turn;
  private long dialledNs = Long.MIN_VALUE / 2;
  private long saidNs;
  private String lastFailure = "nobody answered yet";

  public Joining(
      PeerPorts ports,
      PeerListener listener,
      NodeId self,
      Node node,
      List<HostPort> known,
      Supplier<String> pool) {
    this.ports = ports;
    this.listener = listener;
    this.self = self;
    this.node = node;
    this.known = new ArrayList<>(known);
    this.pool = pool;
    looks = new Periodic(ports.loop(), EVERY_NS, "join", this::look);
    this.saidNs = ports.loop().nowNs() - SAY_EVERY_NS + SAY_FIRST_NS;
  }

  public void start() {
    looks.start();
  }

  private void look() {
    if (!node.isSettled() && !isAsking) {
      seek();
    }
  }

  public void stop() {
    looks.stop();
  }

  private void seek() {
    Optional<NodeId> leader = node.leader();
    if (leader.isPresent()) {
      askToJoin(leader.get());
      return;
    }
    List<NodeId> connected = node.connectedPeers();
    dialKnown();
    if (connected.isEmpty()) {
      say();
      return;
    }
    NodeId asked = connected.get(turn++ % connected.size());
    isAsking = true;
    ports
        .transport()
        .request(
            asked,
            new Request.WhoLeads(self),
            null,
            ASK_SILENCE_NS,
            Replies.handler((reply, none) -> onLeader(asked, reply), this::onFailure));
  }

  private void onLeader(NodeId asked, Reply reply) {
    isAsking = false;
    if (!(reply instanceof Reply.Map map) || map.leaderOrNull() == null) {
      lastFailure = asked.shortForm() + " knows no leader";
      say();
      return;
    }
    NodeId leader = map.leaderOrNull().node();
    if (leader.equals(self)) {
      return; // That was some time ago.
    }
    ports.transport().learn(leader, List.of(map.leaderOrNull().address()));
    if (!looks.isStopped()) {
      askToJoin(leader);
    }
  }

  private void askToJoin(NodeId leader) {
    isAsking = true;
    ports
        .transport()
        .request(
            leader,
            node.request(),
            null,
            ASK_SILENCE_NS,
            Replies.handler(
                (reply, none) -> {
                  isAsking = false;
                  if (reply instanceof Reply.Joined) {
                    node.onJoined(leader);
                  }
                },
                this::onFailure));
  }

  private void onFailure(HoldfastException why) {
    isAsking = false;
    if (why.code() != ErrorCode.NOT_LEADER) {
      lastFailure = why.getMessage();
    }
    say();
  }

  private void dialKnown() {
    long nowNs = ports.loop().nowNs();
    if (nowNs - dialledNs < DIAL_EVERY_NS) {
      return;
    }
    dialledNs = nowNs;
    for (HostPort address : known) {
      ports.transport().dial(address, why -> lastFailure = why.getMessage());
    }
  }

  private void say() {
    long nowNs = ports.loop().nowNs();
    if (nowNs - saidNs >= SAY_EVERY_NS) {
      saidNs = nowNs;
      Optional<String> awaited = node.leader().isPresent() ? Optional.empty() : node.awaited();
      listener.onNote(
          awaited
              .map(whom -> "waiting for a leader of pool " + pool.get() + ": " + whom)
              .orElseGet(this::joiningText));
    }
  }

  private String joiningText() {
    return "waiting to join pool %s: tried=%s, last=%s%s"
        .formatted(
            pool.get(),
            known,
            lastFailure,
            node.connectedPeers().isEmpty()
                ? "; start a peer that holds it. If no folder of it is left the pool is gone: a new"
                    + " one needs another HOLDFAST_HOME"
                : "");
  }
}
