package holdfast.peer.state;

import holdfast.model.ErrorCode;
import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerConfig;
import holdfast.peer.view.PeerPorts;
import holdfast.placement.PeerEntry;
import holdfast.placement.PoolMap;
import holdfast.port.Responder;
import holdfast.protocol.Reply;
import java.util.List;
import java.util.Optional;

/**
 * Answers for all other rooms who leads, whether this peer has a quorum, and how new what it knows
 * is; and words the refusals that follow from that.
 */
public final class Leadership {
  private final PeerConfig config;
  private final PeerPorts ports;
  private Heartbeats heartbeats;
  private RaftDriver driver;
  private volatile StateMachine stateMachine; // handshakes ask for the data key, on their threads
  private long leaderlessSinceNs;
  private boolean isLeaderless = true;
  private Runnable forcedListener = () -> {};

  public Leadership(PeerConfig config, PeerPorts ports) {
    this.config = config;
    this.ports = ports;
    this.leaderlessSinceNs = ports.loop().nowNs();
  }

  public void watch(Heartbeats theHeartbeats) {
    heartbeats = theHeartbeats;
  }

  void begin(RaftDriver theDriver, StateMachine theStateMachine) {
    driver = theDriver;
    stateMachine = theStateMachine;
  }

  /** The operator accepts that something is missing here: heard by the only voter of a pool. */
  public void acceptDamage() {
    if (hasLog() && driver.configuration().voters().size() == 1) {
      driver.acceptDamage();
    }
  }

  /** Role, leader or configuration changed. */
  public void update() {
    boolean none = driver.leader().isEmpty();
    if (none && !isLeaderless) {
      leaderlessSinceNs = ports.loop().nowNs();
    }
    isLeaderless = none;
  }

  public NodeId self() {
    return config.self();
  }

  public PeerConfig config() {
    return config;
  }

  public RaftDriver driver() {
    return driver;
  }

  public StateMachine stateMachine() {
    return stateMachine;
  }

  /** Whether there is a log that this peer follows. */
  public boolean hasLog() {
    return driver != null;
  }

  /** Whether there is a state of the pool here, however old. */
  public boolean isReady() {
    return stateMachine != null && stateMachine.isPoolCreated();
  }

  public boolean isLeader() {
    return driver != null && driver.isLeader() && isReady();
  }

  /**
   * Whether this peer leads and has applied all that was committed before it did. Until then
   * nothing is decided by what is applied here: what a predecessor has acknowledged may be missing
   * from it.
   */
  public boolean isCurrent() {
    return isLeader() && driver.hasAppliedEarlierTerms();
  }

  /**
   * Calls {@code then} when this peer {@link #isCurrent}: at once, or as soon as an entry of its
   * own is applied; or else refuses. The check for every request that a leader answers, or acts
   * upon, by what is applied here.
   */
  public void whenCurrent(Responder responder, Runnable then) {
    if (isCurrent()) {
      then.run();
    } else if (isLeader()) {
      driver.read(
          new RaftDriver.Proposed() {
            @Override
            public void onApplied(long index) {
              then.run();
            }

            @Override
            public void onFailure(ErrorCode code, String text) {
              refuse(code, text, responder);
            }
          });
    } else {
      refuse(responder);
    }
  }

  /** The newest map here; empty before the pool is known. */
  public Optional<PoolMap> map() {
    return isReady() ? Optional.of(stateMachine.state().map()) : Optional.empty();
  }

  public long mapIndex() {
    return isReady() ? stateMachine.state().map().version().index() : 0;
  }

  public long epoch() {
    return isReady() ? stateMachine.namespace().epoch() : 0;
  }

  /** Who leads and isn't this peer. */
  public Optional<NodeId> otherLeader() {
    return driver == null
        ? Optional.empty()
        : driver.leader().map(leader -> leader.node()).filter(node -> !node.equals(self()));
  }

  /** Where to send those who look for the leader; null if that isn't known. */
  public Reply.Leader leaderOrNull() {
    if (driver == null || driver.leader().isEmpty()) {
      return null;
    }
    NodeId leader = driver.leader().get().node();
    if (leader.equals(self())) {
      return new Reply.Leader(leader, config.address());
    }
    Optional<HostPort> address = map().flatMap(m -> m.peer(leader)).map(PeerEntry::address);
    return address.map(there -> new Reply.Leader(leader, there)).orElse(null);
  }

  /**
   * Whether the map here can only be a moment old: this peer leads with a quorum behind it, or the
   * leader said a moment ago that it has none newer. A new leader says so before it has applied its
   * predecessors' maps, and may have said so before it led: so these must be here.
   */
  public boolean isFresh() {
    if (!isReady() || !driver.hasAppliedEarlierTerms()) {
      return false;
    }
    if (driver.isLeader()) {
      return driver.core().leaseUntilMs() >= ports.loop().nowNs() / 1_000_000L;
    }
    return otherLeader()
        .flatMap(heartbeats::pulse)
        .filter(pulse -> ports.loop().nowNs() - pulse.heardNs() < Heartbeats.SUSPECT_NS)
        .filter(pulse -> pulse.beat().mapIndex() <= mapIndex())
        .isPresent();
  }

  /**
   * Whether all is applied here that somebody may rely on since before this process began: this
   * peer leads and {@link #isCurrent}, or has applied what the leader had when it was heard last.
   */
  public boolean isCaughtUp() {
    if (!isReady() || !driver.hasAppliedEarlierTerms()) {
      return false;
    }
    return isLeader()
        || otherLeader()
            .flatMap(heartbeats::pulse)
            .filter(pulse -> pulse.beat().appliedIndex() <= driver.applied().index())
            .isPresent();
  }

  /**
   * Whether no majority of voters can be reached, as far as can be told: elections had their time,
   * as long as they take here.
   */
  public boolean isWithoutQuorum() {
    long sinceNs = Math.max(leaderlessSinceNs, ports.loop().awakeSinceNs());
    long electionsMs =
        hasLog() ? driver.core().electionsMs() : 2L * config.raft().electionTimeoutMaxMs();
    return isLeaderless && ports.loop().nowNs() - sinceNs > electionsMs * 1_000_000L;
  }

  /** Whether nobody leads, and somebody may in a moment. */
  public boolean isElecting() {
    return isLeaderless && !isWithoutQuorum();
  }

  /** How long some forced writes take here, by what was measured, and a second. */
  public long forcesNs() {
    long slowMs =
        hasLog() ? driver.core().electionsMs() / 2 - config.raft().electionTimeoutMaxMs() : 0;
    return (1_000 + slowMs) * 1_000_000L;
  }

  /** By how much longer than usual others may be silent before they count as gone. */
  public long patienceNs() {
    return hasLog() ? driver.core().patienceMs() * 1_000_000L : 0;
  }

  /** Answers what only a leader may answer. */
  public void refuse(Responder responder) {
    if (driver != null && driver.isStopped()) {
      fail(responder, ErrorCode.STORE_FAILED, "ask peer: expected=a working log, was=failed");
    } else if (!isReady()) {
      responder.reply(
          new Reply.Failure(ErrorCode.NOT_READY, "ask peer: " + notReadyText(), leaderOrNull()),
          null);
    } else if (isWithoutQuorum()) {
      fail(responder, ErrorCode.NO_QUORUM, noQuorumText());
    } else {
      responder.reply(
          new Reply.Failure(
              ErrorCode.NOT_LEADER,
              "ask peer: expected=the leader, was=" + self().shortForm(),
              leaderOrNull()),
          null);
    }
  }

  /** Calls this each time before it is promised that something is forced at a majority. */
  public void whenForced(Runnable listener) {
    forcedListener = listener;
  }

  /** It is about to be promised. */
  public void noteForced() {
    forcedListener.run();
  }

  /** Answers why the log refused a proposal or a read. */
  public void refuse(ErrorCode code, String text, Responder responder) {
    if (code == ErrorCode.NOT_LEADER) {
      refuse(responder);
    } else {
      fail(responder, code, text);
    }
  }

  /** A peer with a log but no state yet doesn't join: it waits for a leader, and knows for whom. */
  private String notReadyText() {
    boolean isWaiting =
        driver != null && driver.leader().isEmpty() && !driver.configuration().voters().isEmpty();
    return isWaiting ? awaitedText() : "expected=a member of the pool, was=still joining";
  }

  private String noQuorumText() {
    return "change pool: " + waitingText();
  }

  /** Whom this peer waits for, and what holds until they are back. */
  public String waitingText() {
    return awaitedText()
        + (isReady()
            ? "; files can be read (perhaps not their newest state) but not changed until then"
            : "; nothing can be read or changed until then");
  }

  private String awaitedText() {
    List<NodeId> voters =
        driver.configuration().voters().stream().map(voter -> voter.node()).toList();
    return switch (driver.core().recovery().cause()) {
      case NONE ->
          "expected=%d of the peers %s that lack nothing, was=%s"
              .formatted(driver.configuration().quorum(), names(voters), inReach(voters));
      case POWER_CUT ->
          ("expected=all of the peers %s, was=%s; this peer's machine went down, and what it may"
                  + " have lost another may have")
              .formatted(names(voters), inReach(voters));
      case DAMAGE -> damageText(voters);
    };
  }

  private String damageText(List<NodeId> voters) {
    if (driver.core().isDamageAccepted() && voters.size() == 1) {
      return "expected=a leader, was=none yet: going on with what is left, as it was told to";
    }
    return voters.size() > 1
        ? ("expected=all of the peers %s, was=%s; this peer's folder is damaged, older than it was"
               + " or a copy. Once all are in reach, after %d s without a leader at the earliest,"
               + " the pool goes on without what none of them holds: if there is a better folder of"
               + " one, stop them and put it back")
            .formatted(names(voters), inReach(voters), config.raft().startWaitMs() / 1_000)
        : ("expected=a whole folder of %s, the only voter it knows, was=damaged, older than it was"
                + " or a copy; start the pool's other peers first, if there are any: one that knows"
                + " more makes it good. Only if there is none and no better folder: start it with"
                + " --accept-damage to go on with this, and without what is missing")
            .formatted(names(voters));
  }

  private String inReach(List<NodeId> voters) {
    List<NodeId> silent =
        voters.stream()
            .filter(voter -> !voter.equals(config.self()) && heartbeats.isSuspect(voter))
            .toList();
    return silent.isEmpty() ? "in reach, but not agreed yet" : "no sign of " + names(silent);
  }

  private static List<String> names(List<NodeId> nodes) {
    return nodes.stream().map(NodeId::shortForm).toList();
  }

  public static void fail(Responder responder, ErrorCode code, String text) {
    responder.reply(new Reply.Failure(code, text, null), null);
  }
}
