package holdfast.consensus;

import holdfast.consensus.MembershipChange.Demote;
import holdfast.consensus.MembershipChange.Remove;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A leader's part in one term: takes proposals and reads, commits, changes the configuration,
 * watches its quorum, hands over. Made when an election is won.
 *
 * <p><b>The pair rule.</b> In a group of two voters {L, P} the leader L that lost P takes P's vote
 * and goes on alone. It needs: an entry of L's own term is committed, and every configuration from
 * the last committed one on is {L} or {L, P}. No second leader can come of it:
 *
 * <ol>
 *   <li>Whoever leads a later term holds every committed entry (leader completeness, which holds
 *       for configurations because one changes only after a commit in the own term), so the
 *       configuration in its log is the last committed one or one that followed it.
 *   <li>Every majority of each of those contains L. So nobody leads without L's vote.
 *   <li>L gives its vote only to a log that ends no earlier than its own. Once {L} is written on L,
 *       which is what commits it, such a log contains {L}: P can't be elected, not even when it
 *       comes back with everything it had.
 * </ol>
 *
 * <p>Without a commit in the own term, step 1 fails: {L, P} may be an entry that only L holds of
 * what P and a third voter know as {L, P, Q}, and those two may elect P. Such a leader steps down.
 */
final class Leading {
  private final CoreState core;
  private final Replication replication;
  private final Quorum quorum;
  private final Reads reads;
  private final long firstIndex;
  private long uncommittedBytes;
  private long forcedAtMajority;
  private Optional<Endpoint> transferTarget = Optional.empty();
  private long transferDeadlineMs;
  private boolean hasAskedSuccessor;

  /** For how long no quorum had been heard at the last tick. */
  private long lastSilentMs;

  Leading(CoreState core) {
    this.core = core;
    replication = new Replication(core);
    quorum = new Quorum(core, replication.members());
    reads = new Reads(core);
    firstIndex = core.log.lastIndex() + 1;
    uncommittedBytes = core.log.bytesBetween(core.commitIndex, core.log.lastIndex());
  }

  /**
   * Announces itself and appends an entry of its own term, which commits what came before
   * (dissertation, 3.6.2 and 6.4).
   */
  void start() {
    append(List.of(LogEntry.noop(firstIndex, core.term)));
    forceConfiguration();
    replication.heartbeat();
    replication.replicateToAll();
  }

  /** A configuration goes out when it is forced, and counts when an entry of our term is, too. */
  private void forceConfiguration() {
    if (core.log.configurationIndex() > core.committedFloor()) {
      long index = Math.max(core.log.configurationIndex(), firstIndex);
      replication.forceWantedIndex = Math.max(replication.forceWantedIndex, index);
      core.askForce(index);
    }
  }

  /** Our own log is forced further. */
  void forced() {
    replication.replicateToAll();
    advance();
  }

  private void append(List<LogEntry> entries) {
    core.append(0, entries);
    entries.forEach(entry -> uncommittedBytes += entry.sizeBytes());
  }

  /** False if the quorum is lost and the leader has to step down (dissertation, 6.2). */
  boolean tick(long stallMs) {
    for (Progress member : replication.members().values()) {
      // Who was heard after the pause and before this tick wasn't heard later than now.
      member.heardMs = Math.min(member.heardMs + stallMs, core.nowMs);
    }
    if (transferTarget.isPresent() && core.nowMs >= transferDeadlineMs) {
      transferTarget = Optional.empty();
    }
    long silentMs = core.nowMs - quorum.heardMs();
    if (silentMs < lastSilentMs) {
      core.slowness.heardAfter(lastSilentMs);
    }
    lastSilentMs = silentMs;
    long patienceMs = core.config.quorumTimeoutMs() + core.slowness.patienceMs();
    if (silentMs >= patienceMs && !demotePartner()) {
      return false;
    }
    replication.tick();
    return true;
  }

  /** The pair rule; false if it doesn't apply. */
  private boolean demotePartner() {
    Configuration now = core.configuration();
    int committedVoters = core.log.configurationAt(core.commitIndex).voters().size();
    boolean ownTerm = isOwnTermCommitted() || core.has(Fault.CHANGE_BEFORE_OWN_TERM);
    if (now.voters().size() != 2 || committedVoters > 2 || !ownTerm) {
      return false;
    }
    transferTarget = Optional.empty();
    Endpoint partner = now.voters().get(now.voters().getFirst().equals(core.self) ? 1 : 0);
    changeTo(
        MembershipRules.apply(now, new Demote(partner))
            .or(() -> MembershipRules.apply(now, new Remove(partner)))
            .orElseThrow());
    return true;
  }

  boolean isOwnTermCommitted() {
    return core.commitIndex >= firstIndex;
  }

  /** What only a leader does anything about. */
  void on(Event event) {
    if (event instanceof Event.Propose propose) {
      propose(propose.proposals());
    } else if (event instanceof Event.Read read) {
      read(read.id());
    } else if (event instanceof Event.ChangeMembership change) {
      change(change.id(), change.change());
    } else if (event instanceof Event.Force force) {
      force(force.upToIndex());
    } else if (event instanceof Event.TransferLeadership transfer) {
      transferTo(transfer.target());
    } else if (event instanceof Event.SnapshotBytes piece) {
      replication.snapshotBytes(piece);
    } else if (event instanceof Event.SnapshotUnavailable gone) {
      replication.snapshotUnavailable(gone.to(), gone.snapshotIndex());
    }
  }

  /** Rises as the other members write and force entries. */
  long movedCount() {
    return replication.members().values().stream()
        .mapToLong(member -> member.matchIndex + member.forcedIndex)
        .sum();
  }

  private void propose(List<Proposal> proposals) {
    List<LogEntry> entries = new ArrayList<>();
    List<Effect> answers = new ArrayList<>();
    long bytes = 0;
    for (Proposal proposal : proposals) {
      long sizeBytes = LogEntry.OVERHEAD_BYTES + (long) proposal.payload().length;
      Optional<Rejection> refused = refuse(proposal, bytes + sizeBytes, entries.size());
      if (refused.isPresent()) {
        answers.add(new Effect.ProposalRejected(proposal.id(), refused.get(), core.leader));
        continue;
      }
      long index = core.log.lastIndex() + 1 + entries.size();
      bytes += sizeBytes;
      entries.add(new LogEntry(index, core.term, LogEntry.Kind.COMMAND, proposal.payload()));
      answers.add(new Effect.ProposalAccepted(proposal.id(), index, core.term));
      if (proposal.force()) {
        replication.forceWantedIndex = index;
      }
    }
    if (!entries.isEmpty()) {
      append(entries);
      core.askForce(replication.forceWantedIndex);
      replication.replicateToAll();
    }
    answers.forEach(core.out::add);
  }

  private Optional<Rejection> refuse(Proposal proposal, long bytes, int entryCount) {
    if (proposal.payload().length > LogEntry.PAYLOAD_BYTES_MAX) {
      return Optional.of(Rejection.TOO_LARGE);
    }
    if (transferTarget.isPresent()) {
      return Optional.of(Rejection.TRANSFERRING);
    }
    boolean full =
        uncommittedBytes + bytes > core.config.uncommittedBytesMax()
            || core.log.entryCount() + entryCount >= core.config.logEntriesMax()
            || core.isLogFull(bytes);
    return full ? Optional.of(Rejection.BUSY) : Optional.empty();
  }

  private void read(long id) {
    if (reads.begin(id, isOwnTermCommitted(), quorum, replication.lastRound())) {
      replication.heartbeat();
    }
    releaseReads();
  }

  private void releaseReads() {
    if (reads.release(quorum, replication.lastRound())) {
      replication.heartbeat();
    }
  }

  void rejectReads(Rejection reason) {
    reads.rejectAll(reason);
  }

  long leaseUntilMs() {
    return isOwnTermCommitted() ? reads.leaseUntilMs(quorum) : Long.MIN_VALUE;
  }

  /** Force the log up to there on a majority, and as far as the first entry of our term. */
  private void force(long upToIndex) {
    long index = Math.min(Math.max(upToIndex, firstIndex), core.log.lastIndex());
    if (index > replication.forceWantedIndex) {
      replication.forceWantedIndex = index;
      core.askForce(index);
      replication.heartbeat();
    }
    announceForced();
  }

  /** A reply of a member, in the current term. */
  void onReply(RaftMessage reply) {
    Progress member = memberOf(reply.header().from());
    if (member == null) {
      return;
    }
    member.heardMs = core.nowMs;
    switch (reply) {
      case RaftMessage.AppendAccepted m -> replication.onAppendAccepted(member, m);
      case RaftMessage.AppendRejected m -> replication.onAppendRejected(member, m);
      case RaftMessage.HeartbeatReply m -> replication.onHeartbeatReply(member, m);
      case RaftMessage.InstallSnapshotReply m -> replication.onInstallSnapshotReply(member, m);
      case RaftMessage.PreVoteRequest m -> {}
      case RaftMessage.PreVoteReply m -> {}
      case RaftMessage.VoteRequest m -> {}
      case RaftMessage.VoteReply m -> {}
      case RaftMessage.Append m -> {}
      case RaftMessage.Heartbeat m -> {}
      case RaftMessage.InstallSnapshot m -> {}
      case RaftMessage.TimeoutNow m -> {}
      case RaftMessage.TermRequest m -> {}
      case RaftMessage.TermReply m -> {}
    }
    advance();
  }

  private Progress memberOf(Endpoint from) {
    if (core.has(Fault.COUNT_ANYBODY)) {
      return replication.members().values().stream()
          .filter(member -> member.endpoint.node().equals(from.node()))
          .findFirst()
          .orElse(null);
    }
    return replication.members().get(from);
  }

  /** Commits, answers and hands over what has become possible. */
  void advance() {
    long written = quorum.writtenIndex();
    // An entry of an older term is committed by one of our own behind it (dissertation, 3.6.2).
    boolean isOfOwnTerm =
        core.log.termAt(written) == core.term || core.has(Fault.COUNT_OLDER_TERMS);
    if (written > core.commitIndex && isOfOwnTerm) {
      boolean wasCommitted = isOwnTermCommitted();
      uncommittedBytes -= core.log.bytesBetween(core.commitIndex, written);
      core.commitTo(written);
      Invariants.check(uncommittedBytes >= 0, "uncommitted bytes: was=%s", uncommittedBytes);
      if (!wasCommitted && isOwnTermCommitted()) {
        reads.drainEarly().forEach(this::read);
      }
    }
    announceForced();
    releaseReads();
    handOver();
  }

  /**
   * Like a commit, a force counts from the first entry of our term. <i>Event: an entry of an older
   * term is forced at two of three, ours behind it is only written there; both lose power and ours
   * with it. The third has an entry of a term in between, so all votes make it the founder of the
   * next log, without what an fsync rested on.</i>
   */
  private void announceForced() {
    long forced = Math.min(quorum.forcedIndex(), core.commitIndex);
    boolean isOfOwnTerm = forced >= firstIndex || core.has(Fault.COUNT_FORCED_OLDER_TERMS);
    if (forced > forcedAtMajority && isOfOwnTerm) {
      forcedAtMajority = forced;
      core.out.add(new Effect.ForcedAtMajority(forced));
    }
  }

  private void change(long id, MembershipChange change) {
    Optional<Rejection> refused = rejection();
    if (refused.isEmpty()) {
      refused = unfit(change);
    }
    Optional<Configuration> next = MembershipRules.apply(core.configuration(), change);
    if (refused.isEmpty() && next.isEmpty()) {
      refused = Optional.of(Rejection.INVALID);
    }
    if (refused.isEmpty() && !couldDecide(next.get())) {
      refused = Optional.of(Rejection.NO_QUORUM);
    }
    if (refused.isPresent()) {
      core.out.add(new Effect.ProposalRejected(id, refused.get(), core.leader));
      return;
    }
    changeTo(next.get());
    core.out.add(new Effect.ProposalAccepted(id, core.log.lastIndex(), core.term));
  }

  /**
   * A configuration that couldn't be committed now would block every other, for ever if one of its
   * voters is gone for good.
   */
  private boolean couldDecide(Configuration next) {
    long heard =
        next.voters().stream()
            .filter(
                voter -> {
                  Progress member = replication.members().get(voter);
                  return voter.equals(core.self) || (member != null && isHeard(member));
                })
            .count();
    return heard >= next.quorum();
  }

  private boolean isHeard(Progress member) {
    return core.isHeardLately(member);
  }

  /**
   * Why no change at all is possible now: one at a time (dissertation, 4.1), and none before an
   * entry of the own term is committed.
   */
  private Optional<Rejection> rejection() {
    if (!isOwnTermCommitted() && !core.has(Fault.CHANGE_BEFORE_OWN_TERM)) {
      return Optional.of(Rejection.NO_COMMIT_IN_TERM);
    }
    if (core.log.configurationIndex() > core.commitIndex
        && !core.has(Fault.CHANGE_BEFORE_OWN_TERM)) {
      return Optional.of(Rejection.CHANGE_PENDING);
    }
    return transferTarget.isPresent() ? Optional.of(Rejection.TRANSFERRING) : Optional.empty();
  }

  /** Why this change is not possible now. */
  private Optional<Rejection> unfit(MembershipChange change) {
    return switch (change) {
      case MembershipChange.Promote promote -> {
        Progress member = replication.members().get(promote.endpoint());
        if (member == null) {
          yield Optional.of(Rejection.INVALID);
        }
        yield isCaughtUp(member) ? Optional.empty() : Optional.of(Rejection.NOT_CAUGHT_UP);
      }
      case MembershipChange.Demote demote -> unlessSelf(demote.endpoint());
      case MembershipChange.Remove remove -> unlessSelf(remove.endpoint());
      case MembershipChange.AddFollower add -> unlessSelf(add.endpoint());
    };
  }

  /** A leader never drops its own vote: it hands over first (dissertation, 4.2.2). */
  private Optional<Rejection> unlessSelf(Endpoint endpoint) {
    return endpoint.equals(core.self) ? Optional.of(Rejection.INVALID) : Optional.empty();
  }

  /** A member gets a vote when it can take part at once (dissertation, 4.2.1). */
  private boolean isCaughtUp(Progress member) {
    return member.matchIndex >= core.commitIndex - core.config.promoteLagEntries()
        && member.matchIndex >= core.log.baseIndex()
        && member.matchIndex > 0
        && isHeard(member);
  }

  private void changeTo(Configuration next) {
    append(List.of(LogEntry.configuration(core.log.lastIndex() + 1, core.term, next)));
    replication.configurationChanged();
    forceConfiguration();
    replication.heartbeat();
    replication.replicateToAll();
    advance();
  }

  /** Hands leadership over when the target's log equals ours (dissertation, 3.10). */
  private void transferTo(Endpoint target) {
    if (target.equals(core.self)
        || !core.configuration().isVoter(target)
        || transferTarget.isPresent()) {
      return;
    }
    transferTarget = Optional.of(target);
    transferDeadlineMs =
        core.nowMs + core.config.electionTimeoutMinMs() + core.slowness.electionMs(0);
    hasAskedSuccessor = false;
    handOver();
  }

  private void handOver() {
    if (transferTarget.isEmpty() || hasAskedSuccessor) {
      return;
    }
    Progress target = replication.members().get(transferTarget.get());
    if (target == null || !core.configuration().isVoter(target.endpoint)) {
      transferTarget = Optional.empty();
    } else if (target.matchIndex == core.log.lastIndex()) {
      hasAskedSuccessor = true;
      if (!core.has(Fault.KEEP_LEASE_OF_SUCCEEDED)) {
        reads.voidLease();
      }
      core.out.send(new RaftMessage.TimeoutNow(core.to(target.endpoint)));
    }
  }

  long lowestOutgoingSnapshot() {
    return replication.lowestOutgoingSnapshot();
  }

  List<MemberStatus> members() {
    List<MemberStatus> all = new ArrayList<>();
    for (Progress member : replication.members().values()) {
      all.add(
          new MemberStatus(
              member.endpoint,
              core.configuration().isVoter(member.endpoint),
              member.matchIndex,
              member.forcedIndex,
              Math.max(0, core.nowMs - member.heardMs),
              isCaughtUp(member)));
    }
    return all;
  }
}
