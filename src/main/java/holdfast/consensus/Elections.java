package holdfast.consensus;

import holdfast.consensus.RaftMessage.PreVoteReply;
import holdfast.consensus.RaftMessage.PreVoteRequest;
import holdfast.consensus.RaftMessage.VoteReply;
import holdfast.consensus.RaftMessage.VoteRequest;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Asking for votes and giving them.
 *
 * <p>A voter refuses, without a look at the term, while it leads, while it heard from a leader less
 * than a minimum election timeout ago, and for as long after it started (it may have heard from one
 * just before): leases rest on this. Only an election that the leader itself asked for passes.
 */
final class Elections {
  private final CoreState core;
  private final Set<Endpoint> votes = new HashSet<>();
  private final long startedMs;
  private long leaderHeardMs;
  private boolean hasHeardLeader;
  private long deadlineMs;

  Elections(CoreState core) {
    this.core = core;
    startedMs = core.nowMs;
    resetDeadline();
  }

  private void resetDeadline() {
    int spreadMs = core.config.electionTimeoutMaxMs() - core.config.electionTimeoutMinMs();
    deadlineMs = core.nowMs + core.config.electionTimeoutMinMs() + core.random.below(spreadMs + 1);
  }

  /** A message of the leader of the current term came. */
  void leaderHeard() {
    hasHeardLeader = true;
    leaderHeardMs = core.nowMs;
    resetDeadline();
  }

  /**
   * Time a step came late is no silence of others: the deadline moves with it, but not one that was
   * set after that time.
   */
  void tick(long stallMs) {
    deadlineMs = Math.min(deadlineMs + stallMs, core.nowMs + core.config.electionTimeoutMaxMs());
    if (core.role == Role.LEADER || !core.isVoter()) {
      return;
    }
    boolean alone = core.configuration().voters().size() == 1;
    if (alone && core.role == Role.FOLLOWER) {
      campaign(false);
    } else if (core.nowMs >= deadlineMs) {
      askBeforehand();
    }
  }

  private void askBeforehand() {
    resetDeadline();
    core.setRole(Role.PRE_CANDIDATE, Optional.empty(), Effect.Cause.ELECTION);
    votes.clear();
    votes.add(core.self);
    if (hasQuorum()) {
      campaign(false);
      return;
    }
    for (Endpoint voter : core.configuration().voters()) {
      if (!voter.equals(core.self)) {
        core.out.send(
            new PreVoteRequest(core.to(voter), core.log.lastIndex(), core.log.lastTerm()));
      }
    }
  }

  /** Starts an election in the next term. Our own vote counts once it is on disk. */
  void campaign(boolean transfer) {
    resetDeadline();
    core.setTerm(core.term + 1, Optional.of(core.self));
    core.setRole(Role.CANDIDATE, Optional.empty(), Effect.Cause.ELECTION);
    votes.clear();
    for (Endpoint voter : core.configuration().voters()) {
      if (!voter.equals(core.self)) {
        core.out.send(
            new VoteRequest(core.to(voter), core.log.lastIndex(), core.log.lastTerm(), transfer));
      }
    }
  }

  /** Whether the election is won now that our own vote may be on disk. */
  boolean isWonAfterWrite() {
    if (core.role != Role.CANDIDATE || !core.out.isHardStateDone()) {
      return false;
    }
    votes.add(core.self);
    return hasQuorum();
  }

  private boolean hasQuorum() {
    return votes.size() >= core.configuration().quorum();
  }

  void onPreVoteRequest(PreVoteRequest request) {
    long askedTerm = request.header().term() + 1;
    boolean granted =
        !refusesVotes()
            && askedTerm > core.term
            && isUpToDate(request.lastIndex(), request.lastTerm());
    core.out.send(new PreVoteReply(core.to(request.header().from()), askedTerm, granted));
  }

  void onPreVoteReply(PreVoteReply reply) {
    if (core.role != Role.PRE_CANDIDATE
        || reply.askedTerm() != core.term + 1
        || !reply.granted()
        || !core.configuration().isVoter(reply.header().from())) {
      return;
    }
    votes.add(reply.header().from());
    if (hasQuorum()) {
      campaign(false);
    }
  }

  /** Whether the request is to be dropped, whatever its term. */
  boolean ignores(VoteRequest request) {
    return !request.transfer() && refusesVotes();
  }

  private boolean refusesVotes() {
    int minMs = core.config.electionTimeoutMinMs();
    return core.role == Role.LEADER
        || core.nowMs - startedMs < minMs
        || (hasHeardLeader && core.nowMs - leaderHeardMs < minMs);
  }

  /** A request in the current term. The reply goes when the vote is on disk. */
  void onVoteRequest(VoteRequest request) {
    Endpoint candidate = request.header().from();
    boolean free =
        core.votedFor.isEmpty()
            || core.votedFor.get().equals(candidate)
            || core.has(Fault.VOTE_TWICE);
    boolean granted = free && isUpToDate(request.lastIndex(), request.lastTerm());
    if (granted) {
      resetDeadline();
      if (!core.votedFor.equals(Optional.of(candidate))) {
        core.setTerm(core.term, Optional.of(candidate));
      }
    }
    core.out.send(new VoteReply(core.to(candidate), granted));
  }

  /** A reply in the current term; true if it wins the election. */
  boolean isWonBy(VoteReply reply) {
    if (core.role != Role.CANDIDATE
        || !reply.granted()
        || !core.configuration().isVoter(reply.header().from())) {
      return false;
    }
    votes.add(reply.header().from());
    return hasQuorum();
  }

  private boolean isUpToDate(long lastIndex, long lastTerm) {
    return core.has(Fault.VOTE_FOR_SHORTER_LOG)
        || lastTerm > core.log.lastTerm()
        || (lastTerm == core.log.lastTerm() && lastIndex >= core.log.lastIndex());
  }
}
