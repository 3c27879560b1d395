package holdfast.consensus;

import holdfast.model.LogId;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What the parts of a core share: term, vote, log, commit and forced index. Here so that each part
 * can be read alone, and every change of these is made, checked and announced in one place.
 */
final class CoreState {
  final RaftConfig config;
  final Endpoint self;
  final LogId logId;
  final RandomSource random;
  final Set<Fault> faults;
  final RaftLog log;
  final Outbox out;
  final Slowness slowness;
  long nowMs;
  long term;
  Optional<Endpoint> votedFor;

  /** What this endpoint may have lost, until it has it again. */
  Recovery recovery;

  /** Whether term and vote are known to be the last ones given; until then none is given. */
  private boolean isVoteKnown;

  /** Everything up to here is committed; durable, and so never more than the truth. */
  private long knownCommitted;

  /** What was committed when the rest of a log that ends was delivered. */
  private long committedAtEnd = Long.MAX_VALUE;

  private List<Endpoint> promised;

  /** What this endpoint knows of the log of this term's leader. */
  Following following;

  Role role = Role.FOLLOWER;
  Optional<Endpoint> leader = Optional.empty();
  long commitIndex;
  long forcedIndex;
  SnapshotMeta snapshot;
  private long forceAskedIndex;
  private long announcedConfigurationIndex = -1;
  private long bytesSinceSnapshot;
  private boolean isSnapshotAsked;

  CoreState(
      RaftConfig config,
      Endpoint self,
      LogId logId,
      InitialState initial,
      RandomSource random,
      Set<Fault> faults,
      long nowMs) {
    this.nowMs = nowMs;
    this.config = config;
    this.self = self;
    this.logId = logId;
    this.random = random;
    this.faults = faults;
    term = initial.hardState().term();
    votedFor = initial.hardState().votedFor();
    promised = initial.hardState().promised();
    snapshot = initial.snapshot();
    recovery = initial.recovery();
    isVoteKnown = !recovery.isVoteLost() || faults.contains(Fault.VOTE_AFTER_LOST_VOTE);
    log = new RaftLog(snapshot);
    boolean joins = restore(initial.entries());
    knownCommitted =
        Math.max(snapshot.index(), Math.min(initial.hardState().committedIndex(), log.lastIndex()));
    if (term < log.lastTerm()) {
      // A snapshot is written beside term and vote: one of a newer term may have come to the disk
      // first. No vote can have been given in that term: it would be there.
      term = log.lastTerm();
      votedFor = Optional.empty();
    }
    out = new Outbox(log.lastIndex(), initial.hardState().term(), faults);
    slowness = new Slowness(this);
    commitIndex = snapshot.index();
    following = new Following(this);
    forcedIndex = log.lastIndex();
    if (!joins) {
      out.resetLog(snapshot);
    }
    announceConfiguration();
  }

  /** Takes the entries after the snapshot; false if they don't join on to it and were dropped. */
  private boolean restore(List<LogEntry> entries) {
    if (entries.isEmpty()) {
      return true;
    }
    long first = entries.getFirst().index();
    long last = entries.getLast().index();
    Invariants.check(
        last - first + 1 == entries.size(), "start core: expected=no gap in %s to %s", first, last);
    if (first > snapshot.index() + 1 || last < snapshot.index()) {
      return false;
    }
    if (first <= snapshot.index()
        && entries.get((int) (snapshot.index() - first)).term() != snapshot.term()) {
      return false;
    }
    entries.stream().filter(entry -> entry.index() > snapshot.index()).forEach(log::append);
    return true;
  }

  boolean has(Fault fault) {
    return faults.contains(fault);
  }

  /** The newest in the log, committed or not (dissertation, 4.1). */
  Configuration configuration() {
    return log.configuration();
  }

  /**
   * The configurations that may have committed something this endpoint doesn't know of: from the
   * last one known to be committed to the newest, in this order.
   */
  List<Configuration> openConfigurations() {
    return log.configurationsFrom(Math.max(commitIndex, knownCommitted));
  }

  /** Who may have ended the log by this endpoint's vote, since it last heard from a leader. */
  List<Endpoint> promised() {
    return promised;
  }

  /** Durable with the next write of term and vote; false if there are too many already. */
  boolean promise(Endpoint candidate) {
    if (promised.contains(candidate)) {
      return true;
    }
    if (promised.size() == HardState.PROMISED_MAX) {
      return false;
    }
    List<Endpoint> more = new ArrayList<>(promised);
    more.add(candidate);
    promised = List.copyOf(more);
    return true;
  }

  /** Somebody leads, so none of them has ended the log. */
  void forgetPromises() {
    if (!promised.isEmpty()) {
      promised = List.of();
      persistHardState(false);
    }
  }

  boolean isVoteKnown() {
    return isVoteKnown;
  }

  /** Whether a member was heard lately enough to count on it. */
  boolean isHeardLately(Progress member) {
    return nowMs - member.heardMs < config.electionTimeoutMinMs() + slowness.patienceMs();
  }

  /** Nobody was given a vote in this term or a later one. */
  void voteKnown(long freshTerm) {
    isVoteKnown = true;
    setTerm(freshTerm, Optional.empty());
  }

  /** Something may be missing from now on. */
  void lost(Recovery loss) {
    recovery = loss;
    isVoteKnown = !loss.isVoteLost();
  }

  /** What was lost is here again, or in nobody's log. */
  void recovered() {
    if (recovery.isNeeded()) {
      out.add(new Effect.Recovered(recovery.nonce()));
      recovery = Recovery.NONE;
    }
  }

  /** Whether this endpoint follows that leader in this term. */
  boolean follows(Endpoint endpoint) {
    return role == Role.FOLLOWER && leader.equals(Optional.of(endpoint));
  }

  boolean isVoter() {
    return configuration().isVoter(self);
  }

  RaftMessage.Header to(Endpoint to) {
    return new RaftMessage.Header(logId, self, to, term);
  }

  void setRole(Role newRole, Optional<Endpoint> newLeader, Effect.Cause cause) {
    boolean changed = role != newRole || !leader.equals(newLeader) || announcedTerm != term;
    role = newRole;
    leader = newLeader;
    announcedTerm = term;
    if (changed) {
      out.add(new Effect.RoleChanged(role, term, leader, cause));
    }
  }

  private long announcedTerm;

  void setTerm(long newTerm, Optional<Endpoint> vote) {
    Invariants.check(newTerm >= term, "set term: expected=>= %s, was=%s", term, newTerm);
    Invariants.check(
        newTerm > term || votedFor.isEmpty() || votedFor.equals(vote) || has(Fault.VOTE_TWICE),
        "vote in term %s: expected=%s, was=%s",
        term,
        votedFor,
        vote);
    if (newTerm > term) {
      term = newTerm;
      following = new Following(this);
    }
    votedFor = vote;
    if (!(has(Fault.VOTE_NOT_PERSISTED) && vote.isPresent())) {
      persistHardState(true);
    }
  }

  private void persistHardState(boolean isPromised) {
    slowness.writeBegun(
        out.persistHardState(new HardState(term, votedFor, knownCommitted, promised), isPromised));
  }

  /** Appends entries at the end of the log, after cutting it at {@code truncateFrom} if &gt; 0. */
  void append(long truncateFrom, List<LogEntry> entries) {
    if (truncateFrom > 0) {
      Invariants.check(
          truncateFrom > commitIndex,
          "cut log: expected=after commit %s, was=%s",
          commitIndex,
          truncateFrom);
      log.truncateFrom(truncateFrom);
      forcedIndex = Math.min(forcedIndex, truncateFrom - 1);
      forceAskedIndex = Math.min(forceAskedIndex, truncateFrom - 1);
      announcedConfigurationIndex =
          announcedConfigurationIndex >= truncateFrom ? -1 : announcedConfigurationIndex;
    }
    entries.forEach(log::append);
    out.appendEntries(truncateFrom, entries);
    announceConfiguration();
  }

  private void announceConfiguration() {
    if (announcedConfigurationIndex != log.configurationIndex()) {
      announcedConfigurationIndex = log.configurationIndex();
      out.add(new Effect.ConfigurationChanged(announcedConfigurationIndex, configuration()));
    }
  }

  /** Whether another entry of this size would exceed the log's bounds. */
  boolean isLogFull(long moreBytes) {
    return log.entryCount() >= config.logEntriesMax()
        || log.sizeBytes() + moreBytes > config.logBytesMax();
  }

  /** Delivers what is newly committed; {@code index} is in the log. */
  void commitTo(long index) {
    if (index <= commitIndex) {
      return;
    }
    deliver(index);
    if (log.configurationIndex() > knownCommitted && log.configurationIndex() <= index) {
      knownCommitted = index;
      persistHardState(false);
    }
    if (!isSnapshotAsked
        && (commitIndex - snapshot.index() >= config.snapshotEntries()
            || bytesSinceSnapshot >= config.snapshotBytes())) {
      isSnapshotAsked = true;
      out.add(new Effect.SnapshotWanted());
    }
  }

  /**
   * Delivers the rest of a log that ends here. The next log begins with it, but in this one it is
   * not committed, and neither on disk nor to others anything may say so. <i>Events: a crash before
   * the next log is on disk. The one that is found refuses cuts, and leaves out configurations that
   * may be in force. — Others were told that it is settled, and a later leader cuts it: the folder
   * is taken for an older one at each start.</i>
   */
  void deliverRest() {
    committedAtEnd = commitIndex;
    if (log.lastIndex() > commitIndex) {
      deliver(log.lastIndex());
    }
  }

  private void deliver(long index) {
    List<LogEntry> entries = new ArrayList<>(Math.toIntExact(index - commitIndex));
    for (long i = commitIndex + 1; i <= index; i++) {
      LogEntry entry = log.entry(i);
      entries.add(entry);
      bytesSinceSnapshot += entry.sizeBytes();
    }
    commitIndex = index;
    out.add(new Effect.Commit(index, entries));
  }

  /** Asks for a force of what is there up to {@code index}, once. */
  void askForce(long index) {
    long target = Math.min(index, log.lastIndex());
    if (target > forcedIndex && target > forceAskedIndex) {
      forceAskedIndex = target;
      out.add(new Effect.ForceLog(target));
    }
  }

  /** What is committed in this log, also when it has ended and its rest was delivered. */
  long committedIndex() {
    return Math.min(commitIndex, committedAtEnd);
  }

  /** What was committed stays: nothing is cut at or before this index. */
  long committedFloor() {
    return Math.max(commitIndex, knownCommitted);
  }

  /**
   * Takes note of a force; false if the log was cut meanwhile or nothing is new. A force comes
   * after the writes that it covers, so it says nothing of what isn't written yet. <i>Event: it
   * takes seconds; meanwhile one leader cuts the log, and the next sends the same entries
   * again.</i>
   */
  boolean logForced(long index, long entryTerm) {
    boolean isWritten = index <= out.writtenIndex();
    if (index <= forcedIndex || !isWritten || log.termAt(index) != entryTerm) {
      return false;
    }
    forcedIndex = index;
    return true;
  }

  /** A snapshot of our own is durable: the log before {@code keepAfter} may go. */
  void snapshotTaken(SnapshotMeta meta, long keepAfter) {
    snapshot = meta;
    knownCommitted = Math.max(knownCommitted, meta.index());
    isSnapshotAsked = false;
    bytesSinceSnapshot = log.bytesBetween(meta.index(), commitIndex);
    long upTo = Math.min(meta.index(), keepAfter);
    if (upTo > log.baseIndex()) {
      log.compactTo(upTo);
      out.add(new Effect.CompactLog(upTo));
    }
  }

  /** Takes over a leader's snapshot that reaches beyond what is committed here. */
  void installSnapshot(SnapshotMeta meta) {
    Invariants.check(
        meta.index() > commitIndex,
        "install snapshot: expected=after commit %s, was=%s",
        commitIndex,
        meta.index());
    out.add(new Effect.InstallSnapshot(meta));
    snapshot = meta;
    isSnapshotAsked = false;
    bytesSinceSnapshot = 0;
    commitIndex = meta.index();
    knownCommitted = Math.max(knownCommitted, meta.index());
    if (log.termAt(meta.index()) == meta.term()) {
      log.compactTo(meta.index());
      out.add(new Effect.CompactLog(meta.index()));
      forcedIndex = Math.max(forcedIndex, meta.index());
    } else {
      log.reset(meta);
      out.resetLog(meta);
      forcedIndex = meta.index();
      forceAskedIndex = 0;
      announcedConfigurationIndex = -1;
    }
    announceConfiguration();
  }
}
