package holdfast.consensus;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.AppendRejected;
import holdfast.consensus.RaftMessage.Heartbeat;
import holdfast.consensus.RaftMessage.InstallSnapshot;
import holdfast.consensus.RaftMessage.PreVoteReply;
import holdfast.consensus.RaftMessage.PreVoteRequest;
import holdfast.consensus.RaftMessage.TermReply;
import holdfast.consensus.RaftMessage.TermRequest;
import holdfast.consensus.RaftMessage.TimeoutNow;
import holdfast.consensus.RaftMessage.VoteReply;
import holdfast.consensus.RaftMessage.VoteRequest;
import holdfast.model.LogId;
import holdfast.util.Invariants;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One endpoint's part in one log: Raft without threads, clock, network or disk. The package's
 * description lists what the driver owes it. Not thread-safe.
 *
 * <p>A broken invariant is thrown as {@link Invariants.Violation}: the driver stops the node.
 */
public final class RaftCore {
  private final CoreState core;
  private final SnapshotIntake intake;
  private final Elections elections;
  private LostVote lostVote;
  private Leading leading;

  /**
   * A core that goes on from what its store holds.
   *
   * @param initial forced before this call
   * @param nowMs monotonic milliseconds, as {@link #step} counts them
   */
  public RaftCore(
      RaftConfig config,
      Endpoint self,
      LogId logId,
      InitialState initial,
      RandomSource random,
      long nowMs) {
    this(config, self, logId, initial, random, EnumSet.noneOf(Fault.class), nowMs);
  }

  RaftCore(
      RaftConfig config,
      Endpoint self,
      LogId logId,
      InitialState initial,
      RandomSource random,
      Set<Fault> faults,
      long nowMs) {
    core = new CoreState(config, self, logId, initial, random, faults, nowMs);
    intake = new SnapshotIntake(core);
    elections = new Elections(core);
    lostVote = new LostVote(core);
  }

  /**
   * The founder of a log that goes on from where another ended: it leads at once, in the term and
   * by the vote that {@code initial} ({@link InitialState#after}) says and that is forced already.
   * Nobody else can have been given a vote in a log that only it knows of.
   */
  public static RaftCore founder(
      RaftConfig config,
      Endpoint self,
      LogId logId,
      InitialState initial,
      RandomSource random,
      long nowMs) {
    return founder(config, self, logId, initial, random, EnumSet.noneOf(Fault.class), nowMs);
  }

  static RaftCore founder(
      RaftConfig config,
      Endpoint self,
      LogId logId,
      InitialState initial,
      RandomSource random,
      Set<Fault> faults,
      long nowMs) {
    Invariants.check(
        initial.hardState().votedFor().equals(Optional.of(self)) && initial.entries().isEmpty(),
        "found log: expected=an own vote and no entry, was=%s",
        initial.hardState());
    var founder = new RaftCore(config, self, logId, initial, random, faults, nowMs);
    founder.lead();
    return founder;
  }

  /**
   * Takes one event and says what is to be done about it, in order.
   *
   * @param nowMs monotonic milliseconds, read right before this call; never lower than before
   */
  public List<Effect> step(long nowMs, Event event) {
    Invariants.check(nowMs >= core.nowMs, "step: expected=>= %s ms, was=%s", core.nowMs, nowMs);
    core.nowMs = nowMs;
    if (core.role == Role.STOPPED) {
      rejectIfAsked(event, Rejection.STOPPED);
    } else if (core.role == Role.ENDED) {
      rejectIfAsked(event, Rejection.NOT_LEADER);
    } else {
      handle(event);
    }
    return core.out.take();
  }

  private void handle(Event event) {
    switch (event) {
      case Event.Tick tick -> tick();
      case Event.Receive receive -> receive(receive.message());
      case Event.PersistDone done -> persistDone(done.ticket());
      case Event.LogForced forced -> logForced(forced);
      case Event.PersistFailed failed -> stop();
      case Event.AcceptDamage accepted -> elections.acceptDamage();
      case Event.Lost lost -> lost(lost.recovery());
      case Event.SnapshotTaken taken -> snapshotTaken(taken.meta());
      case Event.SnapshotChunkStored stored ->
          intake.chunkStored(stored.snapshotIndex(), stored.nextOffset());
      case Event.SnapshotReceived received -> intake.received(received.meta());
      case Event.SnapshotFailed failed -> intake.failed(failed.snapshotIndex());
      case Event.Propose p -> askLeader(event);
      case Event.Read r -> askLeader(event);
      case Event.ChangeMembership c -> askLeader(event);
      case Event.Force f -> askLeader(event);
      case Event.TransferLeadership t -> askLeader(event);
      case Event.SnapshotBytes s -> askLeader(event);
      case Event.SnapshotUnavailable s -> askLeader(event);
    }
  }

  /** Events that only a leader does anything about. */
  private void askLeader(Event event) {
    if (leading == null) {
      rejectIfAsked(event, Rejection.NOT_LEADER);
    } else {
      leading.on(event);
    }
  }

  private void rejectIfAsked(Event event, Rejection reason) {
    if (event instanceof Event.Propose propose) {
      for (Proposal proposal : propose.proposals()) {
        core.out.add(new Effect.ProposalRejected(proposal.id(), reason, core.leader));
      }
    } else if (event instanceof Event.Read read) {
      core.out.add(new Effect.ReadRejected(read.id(), reason, core.leader));
    } else if (event instanceof Event.ChangeMembership change) {
      core.out.add(new Effect.ProposalRejected(change.id(), reason, core.leader));
    }
  }

  private void tick() {
    // A step that comes late (a pause of this process) tells nothing about the others.
    long stallMs = core.slowness.lateMs();
    long awakeMs = core.slowness.tick() - stallMs;
    if (leading != null && !leading.tick(stallMs)) {
      follow(core.term, Optional.empty(), Effect.Cause.QUORUM_LOST);
    }
    lostVote.tick();
    elections.tick(awakeMs, stallMs);
  }

  private void persistDone(long ticket) {
    core.out.done(ticket, core.term);
    core.slowness.written(ticket);
    if (core.role == Role.CANDIDATE) {
      settle(elections.outcomeAfterWrite());
    } else if (leading != null) {
      leading.advance();
    } else {
      core.following.written();
    }
  }

  private void settle(Ballot.Outcome outcome) {
    switch (outcome) {
      case OPEN -> {}
      case WON -> lead();
      case WON_BY_ALL -> {
        if (core.has(Fault.GO_ON_IN_OLD_LOG)) {
          lead();
        } else {
          endLog();
        }
      }
    }
  }

  /**
   * Every voter has given this endpoint its vote and remembers it, so nobody else can lead in this
   * log any more; what it holds, committed or not, is what the next log begins with.
   */
  private void endLog() {
    core.setRole(Role.ENDED, Optional.empty(), Effect.Cause.ELECTED_BY_ALL);
    core.deliverRest();
    var base =
        new SnapshotMeta(
            core.log.lastIndex(), core.log.lastTerm(), core.configuration().ledBy(core.self));
    core.out.add(new Effect.LogEnded(base, core.term));
  }

  private void logForced(Event.LogForced forced) {
    long before = core.forcedIndex;
    if (core.logForced(forced.index(), forced.term())) {
      if (leading != null) {
        leading.forced();
      } else {
        core.following.logForced(before);
      }
    }
  }

  /** What waited for a write acknowledged without a word of the loss: it isn't sent any more. */
  private void lost(Recovery recovery) {
    core.out.dropDeferred();
    follow(core.term, Optional.empty(), Effect.Cause.STORE_LOST);
    elections.lost(core.recovery);
    core.lost(recovery);
    core.following.lost();
    lostVote = new LostVote(core);
  }

  private void stop() {
    core.out.drop();
    if (leading != null) {
      leading.rejectReads(Rejection.STOPPED);
      leading = null;
    }
    core.setRole(Role.STOPPED, Optional.empty(), Effect.Cause.STORE_FAILED);
  }

  private void snapshotTaken(SnapshotMeta meta) {
    if (meta.index() <= core.snapshot.index()) {
      return;
    }
    Invariants.check(
        meta.index() <= core.commitIndex,
        "take snapshot: expected=at most commit %s, was=%s",
        core.commitIndex,
        meta.index());
    long outgoing = leading == null ? Long.MAX_VALUE : leading.lowestOutgoingSnapshot();
    long keepBytes = core.config.retainBytes();
    if (outgoing < Long.MAX_VALUE) {
      keepBytes = core.config.logBytesMax() / 4;
    }
    long floor = outgoing < Long.MAX_VALUE ? Math.min(outgoing, meta.index()) : 0;
    core.snapshotTaken(meta, core.log.lowestWithin(floor, meta.index(), keepBytes));
  }

  private void receive(RaftMessage message) {
    RaftMessage.Header header = message.header();
    if (!header.logId().equals(core.logId)
        || !(header.to().equals(core.self) || core.has(Fault.COUNT_ANYBODY))
        || header.from().node().equals(core.self.node())) {
      return;
    }
    if (message instanceof TermRequest request) {
      lostVote.onRequest(request);
      return;
    }
    if (!core.isVoteKnown() && !(message instanceof TermReply)) {
      lostVote.onOther(header.from());
      return;
    }
    if (message instanceof PreVoteRequest request) {
      elections.onPreVoteRequest(request);
      return;
    }
    if (message instanceof VoteRequest request && elections.ignores(request)) {
      return;
    }
    // Whoever hears of a higher term follows in it (dissertation, 3.3).
    if (header.term() > core.term) {
      follow(header.term(), Optional.empty(), Effect.Cause.HIGHER_TERM);
    }
    // A pre-vote is answered in the own term, which may be lower than ours.
    if (header.term() < core.term
        && !(message instanceof PreVoteReply || message instanceof TermReply)) {
      refuseOldLeader(message);
      return;
    }
    dispatch(message);
  }

  /** A leader of an earlier term learns so from any message of ours. */
  private void refuseOldLeader(RaftMessage message) {
    if (message instanceof Append
        || message instanceof Heartbeat
        || message instanceof InstallSnapshot) {
      core.out.send(new AppendRejected(core.to(message.header().from()), 0, 0, 0));
    }
  }

  private void dispatch(RaftMessage message) {
    switch (message) {
      case PreVoteRequest m -> {}
      case PreVoteReply m -> elections.onPreVoteReply(m);
      case VoteRequest m -> elections.onVoteRequest(m);
      case VoteReply m -> settle(elections.outcomeWith(m));
      case Append m -> {
        hearLeader(m.header().from());
        core.following.onAppend(m);
      }
      case Heartbeat m -> {
        hearLeader(m.header().from());
        core.following.onHeartbeat(m);
      }
      case InstallSnapshot m -> {
        hearLeader(m.header().from());
        intake.onInstallSnapshot(m);
      }
      case TimeoutNow m -> { // The leader hands over (dissertation, 3.10).
        if (core.role == Role.FOLLOWER && core.isVoter()) {
          elections.campaign(true);
        }
      }
      case RaftMessage.AppendAccepted m -> reply(m);
      case AppendRejected m -> reply(m);
      case RaftMessage.HeartbeatReply m -> reply(m);
      case RaftMessage.InstallSnapshotReply m -> reply(m);
      case TermRequest m -> {}
      case TermReply m -> lostVote.onReply(m);
    }
  }

  private void reply(RaftMessage message) {
    if (leading != null) {
      leading.onReply(message);
    }
  }

  private void hearLeader(Endpoint from) {
    Invariants.check(
        core.role != Role.LEADER && core.leader.map(from::equals).orElse(true),
        "hear leader of term %s: expected=%s, was=%s",
        core.term,
        core.role == Role.LEADER ? core.self : core.leader,
        from);
    if (core.leader.isEmpty() || core.role != Role.FOLLOWER) {
      core.setRole(Role.FOLLOWER, Optional.of(from), Effect.Cause.LEADER_HEARD);
    }
    elections.leaderHeard(from);
  }

  private void follow(long term, Optional<Endpoint> leader, Effect.Cause cause) {
    if (leading != null) {
      leading.rejectReads(Rejection.NOT_LEADER);
      leading = null;
    }
    if (term > core.term) {
      core.setTerm(term, Optional.empty());
    }
    core.setRole(Role.FOLLOWER, leader, cause);
  }

  /** Wins the election: leads in this term (dissertation, 3.4). */
  private void lead() {
    core.setRole(Role.LEADER, Optional.of(core.self), Effect.Cause.ELECTED);
    core.recovered(); // Whoever wins has all that was committed.
    elections.leads();
    leading = new Leading(core);
    leading.start();
    leading.advance();
  }

  /** What this endpoint may still lack of what it once had. */
  public Recovery recovery() {
    return core.recovery;
  }

  /**
   * Whether term and vote are the last ones given. Until then none is given, so whatever vote there
   * is once they are known was given since the loss.
   */
  public boolean isVoteKnown() {
    return core.isVoteKnown();
  }

  /** Whether the operator has accepted that something may be missing here. */
  public boolean isDamageAccepted() {
    return elections.isDamageAccepted();
  }

  /** What this endpoint does at the moment. */
  public Role role() {
    return core.role;
  }

  /** The current term. */
  public long term() {
    return core.term;
  }

  /** A term that is on disk: the current one, or an earlier one while that is being written. */
  public long durableTerm() {
    return core.out.durableTerm();
  }

  /** Who leads the current term, as far as known here. */
  public Optional<Endpoint> leader() {
    return core.leader;
  }

  /** The configuration in force here: the last one in the log, committed or not. */
  public Configuration configuration() {
    return core.configuration();
  }

  /** Everything up to here is committed in this log, as far as known here. */
  public long commitIndex() {
    return core.committedIndex();
  }

  /** The end of the log, written or not. */
  public long lastIndex() {
    return core.log.lastIndex();
  }

  /** The term of the entry at the end of the log. */
  public long lastTerm() {
    return core.log.lastTerm();
  }

  /** Whom this endpoint voted for in its term. */
  public Optional<Endpoint> votedFor() {
    return core.votedFor;
  }

  /** The log this is a part of. */
  public LogId logId() {
    return core.logId;
  }

  /** The log as it is has been forced up to here. */
  public long forcedIndex() {
    return core.forcedIndex;
  }

  /**
   * Until when nobody else can lead, in the clock of {@code step}; a leader grants no lease to
   * anybody beyond it. Long past if there is no lease.
   */
  public long leaseUntilMs() {
    return leading == null ? Long.MIN_VALUE : leading.leaseUntilMs();
  }

  /** By how much longer than usual others may be silent before they count as gone. */
  public long patienceMs() {
    return core.slowness.patienceMs();
  }

  /** In so many ms without a leader an election should have been won, one that failed included. */
  public long electionsMs() {
    return 2 * (core.config.electionTimeoutMaxMs() + core.slowness.electionMs(0));
  }

  /** Rises as entries are written, forced and committed, here and at those whom this one leads. */
  public long movedCount() {
    long others = leading == null ? 0 : leading.movedCount();
    return core.commitIndex + core.forcedIndex + core.out.writtenIndex() + others;
  }

  /** What a leader knows about the other members; empty elsewhere. */
  public List<MemberStatus> members() {
    return leading == null ? List.of() : leading.members();
  }

  /** What a snapshot of the state at this applied index stands for; not before the last one. */
  public SnapshotMeta snapshotMeta(long appliedIndex) {
    Invariants.check(
        appliedIndex >= core.snapshot.index() && appliedIndex <= core.commitIndex,
        "describe snapshot: expected=%s to %s, was=%s",
        core.snapshot.index(),
        core.commitIndex,
        appliedIndex);
    return new SnapshotMeta(
        appliedIndex, core.log.termAt(appliedIndex), core.log.configurationAt(appliedIndex));
  }

  /** Snapshots of a lower index may be deleted. */
  public long oldestSnapshotInUse() {
    long outgoing = leading == null ? Long.MAX_VALUE : leading.lowestOutgoingSnapshot();
    return Math.min(outgoing, core.snapshot.index());
  }
}
