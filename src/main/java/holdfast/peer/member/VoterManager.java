package holdfast.peer.member;

import holdfast.consensus.Configuration;
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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Changes the voters one step at a time, and advances the epoch, while this peer leads. {@link
 * VoterPolicy} says which step is next; here it is fed with what is known of the peers, and a step
 * is proposed only if the voters that have to commit it were heard a moment ago. Apart from {@link
 * PeerMonitor} because a vote is lost and given by stricter rules than a place in the pool map.
 * Loop thread.
 */
final class VoterManager {
  /** A voter silent for longer may be dead for good: nothing is built upon it. */
  private static final long SURE_SILENT_NS = 600_000_000L;

  private static final long EPOCH_NS = 600L * 1_000_000_000L;

  private final PeerPorts ports;
  private final PeerListener listener;
  private final Leadership leadership;
  private final Heartbeats heartbeats;
  private final InFlightProposals inFlight;
  private final Predicate<NodeId> isGone;
  private long epochNs;

  /**
   * @param isGone whether a peer was silent for too long while this one led
   */
  VoterManager(
      PeerPorts ports,
      PeerListener listener,
      Leadership leadership,
      Heartbeats heartbeats,
      InFlightProposals inFlight,
      Predicate<NodeId> isGone) {
    this.ports = ports;
    this.listener = listener;
    this.leadership = leadership;
    this.heartbeats = heartbeats;
    this.inFlight = inFlight;
    this.isGone = isGone;
  }

  /** This peer leads in a new term. */
  void startTerm() {
    epochNs = ports.loop().nowNs();
  }

  /**
   * Proposes the next step towards the wanted voters, if there is one and it is sure to be
   * committed; the one after it follows as soon as this one is: {@code then} is called, on the
   * loop.
   */
  void step(Runnable then) {
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
    boolean isSure =
        next.isPresent()
            && isSure(next.get(), driver.configuration(), candidates, this::isSelfOrHeard);
    if (isSure && inFlight.add("voters")) {
      listener.onNote("changing voters: " + next.get());
      driver.change(next.get(), inFlight.ending("voters", goingOn(then)));
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
  static boolean isSure(
      MembershipChange change,
      Configuration now,
      List<VoterPolicy.Candidate> candidates,
      Predicate<Endpoint> isHeard) {
    Endpoint endpoint = change.endpoint();
    boolean isGiving = change instanceof MembershipChange.Promote;
    if (!isGiving && !now.isVoter(endpoint)) {
      return true;
    }
    List<Endpoint> after = new ArrayList<>(now.voters());
    after.remove(endpoint);
    if (isGiving) {
      after.add(endpoint);
    }
    long heard = after.stream().filter(isHeard).count();
    boolean isTakingDead =
        candidates.stream().noneMatch(c -> c.endpoint().equals(endpoint) && c.isLive());
    return isTakingDead ? heard > after.size() / 2 : heard == after.size();
  }

  private boolean isSelfOrHeard(Endpoint voter) {
    return voter.equals(leadership.driver().self()) || isHeard(voter);
  }

  /** Whether this very incarnation was heard a moment ago. */
  private boolean isHeard(Endpoint voter) {
    return silentNs(voter.node()) < SURE_SILENT_NS
        && heartbeats
            .pulse(voter.node())
            .filter(pulse -> pulse.beat().incarnation() == voter.incarnation())
            .isPresent();
  }

  /** For how long a peer was silent, less what is slow here. */
  private long silentNs(NodeId node) {
    return heartbeats.silentNs(node) - leadership.patienceNs();
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
    boolean isHeardLately = silentNs(node) < PeerMonitor.DOWN_NS && !heartbeats.isUnreachable(node);
    return !isReplaced && (isHeardLately || peer.state().isLive() && !isGone.test(node));
  }

  private RaftDriver.Proposed goingOn(Runnable then) {
    return new RaftDriver.Proposed() {
      @Override
      public void onApplied(long index) {
        ports.loop().post(then);
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

  /** Advances the pool's epoch every ten minutes. It belongs to the term's timers, as voters do. */
  void advanceEpoch() {
    if (ports.loop().nowNs() - epochNs >= EPOCH_NS) {
      epochNs = ports.loop().nowNs();
      inFlight.propose("epoch", new Command.AdvanceEpoch(leadership.epoch() + 1));
    }
  }
}
