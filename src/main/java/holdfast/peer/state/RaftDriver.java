package holdfast.peer.state;

import holdfast.consensus.Configuration;
import holdfast.consensus.Effect;
import holdfast.consensus.Endpoint;
import holdfast.consensus.Event;
import holdfast.consensus.LogEntry;
import holdfast.consensus.MembershipChange;
import holdfast.consensus.Proposal;
import holdfast.consensus.RaftCore;
import holdfast.consensus.RaftMessage;
import holdfast.consensus.Recovery;
import holdfast.consensus.Role;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.port.Loop;
import holdfast.port.OperationLog;
import holdfast.port.Periodic;
import holdfast.port.Transport;
import holdfast.protocol.Notice;
import holdfast.util.Invariants;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Drives the consensus core: feeds it events and carries out its effects in order, through the
 * operation log and the transport. What was proposed or asked through it is answered exactly once.
 * Loop thread.
 */
public final class RaftDriver {
  /** Most proposals waiting for their commit; beyond it they are refused with BUSY. */
  static final int PROPOSALS_MAX = 4_096;

  /** Most reads and forces waiting; beyond it they are refused with BUSY. */
  static final int WAITING_MAX = 16_384;

  private static final long FORCE_EVERY_NS = 1_000_000_000L;

  /** What the driver needs of its node. */
  interface Machine {
    /** A committed entry, in order and without a gap: what it does, it does now. */
    void onCommitted(LogEntry entry);

    /** The state as it is now, for a snapshot. */
    OperationLog.SnapshotSource snapshotNow();

    /** A snapshot begins to arrive: its bytes come in order. */
    SnapshotLoading beginLoading();

    /** Role, term, leader or configuration changed. */
    void onLeadership();

    /** The store failed: this node takes no part any more. */
    void onStoreFailed(HoldfastException why);

    /** A message that {@link RaftMessage#isPromise} goes out after this, or this node leads. */
    void onPromised();

    /** {@link Effect.Recovered}: the log is where it was, or further. */
    void onRecovered();

    /** {@link Effect.LogEnded}: all up to {@code base} is committed, and nothing comes after it. */
    void onLogEnded(SnapshotMeta base, long term);

    /** {@link Effect.CutRefused}. */
    void onCutRefused(Endpoint leader, long index);
  }

  /** Takes a snapshot's bytes in and makes it the state. */
  interface SnapshotLoading {
    /** The next bytes; throws ByteReader.Malformed if they are wrong. */
    void feed(byte[] bytes);

    /** All bytes came: check that the whole is one. */
    void end();

    /** Make it the state. */
    void install(SnapshotMeta meta);
  }

  /** What becomes of a proposal. */
  public interface Proposed {
    /** For what is proposed again anyway if it fails. */
    Proposed IGNORED =
        new Proposed() {
          @Override
          public void onApplied(long index) {}

          @Override
          public void onFailure(ErrorCode code, String text) {}
        };

    /** It is committed and applied. */
    void onApplied(long index);

    /** It was refused, or nobody knows. */
    void onFailure(ErrorCode code, String text);
  }

  private final Loop loop;
  private final Transport transport;
  private final OperationLog log;
  private final RaftCore core;
  private final Endpoint self;
  private final Machine machine;
  private final SnapshotTransfers snapshots;
  private final ArrayDeque<Event> events = new ArrayDeque<>();
  private final List<Proposal> batch = new ArrayList<>();
  private final PendingCalls pending = new PendingCalls();
  private final Periodic ticks;
  private final Periodic forces;
  private boolean isStepping;
  private boolean isStopped;
  private boolean isLeft;
  private boolean isHeld;
  private Role role = Role.FOLLOWER;
  private long term;
  private Optional<Endpoint> leader = Optional.empty();
  private Configuration configuration;
  private SnapshotMeta applied;
  private long writtenIndex;
  private long writtenTerm;

  /** What the core said in this term; it says each index once only. */
  private long forcedAtMajority;

  private boolean isForceDue;
  private boolean isForcing;
  private boolean isForceAsked;

  RaftDriver(
      Loop loop,
      Transport transport,
      OperationLog log,
      RaftCore core,
      Endpoint self,
      SnapshotMeta applied,
      int tickMs,
      Machine machine) {
    this.loop = loop;
    this.transport = transport;
    this.log = log;
    this.core = core;
    this.self = self;
    this.applied = applied;
    this.configuration = applied.configuration();
    ticks = new Periodic(loop, tickMs * 1_000_000L, "consensus tick", this::tick);
    forces = new Periodic(loop, FORCE_EVERY_NS, "force log", this::forceIfDue);
    this.machine = machine;
    this.snapshots = new SnapshotTransfers(loop, log, machine, this::step);
  }

  /** Starts the core's clock. */
  void start() {
    ticks.start();
    forces.start();
  }

  private void tick() {
    if (!isHeld) {
      step(new Event.Tick()); // a disk that hangs would let them pile up
    }
  }

  private void forceIfDue() {
    if (isForceDue) {
      force();
    }
  }

  public boolean isLeader() {
    return role == Role.LEADER && !isStopped;
  }

  /** Whether the store failed, or the node ends. */
  public boolean isStopped() {
    return isStopped && !isLeft;
  }

  public LogId log() {
    return core.logId();
  }

  public long term() {
    return term;
  }

  public Endpoint self() {
    return self;
  }

  public Optional<Endpoint> leader() {
    return leader;
  }

  public Configuration configuration() {
    return configuration;
  }

  /** The last applied entry, and the configuration at that point. */
  public SnapshotMeta applied() {
    return applied;
  }

  /** Whether what the leaders of earlier terms have committed is applied here. */
  public boolean hasAppliedEarlierTerms() {
    return applied.term() == term;
  }

  public RaftCore core() {
    return core;
  }

  public void receive(RaftMessage message) {
    step(new Event.Receive(message));
  }

  /** Puts a command into the log, with others that come before the loop gets to it. */
  public void propose(byte[] payload, boolean isForced, Proposed then) {
    if (isStopped) {
      then.onFailure(
          isLeft ? ErrorCode.NOT_LEADER : ErrorCode.STORE_FAILED,
          "change pool: expected=a log that goes on, was=" + role);
    } else if (pending.proposalCount() >= PROPOSALS_MAX) {
      then.onFailure(
          ErrorCode.BUSY, "change pool: expected=room, was=" + PROPOSALS_MAX + " waiting");
    } else {
      long id = pending.propose(then);
      batch.add(new Proposal(id, payload, isForced));
      if (batch.size() == 1) {
        loop.post(this::flush);
      }
    }
  }

  private void flush() {
    List<Proposal> ready = List.copyOf(batch);
    batch.clear();
    if (!ready.isEmpty() && !isStopped) {
      step(new Event.Propose(ready));
    }
  }

  /** Takes one step of the configuration. */
  public void change(MembershipChange change, Proposed then) {
    step(new Event.ChangeMembership(pending.propose(then), change));
  }

  /** A linearizable read: {@code then} is called when the state may answer it. */
  public void read(Proposed then) {
    if (isStopped || pending.readCount() >= WAITING_MAX) {
      then.onFailure(ErrorCode.BUSY, "read pool: expected=room, was=" + WAITING_MAX + " waiting");
      return;
    }
    step(new Event.Read(pending.read(then)));
  }

  /** Calls {@code then} when everything up to this index is forced at a majority of voters. */
  public void awaitForced(long index, Proposed then) {
    if (!isLeader() || pending.forceCount() >= WAITING_MAX) {
      ErrorCode code = isLeader() ? ErrorCode.BUSY : ErrorCode.NOT_LEADER;
      then.onFailure(code, "force log: expected=a leader with room, was=" + role);
      return;
    }
    if (index <= forcedAtMajority) {
      then.onApplied(index);
      return;
    }
    pending.force(index, then);
    step(new Event.Force(index));
  }

  /** Hands leadership to a voter, so that leaving costs nobody an election timeout. */
  public void transferTo(Endpoint voter) {
    step(new Event.TransferLeadership(voter));
  }

  private void step(Event event) {
    if (isStopped) {
      return;
    }
    events.add(event);
    drain();
  }

  private void drain() {
    if (isStepping || isHeld) {
      return;
    }
    isStepping = true;
    try {
      while (!events.isEmpty() && !isStopped && !isHeld) {
        for (Effect effect : core.step(loop.nowNs() / 1_000_000L, events.poll())) {
          carryOut(effect);
        }
      }
    } finally {
      isStepping = false;
    }
  }

  private void carryOut(Effect effect) {
    switch (effect) {
      case Effect.Send send -> send(send.message());
      case Effect.PersistHardState persist ->
          log.persistHardState(persist.state(), why -> written(why, persist.ticket()));
      case Effect.AppendEntries append -> append(append);
      case Effect.ResetLog reset -> {
        writtenIndex = reset.snapshot().index();
        writtenTerm = reset.snapshot().term();
        log.reset(reset.snapshot(), why -> written(why, reset.ticket()));
      }
      case Effect.CompactLog compact -> log.compact(compact.upToIndex(), this::stopIfFailed);
      case Effect.ForceLog force -> force();
      case Effect.Commit commit -> commit.entries().forEach(this::apply);
      case Effect.ProposalAccepted accept ->
          pending.accepted(accept.id(), accept.index(), accept.term());
      case Effect.ProposalRejected reject -> pending.refused(reject.id(), reject.reason());
      case Effect.ReadReady ready -> {
        pending.readable(ready.id(), ready.index());
        pending.applied(applied.index());
      }
      case Effect.ReadRejected reject -> pending.unread(reject.id(), reject.reason());
      case Effect.ForcedAtMajority forced -> {
        forcedAtMajority = forced.index();
        pending.forced(forcedAtMajority);
      }
      case Effect.SnapshotWanted wanted -> saveSnapshot();
      case Effect.ReadSnapshot read -> snapshots.read(read);
      case Effect.StoreSnapshotChunk store -> snapshots.store(store);
      case Effect.InstallSnapshot install -> {
        snapshots.install(install.meta());
        applied = install.meta();
        pending.applied(applied.index());
      }
      case Effect.DiscardSnapshot discard -> snapshots.discard(discard.snapshotIndex());
      case Effect.Recovered recovered -> {
        log.recovered(recovered.nonce(), this::stopIfFailed);
        machine.onRecovered();
      }
      case Effect.LogEnded ended -> machine.onLogEnded(ended.base(), ended.term());
      case Effect.CutRefused refused -> machine.onCutRefused(refused.leader(), refused.index());
      case Effect.RoleChanged changed -> changeRole(changed);
      case Effect.ConfigurationChanged changed -> {
        configuration = changed.configuration();
        machine.onLeadership();
      }
    }
  }

  private void send(RaftMessage message) {
    if (message.isPromise()) {
      machine.onPromised();
    }
    transport.send(message.header().to().node(), new Notice.Consensus(message));
  }

  private void append(Effect.AppendEntries append) {
    writtenIndex = append.entries().getLast().index();
    writtenTerm = append.entries().getLast().term();
    isForceDue = true;
    log.append(append.truncateFrom(), append.entries(), why -> written(why, append.ticket()));
  }

  private void written(StorageException why, long ticket) {
    if (!stopIfFailed(why)) {
      step(new Event.PersistDone(ticket));
    }
  }

  /** One force at a time: who asks meanwhile gets the next one. */
  private void force() {
    if (isForcing) {
      isForceAsked = true;
      return;
    }
    isForcing = true;
    isForceDue = false;
    long index = writtenIndex;
    long termThere = writtenTerm;
    log.force(
        why -> {
          isForcing = false;
          if (!stopIfFailed(why)) {
            if (termThere > 0) {
              step(new Event.LogForced(index, termThere));
            }
            if (isForceAsked) {
              isForceAsked = false;
              force();
            }
          }
        });
  }

  private void apply(LogEntry entry) {
    Invariants.check(
        entry.index() == applied.index() + 1,
        "apply entry: expected=%s, was=%s",
        applied.index() + 1,
        entry.index());
    Configuration then =
        entry.kind() == LogEntry.Kind.CONFIGURATION
            ? Configuration.of(entry.payload())
            : applied.configuration();
    applied = new SnapshotMeta(entry.index(), entry.term(), then);
    machine.onCommitted(entry);
    pending.committed(entry.index(), entry.term());
    pending.applied(entry.index());
  }

  private void changeRole(Effect.RoleChanged changed) {
    role = changed.role();
    forcedAtMajority = changed.term() == term ? forcedAtMajority : 0;
    term = changed.term();
    leader = changed.leader();
    if (role == Role.LEADER) {
      machine.onPromised();
    } else {
      pending.failLeaders(ErrorCode.NOT_LEADER, "change pool: leadership was lost");
    }
    machine.onLeadership();
  }

  private void saveSnapshot() {
    if (!snapshots.isSaving() && !isStopped) {
      snapshots.save(core.snapshotMeta(applied.index()), this::saveSnapshot);
    }
  }

  private boolean stopIfFailed(StorageException why) {
    if (why == null || isStopped) {
      return why != null;
    }
    step(new Event.PersistFailed(String.valueOf(why.getMessage())));
    role = Role.STOPPED;
    end(ErrorCode.STORE_FAILED, "change pool: this peer's store failed");
    machine.onStoreFailed(why);
    return true;
  }

  /** Another log takes this one's place: who waits asks again, and nothing more is done here. */
  void leave() {
    isLeft = true;
    role = Role.ENDED;
    end(ErrorCode.NOT_LEADER, "change pool: the log has ended, another one goes on from it");
  }

  private void end(ErrorCode code, String text) {
    halt();
    events.clear();
    leader = Optional.empty();
    pending.failAll(code, text);
  }

  /** The operator's word that nothing more of this log is to come. */
  void acceptDamage() {
    step(new Event.AcceptDamage());
  }

  /**
   * The store may lack something, and that is being marked: until {@link #lost} nothing is done.
   * <i>Event: an older folder, alone, led until its mark was written.</i>
   */
  void hold() {
    isHeld = true;
  }

  /** The store may lack something, as it turned out; it is marked by now. */
  void lost(Recovery recovery) {
    isHeld = false;
    if (!isStopped) {
      events.addFirst(new Event.Lost(recovery));
      drain();
    }
  }

  /** The node ends: nothing more is done or answered. */
  void stop() {
    halt();
    events.clear();
  }

  private void halt() {
    isStopped = true;
    ticks.stop();
    forces.stop();
  }
}
