package holdfast.consensus;

import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A driver for one core, as the package description asks for it, on a simulated disk. */
final class SimNode {
  private record Accepted(long index, long term) {}

  private record DiskWork(Runnable work, Runnable answer) {}

  final Sim sim;
  final int number;
  SimDisk disk = new SimDisk();
  LogId logId;
  final double clockRate;
  final Endpoint endpoint;
  RaftCore core;
  long life;

  /** Up to here its disk knew of commits when it started. */
  private long knownAtStart;

  long startedMs;
  long pausedUntilMs;
  int diskLatencyMs = 3;

  /** What each write takes at least. */
  int writeMs;

  private final List<SimDisk> damaged = new ArrayList<>();
  private boolean isStepping;
  private boolean isForcing;

  /** It ends its log: what it commits now counts for the next one. */
  private boolean isEnding;

  private final Deque<DiskWork> diskQueue = new ArrayDeque<>();
  private long diskFreeMs;
  private boolean isDiskBroken;
  private final Map<Long, Long> reads = new HashMap<>();
  private final Map<Long, Accepted> accepted = new HashMap<>();
  private ByteWriter incoming;
  private long baseIndex;
  private List<LogEntry> log = new ArrayList<>();
  private long baseTerm;
  long appliedIndex;
  private long stateHash = 1;

  SimNode(Sim sim, int number, double clockRate) {
    this.sim = sim;
    this.number = number;
    this.clockRate = clockRate;
    this.logId = sim.firstLog;
    endpoint = new Endpoint(new NodeId((long) number << 59, 0, 0, 77L * number), 1);
  }

  long localMs() {
    return (long) (sim.nowMs * clockRate) + 1_000L * number;
  }

  boolean isUp() {
    return core != null;
  }

  boolean leads() {
    return isUp() && core.role() == Role.LEADER;
  }

  private Checkers checkers() {
    return sim.lineages.checkers(logId);
  }

  /** Starts the process, unless it is up. */
  void start() {
    if (!isUp()) {
      startedMs = sim.nowMs;
      InitialState initial = disk.initialState();
      run(
          initial,
          new RaftCore(
              sim.config, endpoint, logId, initial, sim.random::nextInt, sim.faults, localMs()));
    }
  }

  private void run(InitialState initial, RaftCore newCore) {
    life++;
    knownAtStart = initial.hardState().committedIndex();
    var snapshot = disk.snapshots.lastEntry();
    appliedIndex = initial.snapshot().index();
    stateHash = snapshot == null ? 1 : new ByteReader(snapshot.getValue().bytes()).u64();
    core = newCore;
    isForcing = false;
    baseIndex = initial.snapshot().index();
    baseTerm = initial.snapshot().term();
    log = new ArrayList<>(initial.entries().stream().filter(e -> e.index() > baseIndex).toList());
    if (baseIndex + log.size() != core.lastIndex()) {
      log.clear();
    }
    tick(life);
    forceRegularly(life);
  }

  private void tick(long ofLife) {
    if (ofLife == life) {
      step(new Event.Tick());
      sim.at(50, () -> tick(ofLife));
    }
  }

  private void forceRegularly(long ofLife) {
    if (ofLife == life) {
      if (!isForcing) {
        force();
      }
      sim.at(1_000, () -> forceRegularly(ofLife));
    }
  }

  /** Ends the process; some of the writes under way may still happen. */
  void kill() {
    kill(sim.random.nextInt(diskQueue.size() + 1));
  }

  /** Ends the process, with so many of the writes under way done. */
  void kill(int writeCount) {
    for (int i = 0; i < writeCount; i++) {
      diskQueue.removeFirst().work().run();
    }
    forgetProcess();
    core = null;
  }

  private void forgetProcess() {
    diskQueue.clear();
    diskFreeMs = 0;
    isDiskBroken = false;
    life++;
    pausedUntilMs = 0;
    reads.clear();
    accepted.clear();
    incoming = null;
    isEnding = false;
  }

  /** Ends the machine: what wasn't forced may be gone, and it will have to recover. */
  void powerCut() {
    kill();
    disk.powerCut(sim.random);
    disk.recovery = loss(Recovery.Cause.POWER_CUT, false);
  }

  /** Ends the machine and everything that wasn't forced. */
  void powerCutOfAllUnforced() {
    kill(0);
    disk.loseUnforced();
    disk.recovery = loss(Recovery.Cause.POWER_CUT, false);
  }

  private Recovery loss(Recovery.Cause cause, boolean isVoteLost) {
    var fresh = new Recovery(1 + sim.random.nextLong(Long.MAX_VALUE - 1), cause, isVoteLost);
    return disk.recovery.isNeeded()
        ? fresh.and(disk.recovery.cause(), disk.recovery.isVoteLost())
        : fresh;
  }

  /** The machine ends, and its folder comes back as it was when the copy was made. */
  void restore(Backup backup) {
    kill();
    damaged.add(disk);
    disk = backup.disk().copy();
    logId = backup.logId();
    disk.recovery = loss(Recovery.Cause.DAMAGE, true);
  }

  /** A copy of a node's folder, made while it was down or up. */
  record Backup(LogId logId, SimDisk disk) {}

  Backup backup() {
    return new Backup(logId, disk.copy());
  }

  /** The end of what this node holds of its log. */
  private long heldTo(boolean isTerm) {
    InitialState held = disk.held();
    boolean isEmpty = held.entries().isEmpty();
    long index = isEmpty ? held.snapshot().index() : held.entries().getLast().index();
    long term = isEmpty ? held.snapshot().term() : held.entries().getLast().term();
    return isTerm ? term : index;
  }

  /** Another node turns out to follow a log that goes on from ours: follow that one too. */
  void learn(LogId other) {
    long ofLife = life;
    if (!isUp() || core.role() == Role.STOPPED || !sim.lineages.descends(other, logId)) {
      return;
    }
    sim.at(
        1 + sim.random.nextInt(30),
        () -> {
          if (ofLife == life && pausedUntilMs <= sim.nowMs && core.role() != Role.STOPPED) {
            switchTo(other);
          }
        });
  }

  private void switchTo(LogId other) {
    int done = sim.random.nextInt(diskQueue.size() + 1);
    for (int i = 0; i < done; i++) {
      diskQueue.removeFirst().work().run();
    }
    if (!sim.lineages.holds(other, logId, heldTo(false), heldTo(true))) {
      sim.asideCount++;
    }
    Recovery kept = isMarkKept(other) ? core.recovery() : Recovery.NONE;
    forgetProcess();
    disk = new SimDisk();
    disk.recovery = kept;
    logId = other;
    InitialState initial = disk.initialState();
    run(
        initial,
        new RaftCore(
            sim.config, endpoint, logId, initial, sim.random::nextInt, sim.faults, localMs()));
  }

  /** An older folder may be from before that log, unless that began by this node's vote since. */
  private boolean isMarkKept(LogId other) {
    boolean isOlder =
        core.recovery().cause() == Recovery.Cause.DAMAGE && core.recovery().isVoteLost();
    boolean isByOurVote =
        core.isVoteKnown()
            && sim.lineages.isEndedBy(other, logId, core.votedFor().orElse(null), core.term());
    return isOlder && !isByOurVote;
  }

  /** This node was elected by every vote: the next log begins when it is forced. */
  private void found(Effect.LogEnded ended) {
    byte[] bytes = snapshotBytes(ended.base().index());
    long committedCount = checkers().committedCount();
    long ofLife = life;
    sim.at(
        1 + sim.random.nextInt(10 * diskLatencyMs),
        () -> {
          if (ofLife != life) {
            return;
          }
          Checkers.require(
              checkers().committedCount() == committedCount,
              "committed after every vote was given");
          LogId next = sim.lineages.end(logId, ended, endpoint, baseIndex, log);
          InitialState initial = InitialState.after(ended.base(), ended.term(), endpoint);
          forgetProcess();
          disk = SimDisk.after(initial.hardState(), new SimDisk.Stored(initial.snapshot(), bytes));
          logId = next;
          run(
              initial,
              RaftCore.founder(
                  sim.config,
                  endpoint,
                  logId,
                  initial,
                  sim.random::nextInt,
                  sim.faults,
                  localMs()));
        });
  }

  /** Takes an event now, or when the node wakes up. */
  void step(Event event) {
    if (!isUp()) {
      return;
    }
    if (pausedUntilMs > sim.nowMs) {
      long ofLife = life;
      sim.at(
          pausedUntilMs - sim.nowMs,
          () -> {
            if (ofLife == life) {
              step(event);
            }
          });
      return;
    }
    if (event instanceof Event.Receive receive
        && !receive.message().header().logId().equals(logId)) {
      learn(receive.message().header().logId());
      sim.nodeOf(receive.message().header().from()).learn(logId);
      return;
    }
    Checkers.require(!isStepping, "a step within a step");
    isStepping = true;
    List<Effect> effects = core.step(localMs(), event);
    sim.traced(this, event, effects);
    for (Effect effect : effects) {
      carryOut(effect);
    }
    isStepping = false;
  }

  /** What this node is in the middle of, for the record of what the faults met. */
  Set<Met.Doing> doing() {
    Set<Met.Doing> doing = EnumSet.noneOf(Met.Doing.class);
    if (!isUp()) {
      doing.add(Met.Doing.NOTHING);
      return doing;
    }
    if (sim.nowMs - startedMs < 1_000) {
      doing.add(Met.Doing.STARTING);
    }
    if (core.recovery().isNeeded()) {
      doing.add(Met.Doing.RECOVERING);
    }
    if (incoming != null && core.role() == Role.FOLLOWER) {
      doing.add(Met.Doing.RECEIVING_SNAPSHOT);
    }
    if (!diskQueue.isEmpty()) {
      doing.add(Met.Doing.WRITING);
    }
    switch (core.role()) {
      case LEADER ->
          doing.add(
              core.lastIndex() > core.commitIndex() ? Met.Doing.COMMITTING : Met.Doing.LEADING);
      case PRE_CANDIDATE, CANDIDATE -> doing.add(Met.Doing.ELECTING);
      case ENDED -> doing.add(Met.Doing.ENDING_LOG);
      case FOLLOWER -> doing.add(Met.Doing.FOLLOWING);
      case STOPPED -> doing.add(Met.Doing.NOTHING);
    }
    return doing;
  }

  private void carryOut(Effect effect) {
    switch (effect) {
      case Effect.Send send -> sim.send(this, send.message());
      case Effect.PersistHardState e ->
          onDisk(() -> disk.hardState = e.state(), new Event.PersistDone(e.ticket()));
      case Effect.AppendEntries e -> append(e);
      case Effect.ResetLog e -> {
        log.clear();
        baseIndex = e.snapshot().index();
        baseTerm = e.snapshot().term();
        onDisk(disk::reset, new Event.PersistDone(e.ticket()));
      }
      case Effect.CompactLog e -> queue(() -> disk.compact(e.upToIndex()), () -> {});
      case Effect.ForceLog e -> force();
      case Effect.Commit e -> apply(e);
      case Effect.ProposalAccepted e -> accepted.put(e.index(), new Accepted(e.index(), e.term()));
      case Effect.ProposalRejected e -> {}
      case Effect.ReadReady e -> {
        Long before = reads.remove(e.id());
        Checkers.require(before != null, "read %s answered twice", e.id());
        checkers()
            .readAnswered(e.index(), Math.min(before, checkers().acknowledgedIndex()), endpoint);
        sim.readCount++;
      }
      case Effect.ReadRejected e -> reads.remove(e.id());
      case Effect.ForcedAtMajority e -> checkForced(e.index());
      case Effect.SnapshotWanted e -> takeSnapshotSoon();
      case Effect.ReadSnapshot e -> readSnapshot(e);
      case Effect.StoreSnapshotChunk e -> storeChunk(e);
      case Effect.InstallSnapshot e -> install(e.meta());
      case Effect.DiscardSnapshot e -> {}
      case Effect.Recovered e ->
          queue(
              () -> {
                if (disk.recovery.nonce() == e.nonce()) {
                  disk.recovery = Recovery.NONE;
                }
              },
              () -> {});
      case Effect.LogEnded e -> found(e);
      case Effect.CutRefused e ->
          Checkers.require(
              false, "%s would cut committed %s of %s", e.leader(), e.index(), endpoint);
      case Effect.RoleChanged e -> {
        isEnding = e.role() == Role.ENDED;
        if (isEnding) {
          sim.chaos.ends(this);
          sim.scenes.ends(this);
        }
        if (e.role() == Role.LEADER) {
          checkers().leads(endpoint, e.term(), baseIndex, log);
          sim.chaos.leads(this);
          sim.scenes.leads(this);
        }
      }
      case Effect.ConfigurationChanged e -> {
        if (leads() && e.configuration().voters().equals(List.of(endpoint))) {
          sim.pairCount++;
        }
      }
    }
  }

  private void append(Effect.AppendEntries e) {
    if (e.truncateFrom() > 0) {
      log.subList((int) (e.truncateFrom() - baseIndex - 1), log.size()).clear();
    }
    for (LogEntry entry : e.entries()) {
      checkers().appended(entry, log.isEmpty() ? baseTerm : log.getLast().term());
      log.add(entry);
    }
    onDisk(() -> disk.append(e.truncateFrom(), e.entries()), new Event.PersistDone(e.ticket()));
  }

  private void apply(Effect.Commit e) {
    Checkers.require(
        e.entries().getFirst().index() == appliedIndex + 1
            && e.entries().getLast().index() == e.upToIndex(),
        "commit without a gap: %s after %s",
        e.entries().getFirst(),
        appliedIndex);
    for (LogEntry entry : e.entries()) {
      stateHash = Checkers.nextHash(stateHash, entry);
      if (!isEnding) {
        checkConfiguration(entry);
        long expected = checkers().committed(entry, core.term());
        Checkers.require(stateHash == expected, "state after %s differs", entry);
      }
      appliedIndex = entry.index();
      Accepted proposal = accepted.remove(entry.index());
      if (proposal != null && proposal.term() == entry.term()) {
        checkers().acknowledged(entry.index());
        sim.acknowledgedCount++;
      }
    }
    sim.scenes.committed(this);
  }

  private void checkForced(long index) {
    checkForced(core.configuration(), index, checkers().committedAt(index).term(), core.term());
    checkers().forced(index);
    sim.forcedCount++;
  }

  /**
   * Before a configuration counts nobody may be electable that doesn't know it. The first has
   * nothing before it, and one that is uncommitted when the pair rule makes the next never counts.
   */
  private void checkConfiguration(LogEntry entry) {
    boolean isNews = entry.index() > Math.max(1, checkers().committedCount());
    if (isNews && leads() && entry.kind() == LogEntry.Kind.CONFIGURATION) {
      Configuration configuration = Configuration.of(entry.payload());
      if (configuration.equals(core.configuration())) {
        // Who knew it to be committed when it started has that from a leader who saw it forced.
        long ofTerm = entry.index() <= knownAtStart ? entry.term() : core.term();
        checkForced(configuration, entry.index(), entry.term(), ofTerm);
      }
    }
  }

  private void checkForced(Configuration configuration, long index, long term, long ofTerm) {
    long count =
        sim.nodes.stream()
            .filter(n -> hasVote(configuration, n) && n.logId.equals(logId))
            .filter(n -> n.hasOnceForced(index, term))
            .filter(n -> n.hasOnceForcedOf(ofTerm))
            .count();
    Checkers.require(count >= configuration.quorum(), "%s forced at %s voters only", index, count);
  }

  /** What a folder held before it was put back was forced when it was said to be. */
  private boolean hasOnceForced(long index, long term) {
    return disk.hasForced(index, term)
        || damaged.stream().anyMatch(before -> before.hasForced(index, term));
  }

  /** An older term's entry that is forced alone yields to a log of a term in between. */
  private boolean hasOnceForcedOf(long term) {
    return disk.hasForcedOf(term) || damaged.stream().anyMatch(before -> before.hasForcedOf(term));
  }

  /** Whatever its incarnation by now: what was forced stays forced. */
  private static boolean hasVote(Configuration configuration, SimNode node) {
    return configuration.voters().stream().anyMatch(v -> v.node().equals(node.endpoint.node()));
  }

  private void takeSnapshotSoon() {
    long ofLife = life;
    sim.at(
        1 + sim.random.nextInt(200),
        () -> {
          if (ofLife == life && core.role() != Role.STOPPED && core.role() != Role.ENDED) {
            SnapshotMeta meta = core.snapshotMeta(appliedIndex);
            byte[] bytes = snapshotBytes(meta.index());
            queue(
                () -> disk.snapshots.put(meta.index(), new SimDisk.Stored(meta, bytes)),
                () -> {
                  step(new Event.SnapshotTaken(meta));
                  disk.snapshots.headMap(core.oldestSnapshotInUse()).clear();
                });
          }
        });
  }

  private byte[] snapshotBytes(long index) {
    return new ByteWriter().u64(stateHash).raw(new byte[(int) (index % 90)]).toBytes();
  }

  private void readSnapshot(Effect.ReadSnapshot e) {
    answer(
        () -> {
          SimDisk.Stored stored = disk.snapshots.get(e.snapshotIndex());
          if (stored == null) {
            step(new Event.SnapshotUnavailable(e.to(), e.snapshotIndex()));
            return;
          }
          byte[] all = stored.bytes();
          int size = (int) Math.min(e.maxBytes(), all.length - e.offset());
          byte[] piece = new ByteReader(all, (int) e.offset(), size).raw(size);
          step(new Event.SnapshotBytes(e.to(), e.snapshotIndex(), e.offset(), all.length, piece));
        });
  }

  private void storeChunk(Effect.StoreSnapshotChunk e) {
    answer(
        () -> {
          if (sim.random.nextInt(50) == 0) {
            step(new Event.SnapshotFailed(e.meta().index()));
            return;
          }
          if (e.offset() == 0) {
            incoming = new ByteWriter();
          }
          Checkers.require(incoming.sizeBytes() == e.offset(), "chunk out of place");
          incoming.raw(e.bytes());
          if (sim.random.nextInt(20) == 0) {
            sim.chaos.whileReceiving(this);
          }
          if (!isUp()) {
            return;
          }
          if (incoming.sizeBytes() < e.totalBytes()) {
            step(new Event.SnapshotChunkStored(e.meta().index(), incoming.sizeBytes()));
            return;
          }
          disk.snapshots.put(e.meta().index(), new SimDisk.Stored(e.meta(), incoming.toBytes()));
          step(new Event.SnapshotReceived(e.meta()));
        });
  }

  private void install(SnapshotMeta meta) {
    stateHash = new ByteReader(disk.snapshots.get(meta.index()).bytes()).u64();
    checkers().installed(meta.index(), stateHash);
    appliedIndex = meta.index();
    sim.installCount++;
  }

  private void answer(Runnable answer) {
    long ofLife = life;
    sim.at(
        1 + sim.random.nextInt(5),
        () -> {
          if (ofLife == life) {
            answer.run();
          }
        });
  }

  private void force() {
    LogEntry[] last = new LogEntry[1];
    isForcing = true;
    queue(
        () -> {
          isForcing = false;
          disk.force();
          last[0] = disk.last();
        },
        () -> {
          if (last[0] != null) {
            step(new Event.LogForced(last[0].index(), last[0].term()));
          }
        });
  }

  private void onDisk(Runnable work, Event answer) {
    queue(work, () -> step(answer));
  }

  /** One disk, first in, first out; fails rarely, and then for good. */
  private void queue(Runnable work, Runnable answer) {
    if (isDiskBroken) {
      return; // Nothing is written behind what failed, though the core may not have heard of it.
    }
    diskQueue.add(new DiskWork(work, answer));
    long busyUntilMs = Math.min(Math.max(diskFreeMs, sim.nowMs), sim.nowMs + 3_000);
    diskFreeMs = Math.max(diskFreeMs, busyUntilMs + writeMs + sim.random.nextInt(diskLatencyMs));
    long ofLife = life;
    sim.at(
        diskFreeMs - sim.nowMs,
        () -> {
          if (ofLife != life || isDiskBroken) {
            return;
          }
          DiskWork next = diskQueue.removeFirst();
          if (sim.isDiskFailing(this)) {
            isDiskBroken = true; // The core may hear of it later, when it doesn't stand still.
            diskQueue.clear();
            step(new Event.PersistFailed("disk"));
            return;
          }
          next.work().run();
          next.answer().run();
        });
  }

  void propose(int count) {
    List<Proposal> proposals = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      byte[] payload = new byte[8 + sim.random.nextInt(60)];
      new java.util.Random(sim.nextId()).nextBytes(payload);
      proposals.add(new Proposal(sim.nextId(), payload, sim.random.nextInt(10) == 0));
    }
    step(new Event.Propose(proposals));
  }

  void read() {
    long id = sim.nextId();
    if (isUp()) {
      if (pausedUntilMs > sim.nowMs) {
        return;
      }
      reads.put(id, checkers().acknowledgedIndex());
      step(new Event.Read(id));
    }
  }

  long stateHash() {
    return stateHash;
  }

  /** What a restart would find in force. */
  Configuration configuration() {
    if (isUp()) {
      return core.configuration();
    }
    InitialState stored = disk.initialState();
    Configuration configuration = stored.snapshot().configuration();
    for (LogEntry entry : stored.entries()) {
      if (entry.kind() == LogEntry.Kind.CONFIGURATION) {
        configuration = Configuration.of(entry.payload());
      }
    }
    return configuration;
  }
}
