package holdfast.consensus;

import holdfast.consensus.RaftMessage.PreVoteReply;
import holdfast.consensus.RaftMessage.PreVoteRequest;
import holdfast.consensus.RaftMessage.VoteReply;
import holdfast.consensus.RaftMessage.VoteRequest;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Runs elections and grants votes (dissertation, 3.4 and 9.6). Outlives the term, unlike {@link
 * Following} and {@link Leading}: timeouts, and what was heard of a leader, count across terms.
 *
 * <p>A voter refuses, without a look at the term, while it leads, while it heard from a leader less
 * than a minimum election timeout ago, and for as long after it started (it may have heard from one
 * just before): leases rest on this. Only an election that the leader itself asked for passes.
 *
 * <p>What votes amount to when some voters may have lost the end of their logs: {@link Ballot}. An
 * election by every vote ends the log at the winner's end, so the winner should be whoever holds
 * the most of it: members without a vote are asked first, and one that holds more stands itself.
 */
final class Elections {
  /** So often one lets a member that has more of the log stand instead. */
  private static final int GIVE_WAY_MAX = 3;

  private final CoreState core;
  private final Ballot ballot = new Ballot();
  private final long startedMs;
  private long leaderHeardMs;
  private boolean hasHeardLeader;

  /** Whom we heard last as leader, and in which term. */
  private Endpoint heardFrom;

  private long heardTerm;

  /** How much of the time since then this process came late. */
  private long lateSinceHeardMs;

  /**
   * How long better folders and members that hold more have had to come: without a leader, and
   * awake, since they may sleep when this process does.
   */
  private long waitedMs;

  private long deadlineMs;

  /** How far off the deadline was when it was set. */
  private long deadlineSpanMs;

  /** How long a forced write takes at the slowest that would vote for us, as it said. */
  private long votersWriteMs;

  /** Whether another one that stands has got time, since we stood last or heard a leader. */
  private boolean hasGivenTime;

  /** Whether our own vote is on disk, and counted. */
  private boolean isOwnVoteCounted;

  /**
   * Members without a vote that haven't said yet whether they have more; null if none was asked.
   */
  private Set<Endpoint> inquired;

  private long inquiryEndMs;
  private boolean hasInquired;
  private boolean isGivingWay;
  private int gaveWayCount;

  /** Until when a member without a vote may stand, because it has more of the log than a voter. */
  private long standsUntilMs;

  private boolean isDamageAccepted;

  /** Whether this election ends the log if it is won by every vote only. */
  private boolean mayEnd;

  Elections(CoreState core) {
    this.core = core;
    startedMs = core.nowMs;
    standsUntilMs = core.nowMs;
    resetDeadline();
  }

  /**
   * Random, so that votes are rarely split (dissertation, 3.4): over a time that grows with that of
   * an election here, or several would stand before one can have won.
   */
  private void resetDeadline() {
    long patienceMs = core.slowness.patienceMs();
    deadlineIn(
        core.config.electionTimeoutMinMs() + patienceMs, core.slowness.electionMs(0) - patienceMs);
  }

  /** Votes are asked for: as slow as the slowest who gives one. */
  private void awaitVotes() {
    deadlineIn(core.config.electionTimeoutMinMs() + core.slowness.electionMs(votersWriteMs), 0);
  }

  private void deadlineIn(long atLeastMs, long moreSpreadMs) {
    long spreadMs =
        core.config.electionTimeoutMaxMs() - core.config.electionTimeoutMinMs() + moreSpreadMs;
    deadlineSpanMs = atLeastMs + core.random.below((int) spreadMs + 1);
    deadlineMs = core.nowMs + deadlineSpanMs;
  }

  /** A message of the leader of the current term came. */
  void leaderHeard(Endpoint leader) {
    if (leader.equals(heardFrom) && heardTerm == core.term) {
      core.slowness.heardAfter(
          core.nowMs - leaderHeardMs - lateSinceHeardMs - core.slowness.lateMs());
    }
    heardFrom = leader;
    heardTerm = core.term;
    lateSinceHeardMs = 0;
    hasHeardLeader = true;
    leaderHeardMs = core.nowMs;
    waitedMs = 0;
    gaveWayCount = 0;
    hasGivenTime = false;
    promised.clear();
    core.forgetPromises();
    resetDeadline();
  }

  /** We lead: with the votes of all that might have ended the log. */
  void leads() {
    promised.clear();
    core.forgetPromises();
  }

  /**
   * Whom voters elected before, ourselves among them, and who may have ended the log thereby.
   * Nobody wins without their votes. <i>Event: F, without a vote, is elected by all, ends the log
   * and is cut off before anybody hears of it; the voters elect another one, who ends the same log.
   * Event: B doesn't know that the newest configuration is committed, and ends the log since too
   * few of the one before are whole; C knows, and leads by three votes of four in the old log.</i>
   */
  private final Set<Endpoint> promised = new HashSet<>();

  /** The operator accepts what is missing: no better folder is to come. */
  void acceptDamage() {
    isDamageAccepted = true;
  }

  /**
   * Something is missing, as it turns out. What the operator has accepted is what was known to be:
   * of what is found out in a folder that was no worse for all they knew, they haven't heard. So it
   * isn't accepted, and there is time for a better folder from now on.
   *
   * @param before what was known to be missing
   */
  void lost(Recovery before) {
    if (before.cause() != Recovery.Cause.DAMAGE) {
      isDamageAccepted = false;
      waitedMs = 0;
    }
  }

  boolean isDamageAccepted() {
    return isDamageAccepted;
  }

  /**
   * Time a step came late is no silence of others: the deadline moves with it, but not one that was
   * set after that time.
   *
   * @param awakeMs time since the last tick, without that
   */
  void tick(long awakeMs, long stallMs) {
    waitedMs = core.role == Role.LEADER ? 0 : waitedMs + awakeMs;
    lateSinceHeardMs += stallMs;
    deadlineMs = Math.min(deadlineMs + stallMs, core.nowMs + deadlineSpanMs);
    inquiryEndMs = Math.min(inquiryEndMs + stallMs, core.nowMs + inquiryMs());
    if (core.role == Role.LEADER || !mayStand() || !core.isVoteKnown()) {
      return;
    }
    boolean alone = isOnlyVoter() && !core.recovery.isNeeded();
    if (alone && core.role == Role.FOLLOWER) {
      campaign(false);
    } else if (core.role == Role.CANDIDATE && !core.out.isHardStateDone()) {
      return; // our own vote is being written: another term would only be one more write
    } else if (core.nowMs >= deadlineMs || isOnlyVoter() && core.role == Role.FOLLOWER) {
      startPreVote();
    } else if (core.role == Role.PRE_CANDIDATE) {
      campaignIfPossible();
    }
  }

  private boolean isOnlyVoter() {
    return core.isVoter() && core.configuration().voters().size() == 1;
  }

  /**
   * Members without a vote stand when they hold more of the log than whoever asks, or when nobody
   * has led for long: a voter that lost all it had doesn't stand itself, but gives its vote.
   */
  private boolean mayStand() {
    return core.isVoter()
        || core.nowMs < standsUntilMs
        || core.configuration().isMember(core.self) && isDamageWaitedOut();
  }

  /**
   * Asks who would vote for this endpoint before it starts an election in a higher term, which
   * would depose a working leader (dissertation, 9.6).
   */
  private void startPreVote() {
    resetDeadline();
    core.setRole(Role.PRE_CANDIDATE, Optional.empty(), Effect.Cause.ELECTION);
    ballot.clear();
    inquired = null;
    hasInquired = false;
    isGivingWay = false;
    hasGivenTime = false;
    votersWriteMs = 0;
    addOwnVote();
    for (Endpoint voter : otherVoters()) {
      requestPreVote(voter, false);
    }
    campaignIfPossible();
  }

  private void requestPreVote(Endpoint member, boolean byAll) {
    core.out.send(
        new PreVoteRequest(core.to(member), core.log.lastIndex(), core.log.lastTerm(), byAll));
  }

  /** All voters but this endpoint, of every configuration that may have committed something. */
  private Set<Endpoint> otherVoters() {
    Set<Endpoint> others = new LinkedHashSet<>();
    core.openConfigurations().forEach(configuration -> others.addAll(configuration.voters()));
    others.addAll(promised);
    others.remove(core.self);
    return others;
  }

  private void addOwnVote() {
    addVote(core.self, ownVote(true));
  }

  private RaftMessage.Vote ownVote(boolean granted) {
    return new RaftMessage.Vote(granted, core.recovery.cause(), core.promised());
  }

  private void addVote(Endpoint voter, RaftMessage.Vote vote) {
    notePromised(vote);
    Recovery.Cause cause = vote.recovering();
    if (cause == Recovery.Cause.DAMAGE && core.has(Fault.DAMAGE_AS_POWER_CUT)) {
      cause = Recovery.Cause.POWER_CUT;
    }
    ballot.add(voter, core.has(Fault.COUNT_RECOVERING) ? Recovery.Cause.NONE : cause);
  }

  private void notePromised(RaftMessage.Vote vote) {
    if (promised.size() < Configuration.FOLLOWERS_MAX) {
      promised.addAll(vote.promised());
      promised.remove(core.self);
    }
  }

  private Ballot.Outcome outcome() {
    Ballot.Outcome outcome = ballot.outcome(core.openConfigurations());
    // Who has no vote may only end a log, not lead one.
    boolean isNotForUs = outcome == Ballot.Outcome.WON && !core.isVoter();
    if (outcome == Ballot.Outcome.OPEN || isNotForUs) {
      return Ballot.Outcome.OPEN;
    }
    boolean isBlind = outcome == Ballot.Outcome.WON && core.has(Fault.LEAD_WITHOUT_FOUNDER);
    if (!ballot.hasAll(promised) && !isBlind) {
      if (!isDamageAccepted) {
        return Ballot.Outcome.OPEN;
      }
      outcome = Ballot.Outcome.WON_BY_ALL; // Two logs may go on from this one: not under one name.
    }
    boolean isTooEarly =
        outcome == Ballot.Outcome.WON_BY_ALL && ballot.hasDamage() && !isDamageWaitedOut();
    return isTooEarly ? Ballot.Outcome.OPEN : outcome;
  }

  /**
   * A folder that is damaged, older or a copy may know of voters only that are long gone: who knows
   * better gets time to come. Alone there is nobody to wait for, and the operator decides.
   */
  private boolean isDamageWaitedOut() {
    boolean hasOthers = core.configuration().members().size() > 1 || !otherVoters().isEmpty();
    return isDamageAccepted || hasOthers && waitedMs >= core.config.startWaitMs();
  }

  private void campaignIfPossible() {
    switch (outcome()) {
      case OPEN -> {}
      case WON -> campaign(false);
      case WON_BY_ALL -> {
        if (isInquiryDone()) {
          campaign(false);
        }
      }
    }
  }

  /** Asks who has no vote whether it has more of the log; true when all answered or none will. */
  private boolean isInquiryDone() {
    if (hasInquired || core.has(Fault.END_WITHOUT_ASKING)) {
      hasInquired = true;
      return true;
    }
    if (inquired == null) {
      inquired = new HashSet<>(core.configuration().followers());
      inquired.remove(core.self);
      inquired.removeAll(otherVoters());
      inquiryEndMs = core.nowMs + inquiryMs();
      inquired.forEach(member -> requestPreVote(member, true));
    }
    hasInquired = !isGivingWay && (inquired.isEmpty() || core.nowMs >= inquiryEndMs);
    return hasInquired;
  }

  /** Whoever is slow to answer may hold what nobody else does. */
  private long inquiryMs() {
    return core.config.electionTimeoutMinMs() / 2 + core.slowness.electionMs(votersWriteMs);
  }

  /** Starts an election in the next term. Our own vote counts once it is on disk. */
  void campaign(boolean transfer) {
    awaitVotes();
    isOwnVoteCounted = false;
    mayEnd = hasInquired && !transfer;
    core.setTerm(core.term + 1, Optional.of(core.self));
    core.setRole(Role.CANDIDATE, Optional.empty(), Effect.Cause.ELECTION);
    ballot.clear();
    for (Endpoint voter : otherVoters()) {
      core.out.send(
          new VoteRequest(
              core.to(voter), core.log.lastIndex(), core.log.lastTerm(), transfer, mayEnd));
    }
  }

  /** How the election stands now that our own vote may be on disk. */
  Ballot.Outcome outcomeAfterWrite() {
    if (core.role != Role.CANDIDATE || !core.out.isHardStateDone()) {
      return Ballot.Outcome.OPEN;
    }
    if (!isOwnVoteCounted) {
      isOwnVoteCounted = true;
      addOwnVote();
      awaitVotes(); // the requests go out now
    }
    return electionOutcome();
  }

  /** Nobody ends a log who hasn't asked before whether somebody has more of it. */
  private Ballot.Outcome electionOutcome() {
    Ballot.Outcome outcome = outcome();
    return outcome == Ballot.Outcome.WON_BY_ALL && !mayEnd ? Ballot.Outcome.OPEN : outcome;
  }

  void onPreVoteRequest(PreVoteRequest request) {
    long askedTerm = request.header().term() + 1;
    boolean upToDate = isUpToDate(request.lastIndex(), request.lastTerm());
    boolean granted = !refusesVotes() && askedTerm > core.term && upToDate;
    boolean isAhead = !upToDate;
    if (granted) {
      giveItTime();
    }
    if (isAhead && request.byAll() && !core.isVoter() && !hearsLeader()) {
      standsUntilMs = core.nowMs + 2L * core.config.electionTimeoutMaxMs();
      deadlineMs = Math.min(deadlineMs, core.nowMs);
    }
    core.out.send(
        new PreVoteReply(
            core.to(request.header().from()),
            askedTerm,
            ownVote(granted),
            isAhead,
            (int) Math.min(core.config.wideningMaxMs(), core.slowness.writeMs())));
  }

  /**
   * Who was promised a vote stands now, and its request comes when its own vote is on disk: it gets
   * that time. Once, since it may never win where this endpoint would. <i>Event: with slow disks
   * the second one stood while the first one's vote was written, each time.</i>
   */
  private void giveItTime() {
    if (!hasGivenTime && core.role != Role.CANDIDATE) {
      hasGivenTime = true;
      long untilMs = core.nowMs + core.config.electionTimeoutMinMs() + core.slowness.electionMs(0);
      deadlineSpanMs = Math.max(deadlineSpanMs, untilMs - core.nowMs);
      deadlineMs = Math.max(deadlineMs, untilMs);
    }
  }

  void onPreVoteReply(PreVoteReply reply) {
    if (core.role != Role.PRE_CANDIDATE || reply.askedTerm() != core.term + 1) {
      return;
    }
    Endpoint from = reply.header().from();
    if (inquired != null && inquired.remove(from) && reply.ahead() && givesWay()) {
      gaveWayCount++;
      isGivingWay = true;
    }
    notePromised(reply.vote());
    if (reply.vote().granted()) {
      votersWriteMs = Math.max(votersWriteMs, reply.writeMs());
      addVote(from, reply.vote());
    }
    campaignIfPossible();
  }

  /** A damaged folder lacks what was forced: it gives way until the operator says otherwise. */
  private boolean givesWay() {
    return gaveWayCount < GIVE_WAY_MAX || ballot.hasDamage() && !isDamageAccepted;
  }

  /** Whether the request is to be dropped, whatever its term (dissertation, 4.2.3). */
  boolean ignores(VoteRequest request) {
    return !request.transfer() && refusesVotes();
  }

  private boolean refusesVotes() {
    boolean hasJustStarted = core.nowMs - startedMs < core.config.electionTimeoutMinMs();
    return core.role == Role.LEADER
        || hasJustStarted && !core.has(Fault.VOTE_JUST_STARTED)
        || hearsLeader() && !core.has(Fault.VOTE_THOUGH_LEADER_HEARD);
  }

  private boolean hearsLeader() {
    return hasHeardLeader && core.nowMs - leaderHeardMs < core.config.electionTimeoutMinMs();
  }

  /** A request in the current term. The reply goes when the vote is on disk. */
  void onVoteRequest(VoteRequest request) {
    Endpoint candidate = request.header().from();
    boolean free =
        core.votedFor.isEmpty()
            || core.votedFor.get().equals(candidate)
            || core.has(Fault.VOTE_TWICE);
    boolean isFit = free && isUpToDate(request.lastIndex(), request.lastTerm());
    List<Endpoint> promisedBefore = core.promised();
    // Written with the vote, so that whoever wins with a later one hears of it.
    boolean granted = isFit && (!request.ends() || core.promise(candidate));
    var vote = new RaftMessage.Vote(granted, core.recovery.cause(), promisedBefore);
    if (granted) {
      resetDeadline();
      if (!core.votedFor.equals(Optional.of(candidate))) {
        core.setTerm(core.term, Optional.of(candidate));
      }
    }
    core.out.send(new VoteReply(core.to(candidate), vote));
  }

  /** A reply in the current term; how the election stands with it. */
  Ballot.Outcome outcomeWith(VoteReply reply) {
    if (core.role != Role.CANDIDATE || !reply.vote().granted()) {
      return Ballot.Outcome.OPEN;
    }
    addVote(reply.header().from(), reply.vote());
    return electionOutcome();
  }

  /** The election restriction: whoever wins holds all that is committed (dissertation, 3.6.1). */
  private boolean isUpToDate(long lastIndex, long lastTerm) {
    return core.has(Fault.VOTE_FOR_SHORTER_LOG)
        || lastTerm > core.log.lastTerm()
        || (lastTerm == core.log.lastTerm() && lastIndex >= core.log.lastIndex());
  }
}
