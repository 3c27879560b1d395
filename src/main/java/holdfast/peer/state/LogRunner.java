package holdfast.peer.state;

import holdfast.consensus.Endpoint;
import holdfast.consensus.InitialState;
import holdfast.consensus.LogEntry;
import holdfast.consensus.RaftCore;
import holdfast.consensus.Recovery;
import holdfast.consensus.SnapshotMeta;
import holdfast.metadata.Namespace;
import holdfast.model.HoldfastException;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.peer.view.PeerConfig;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;
import holdfast.port.OperationLog;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import holdfast.protocol.RunMark;
import java.util.Optional;

/**
 * Decides which operation log runs on this peer: what its disk holds, the first one of a pool, the
 * one of the leader that took it in, or the next one when a log has ended. One at a time. Loop
 * thread.
 *
 * <p>A log ends when only every voter's vote could elect a leader, since too many may have lost its
 * end ({@link holdfast.consensus.Effect.LogEnded}). Whoever was elected founds the next one, from
 * all that it holds. Who hears of a log that goes on from its own follows that one; what it held is
 * kept aside until the next log's state is here, and as long as it has entries that one lacks.
 */
public final class LogRunner {
  /**
   * Indexes go on so much higher in the next log. What compares indexes, as maps and caches do,
   * takes nothing of an ended log for newer, however much of it was lost.
   */
  static final long INDEX_GAP = 1_000_000_000L;

  /** What the runner needs of its owner. */
  public interface Owner {
    StateMachine.Listener replicaListener();

    /** The number of this run from when it follows another log. */
    long runInNextLog();

    /** This run has that number on its disk: it may be announced. */
    void onRun(long number);

    /**
     * {@link LogRunner#isBeginning} ended: what was said of this folder meanwhile is judged now, by
     * {@link LogRunner#lost} if it is older, before anything else is received or done.
     */
    void onIdle();

    /** This run is about to do what others, or a client, may rely on later. */
    void onPromised();

    /** Role, term, leader or configuration changed, or another log runs. */
    void onLeadership();

    /** The store failed. */
    void onFailure(HoldfastException why);
  }

  private final PeerConfig config;
  private final PeerPorts ports;
  private final PeerListener listener;
  private final Leadership leadership;
  private final Endpoint self;
  private final Owner owner;
  private final LogComparison comparison;
  private final LogsAside aside;
  private final LackingLogs lackingLogs;
  private Recovery recovery;

  /** Who wanted to cut committed entries last: noted once, though it goes on trying. */
  private Endpoint refusedLeader;

  private boolean isBeginning;
  private boolean isMarking;
  private boolean isStopped;

  public LogRunner(
      PeerConfig config,
      PeerPorts ports,
      PeerListener listener,
      Leadership leadership,
      Endpoint self,
      Owner owner) {
    this.config = config;
    this.ports = ports;
    this.listener = listener;
    this.leadership = leadership;
    this.self = self;
    this.owner = owner;
    comparison = new LogComparison(ports.loop(), ports.transport(), comparisonOwner());
    recovery = ports.log().atStart().initial().recovery();
    lackingLogs = new LackingLogs(ports.log(), listener, this::failIf);
    aside = new LogsAside(ports.log(), listener);
  }

  public void stop() {
    isStopped = true;
    if (leadership.hasLog()) {
      leadership.driver().stop();
    }
  }

  /**
   * Whether a log is being loaded, begun, changed or marked: until that is done nothing else may
   * begin one, and no message of consensus is answered.
   */
  public boolean isBeginning() {
    return isBeginning || isMarking;
  }

  /** This folder may have forgotten entries and votes: it recovers, once that is durable. */
  public void lost(RunMark beyond, long runNumber, String why) {
    isMarking = true;
    if (leadership.hasLog()) {
      leadership.driver().hold();
    }
    ports
        .log()
        .lost(
            runNumber,
            lackingLogs.note(new OperationLog.Lacking(beyond.log(), beyond.settledIndex())),
            why,
            marked -> {
              recovery = marked;
              owner.onRun(runNumber);
              isMarking = false;
              owner.onIdle();
              if (!isStopped && !isMarking) {
                takePart(beyond.log());
              }
            },
            owner::onFailure);
  }

  /** The loss is marked: takes part as one that lacks what it had. */
  private void takePart(LogId had) {
    if (leadership.hasLog()) {
      leadership.driver().lost(recovery);
      owner.onLeadership();
    } else if (!had.equals(LogId.NONE)) {
      takePartAgain(had);
    }
  }

  /** A log is here, and runs. */
  private void begun() {
    isBeginning = false;
    owner.onIdle();
  }

  /**
   * Nothing is left of the log that this peer was in. Its vote may be needed there all the same: it
   * gives it as one that lacks everything, before any leader could take it in.
   */
  private void takePartAgain(LogId log) {
    isBeginning = true;
    listener.onNote("this folder holds nothing of log " + log + ", which it had: filling it again");
    bootstrap().begin(log, InitialState.joining(recovery), this::begun);
  }

  /** Whether this peer may have lost the end of its log and hasn't caught up yet. */
  public boolean isRecovering() {
    return recovery().isNeeded();
  }

  /** What this folder may lack, as far as that is known. */
  public Recovery recovery() {
    return leadership.hasLog() ? leadership.driver().core().recovery() : recovery;
  }

  /**
   * How many logs, or parts of ours, this peer keeps aside because they hold, or may hold, what
   * ours lacks.
   */
  public int asideCount() {
    return aside.count() + lackingLogs.lossNoteCount();
  }

  /** A later run of this peer than the one that this folder is of said that of itself. */
  public void keptAside(int saidCount) {
    lackingLogs.lacksAside(saidCount, asideCount());
  }

  /** Goes on with what the disk holds, or creates the pool's first log where this peer may. */
  public void start(Runnable then) {
    OperationLog.Recovered found = ports.log().atStart();
    Runnable ready =
        () -> {
          begun();
          then.run();
        };
    if (found.log().isPresent()) {
      isBeginning = true;
      bootstrap().goOn(found, ready);
    } else if (recovery.cause() == Recovery.Cause.DAMAGE) {
      listener.onNote(
          "this folder had a log of pool %s, and holds none any more: waiting for who has it"
              .formatted(config.pool()));
      then.run();
    } else if (config.mayCreatePool().isPresent()) {
      isBeginning = true;
      LogId log = config.mayCreatePool().get();
      listener.onNote("founding pool " + config.pool() + " with log " + log);
      bootstrap().begin(log, InitialState.founding(self), ready);
    } else {
      then.run();
    }
  }

  /** The log of the leader that took this peer in, which has none of its own. */
  public void join(LogId log) {
    isBeginning = true;
    listener.onNote("joined pool " + config.pool() + ", log " + log);
    bootstrap().begin(log, InitialState.joining(recovery), this::begun);
  }

  private LogBootstrap bootstrap() {
    return new LogBootstrap(ports.log(), this::runRecovered, owner::onFailure);
  }

  private void runRecovered(
      LogId log, InitialState initial, SnapshotStream.Sink sinkOrNull, Namespace loadedOrNull) {
    if (isStopped) {
      return;
    }
    var stateMachine = new StateMachine(log, owner.replicaListener());
    run(log, core(log, initial), initial.snapshot(), stateMachine);
    if (sinkOrNull != null) {
      stateMachine.install(sinkOrNull, loadedOrNull, initial.snapshot().index());
      dropHeld();
    }
    if (sinkOrNull != null || lackingLogs.isOf(log)) {
      settle(log);
    }
    leadership.driver().start();
  }

  private void run(LogId log, RaftCore core, SnapshotMeta applied, StateMachine stateMachine) {
    var driver =
        new RaftDriver(
            ports.loop(),
            ports.transport(),
            ports.log(),
            core,
            self,
            applied,
            Math.max(1, config.raft().heartbeatMs() / 3),
            machine(log, stateMachine));
    leadership.begin(driver, stateMachine);
  }

  /** Another peer follows this log: does it go on from ours? */
  public void heard(NodeId from, LogId log) {
    comparison.heard(from, log);
  }

  private LogComparison.Owner comparisonOwner() {
    return new LogComparison.Owner() {
      @Override
      public Optional<RaftCore> core() {
        boolean mayFollow = leadership.hasLog() && !isBeginning() && !isStopped;
        return mayFollow && !leadership.driver().isStopped()
            ? Optional.of(leadership.driver().core())
            : Optional.empty();
      }

      @Override
      public void onEnded(NodeId from, LogComparison.Ended ended) {
        follow(from, ended);
      }
    };
  }

  /** What the asker's log is to the state here. */
  public Reply.Compared compare(Request.CompareLog held) {
    Lineage lineage = leadership.stateMachine().state().lineage();
    LogId own = leadership.driver().log();
    return new Reply.Compared(own, lineage.relationTo(own, held), lineage.isEndedByVote(held));
  }

  /** Leaves our log, which has ended, for the one that goes on from it. */
  private void follow(NodeId from, LogComparison.Ended ended) {
    LogId left = leadership.driver().log();
    LogId next = ended.next();
    listener.onNote(
        ended.isHeld()
            ? "log %s has ended: following log %s of %s".formatted(left, next, from.shortForm())
            : ("log %s has ended without entries that are here: they are kept aside. Following log"
                    + " %s of %s")
                .formatted(left, next, from.shortForm()));
    owner.onPromised();
    leave();
    // An older folder may be from before the next log, and have forgotten what it acknowledged and
    // whom it voted for there. What a power cut took is of the log that is left.
    boolean isOlder = recovery.cause() == Recovery.Cause.DAMAGE && recovery.isVoteLost();
    boolean isMarkKept = isOlder && !ended.isByOurVote();
    long run = owner.runInNextLog();
    ports
        .log()
        .switchTo(
            run,
            next,
            InitialState.empty().hardState(),
            SnapshotMeta.NONE,
            null,
            why -> {
              if (why != null) {
                owner.onFailure(why);
              } else if (!isStopped) {
                owner.onRun(run);
                if (!isMarkKept) {
                  forgetMark();
                }
                leadership.stateMachine().follow(next);
                begin(next, core(next, InitialState.joining(recovery)), SnapshotMeta.NONE);
              }
            });
  }

  private void leave() {
    isBeginning = true;
    recovery = leadership.driver().core().recovery();
    aside.keep(LogComparison.held(leadership.driver().core()));
    leadership.driver().leave();
    owner.onLeadership();
  }

  /** The log was changed on disk: runs the next one. */
  private void begin(LogId next, RaftCore core, SnapshotMeta applied) {
    run(next, core, applied, leadership.stateMachine());
    begun();
    leadership.driver().start();
    owner.onLeadership();
  }

  /** What was lost was lost of the log that is left. */
  private void forgetMark() {
    if (recovery.isNeeded()) {
      ports.log().recovered(recovery.nonce(), this::failIf);
      recovery = Recovery.NONE;
    }
  }

  private void failIf(StorageException why) {
    if (why != null) {
      owner.onFailure(why);
    }
  }

  /** Every voter has elected this peer: the next log begins with all that it holds. */
  private void found(SnapshotMeta ended, long electedTerm) {
    LogId left = leadership.driver().log();
    LogId next = new LogId(randomLong(), randomLong());
    listener.onNote(
        "log %s ended at entry %d: too many voters may have lost its end. Founding log %s"
            .formatted(left, ended.index(), next));
    lackingLogs.settle(left, ended.index(), leadership.stateMachine().state().lineage());
    owner.onPromised();
    leave();
    var base = new SnapshotMeta(ended.index() + INDEX_GAP, ended.term(), ended.configuration());
    InitialState initial = InitialState.after(base, electedTerm, self);
    StateMachine stateMachine = leadership.stateMachine();
    long run = owner.runInNextLog();
    stateMachine.lead(next, base.index(), ended, self.node(), electedTerm);
    ports
        .log()
        .switchTo(
            run,
            next,
            initial.hardState(),
            base,
            stateMachine.snapshot(),
            why -> {
              if (why != null) {
                owner.onFailure(why);
              } else if (!isStopped) {
                owner.onRun(run);
                forgetMark();
                begin(
                    next,
                    RaftCore.founder(config.raft(), self, next, initial, ports.random(), nowMs()),
                    base);
                dropHeld();
              }
            });
  }

  /** The present log's state is here: what was here once is in it, or noted as lost. */
  private void settle(LogId log) {
    if (!leadership.driver().core().recovery().isNeeded()) {
      lackingLogs.settle(log, Long.MAX_VALUE, leadership.stateMachine().state().lineage());
    }
  }

  private RaftCore core(LogId log, InitialState initial) {
    return new RaftCore(config.raft(), self, log, initial, ports.random(), nowMs());
  }

  private long nowMs() {
    return ports.loop().nowNs() / 1_000_000L;
  }

  private long randomLong() {
    long bits = 0;
    for (int i = 0; i < Long.SIZE / Short.SIZE; i++) {
      bits = bits << Short.SIZE | ports.random().below(1 << Short.SIZE);
    }
    return bits;
  }

  /** The present log's state is here, durably: what it holds of others needn't be kept. */
  private void dropHeld() {
    aside.dropHeld(left -> compare(left).relation());
  }

  private RaftDriver.Machine machine(LogId log, StateMachine stateMachine) {
    return new RaftDriver.Machine() {
      @Override
      public void onCommitted(LogEntry entry) {
        stateMachine.apply(entry);
      }

      @Override
      public OperationLog.SnapshotSource snapshotNow() {
        return stateMachine.snapshot();
      }

      @Override
      public RaftDriver.SnapshotLoading beginLoading() {
        return loading(stateMachine);
      }

      @Override
      public void onLeadership() {
        owner.onLeadership();
      }

      @Override
      public void onStoreFailed(HoldfastException why) {
        owner.onFailure(why);
      }

      @Override
      public void onPromised() {
        owner.onPromised();
      }

      @Override
      public void onRecovered() {
        settle(log);
      }

      @Override
      public void onLogEnded(SnapshotMeta base, long term) {
        found(base, term);
      }

      @Override
      public void onCutRefused(Endpoint leader, long index) {
        if (!leader.equals(refusedLeader)) {
          refusedLeader = leader;
          listener.onNote(
              "refused to cut committed entry %d of log %s for %s: it leads another history"
                  .formatted(index, log, leader));
        }
      }
    };
  }

  private RaftDriver.SnapshotLoading loading(StateMachine stateMachine) {
    var sink = new SnapshotStream.Sink();
    return new RaftDriver.SnapshotLoading() {
      private Namespace loaded;

      @Override
      public void feed(byte[] bytes) {
        sink.feed(bytes);
      }

      @Override
      public void end() {
        loaded = sink.namespaceOrNull();
      }

      @Override
      public void install(SnapshotMeta meta) {
        stateMachine.install(sink, loaded, meta.index());
        dropHeld();
        settle(leadership.driver().log());
      }
    };
  }
}
