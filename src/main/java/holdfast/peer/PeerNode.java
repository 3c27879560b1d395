package holdfast.peer;

import holdfast.consensus.Endpoint;
import holdfast.consensus.Recovery;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.peer.chunk.ChunkForce;
import holdfast.peer.chunk.ChunkRequests;
import holdfast.peer.chunk.MissingChunks;
import holdfast.peer.chunk.OwnForce;
import holdfast.peer.chunk.OwnLoss;
import holdfast.peer.chunk.OwnedPartitions;
import holdfast.peer.chunk.Repair;
import holdfast.peer.chunk.Settling;
import holdfast.peer.member.JoinState;
import holdfast.peer.member.Joining;
import holdfast.peer.member.Leaving;
import holdfast.peer.member.PeerMonitor;
import holdfast.peer.member.Runs;
import holdfast.peer.session.LeaseManager;
import holdfast.peer.session.NamespaceRequests;
import holdfast.peer.session.SessionReaper;
import holdfast.peer.state.Leadership;
import holdfast.peer.state.LogRunner;
import holdfast.peer.state.StateMachine;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerConfig;
import holdfast.peer.view.PeerFault;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;
import holdfast.port.Body;
import holdfast.port.NodeService;
import holdfast.port.OperationLog;
import holdfast.port.Remote;
import holdfast.port.Responder;
import holdfast.protocol.Notice;
import holdfast.protocol.Request;
import holdfast.protocol.RunMark;
import holdfast.util.Invariants;
import java.util.EnumSet;
import java.util.Set;

/**
 * A peer: everything it decides, event-driven on its loop, without I/O of its own. Composed of one
 * collaborator per concern; this class starts and stops them and hands them what arrives.
 *
 * <p>Make one, give it to the transport as its service, call {@link #start}. Methods of {@link
 * NodeService} are called on the loop; the others on any thread.
 */
public final class PeerNode implements NodeService {

  private final PeerConfig config;
  private final PeerPorts ports;
  private final PeerListener listener;
  private final Set<PeerFault> faults;
  private final OperationLog.Recovered found;
  private final Endpoint endpoint;
  private final Leadership leadership;
  private final Heartbeats heartbeats;
  private final MissingChunks missingChunks;
  private final OwnedPartitions owned;
  private final Repair repair;
  private final ChunkRequests chunks;
  private final LeaseManager leases;
  private final SessionReaper reaper;
  private final NamespaceRequests namespace;
  private final PoolRequests pool;
  private final StatusRequests status;
  private final PeerMonitor monitor;
  private final Settling settling;
  private final Joining joining;
  private final Connections connections;
  private final long startedNs;
  private final LogRunner runner;
  private final Runs runs;
  private NodeId joinedThrough;
  private boolean isStopped;

  /** A peer that does nothing before {@link #start}. */
  public PeerNode(PeerConfig config, PeerPorts ports, PeerListener listener) {
    this(config, ports, listener, EnumSet.noneOf(PeerFault.class));
  }

  PeerNode(PeerConfig config, PeerPorts ports, PeerListener listener, Set<PeerFault> faults) {
    this.config = config;
    this.ports = ports;
    this.listener = listener;
    this.faults = faults;
    found = ports.log().atStart();
    endpoint = new Endpoint(config.self(), found.incarnation());
    startedNs = ports.loop().nowNs();
    leadership = new Leadership(config, ports);
    connections = new Connections(config.self(), ports, leadership);
    heartbeats = new Heartbeats(ports, this::heartbeat, connections::receivers);
    leadership.watch(heartbeats);
    missingChunks =
        new MissingChunks(
            ports.loop(),
            ports.vault(),
            () -> leadership.stateMachine().namespace(),
            this::onMissing);
    ports.vault().whenFailed(missingChunks::rescan);
    owned = new OwnedPartitions(leadership, heartbeats, ports.transport(), faults);
    var loss = new OwnLoss(ports, listener, leadership);
    var own = new OwnForce(ports.loop(), ports.vault(), loss, missingChunks::onStored);
    chunks = new ChunkRequests(ports, own, leadership, heartbeats, missingChunks, faults);
    repair =
        new Repair(
            ports,
            new Repair.Pool(owned::sources, owned::liveOwners, chunks::isBusy, chunks::onStored),
            missingChunks);
    leases = new LeaseManager(ports, leadership, faults);
    reaper = new SessionReaper(ports, leadership, leases);
    settling = new Settling(ports, own, loss, leadership, heartbeats, faults);
    namespace =
        new NamespaceRequests(
            leadership,
            chunks,
            new ChunkForce(ports, own, leadership, faults),
            settling,
            leases,
            faults);
    var builder =
        new StatusBuilder(
            ports, leadership, heartbeats, this::heartbeat, this::asideLogsBefore, faults);
    status = new StatusRequests(ports, leadership, builder);
    pool = new PoolRequests(leadership, heartbeats, this::heartbeat);
    var joinState =
        new JoinState(
            config,
            ports,
            leadership,
            endpoint,
            connections.peers(),
            leader -> joinedThrough = leader);
    monitor =
        new PeerMonitor(
            ports,
            listener,
            leadership,
            heartbeats,
            joinState::request,
            () -> connections.reachedVoters(heartbeats));
    runner = new LogRunner(config, ports, listener, leadership, endpoint, logOwner());
    runs = new Runs(config, ports, listener, leadership, runsOwner());
    heartbeats.piggyback(runs::sendTo);
    joining =
        new Joining(
            ports, listener, config.self(), joinState, config.known(), config.pool()::toString);
  }

  /**
   * Starts: reads the newest snapshot, then takes part. {@code then} is called on the loop when
   * this peer answers requests; it doesn't wait for others.
   */
  public void start(Runnable then) {
    ports.loop().post(() -> begin(then));
  }

  /**
   * The operator accepts that something is missing here: the only voter of a pool goes on with what
   * it has where nobody else can say that there was more. Any thread.
   */
  public void acceptDamage() {
    ports.loop().post(leadership::acceptDamage);
  }

  /** The data key clients of this pool seal with; 0 while none is set or known. Any thread. */
  public long dataKeyId() {
    StateMachine stateMachine = leadership.stateMachine();
    return stateMachine == null ? 0 : stateMachine.state().dataKeyId();
  }

  private void begin(Runnable then) {
    heartbeats.start();
    repair.start();
    monitor.start();
    settling.start();
    reaper.start();
    chunks.forceEverySecond();
    // Nothing is asked of others before the recovered log is loaded: they would take this peer for
    // new.
    runner.start(
        () -> {
          runs.start();
          joining.start();
          then.run();
        });
  }

  private Runs.Owner runsOwner() {
    return new Runs.Owner() {
      @Override
      public boolean isBusy() {
        return runner.isBeginning();
      }

      @Override
      public boolean isDamaged() {
        return runner.recovery().cause() == Recovery.Cause.DAMAGE;
      }

      @Override
      public void onMark() {
        heartbeats.beat();
      }

      @Override
      public void onKeptAside(int count) {
        runner.keptAside(count);
      }

      @Override
      public void onOlder(RunMark beyond, long runNumber, String why) {
        runner.lost(beyond, runNumber, why);
      }

      @Override
      public void onFailure(HoldfastException why) {
        stopIf(why);
      }
    };
  }

  private LogRunner.Owner logOwner() {
    return new LogRunner.Owner() {
      @Override
      public StateMachine.Listener replicaListener() {
        return PeerNode.this.replicaListener();
      }

      @Override
      public long runInNextLog() {
        return runs.inNextLog();
      }

      @Override
      public void onRun(long number) {
        runs.onRun(number);
      }

      @Override
      public void onIdle() {
        runs.judge();
      }

      @Override
      public void onPromised() {
        runs.onPromised();
      }

      @Override
      public void onLeadership() {
        leadership.update();
        leases.sync();
      }

      @Override
      public void onFailure(HoldfastException why) {
        stopIf(why);
      }
    };
  }

  private StateMachine.Listener replicaListener() {
    return new AppliedChanges(
        missingChunks, leases, listener, () -> ports.loop().post(this::mapChanged));
  }

  private void mapChanged() {
    // A log may end, or have begun, before the pool is created in it: there is no map then.
    if (!isStopped && leadership.isReady()) {
      var map = leadership.stateMachine().state().map();
      missingChunks.onMap(map.version().index(), owned.adopt(map));
      repair.onMap();
    }
  }

  private void onMissing(ChunkId chunk, long notBeforeNs) {
    repair.onMissing(chunk, notBeforeNs);
  }

  Notice.Heartbeat heartbeat() {
    var space = ports.vault().space();
    boolean isReady = leadership.isReady();
    long mapIndex = leadership.mapIndex();
    int missing = missingChunks.missingCount();
    long averageBytes = space.chunkCount() == 0 ? 0 : space.usedBytes() / space.chunkCount();
    return new Notice.Heartbeat(
        found.incarnation(),
        space.capacityBytes(),
        space.usedBytes(),
        space.chunkCount(),
        mapIndex,
        isReady ? leadership.driver().applied().index() : 0,
        missing,
        missing * averageBytes,
        isReady && missingChunks.isExactUnder(mapIndex),
        missingChunks.unreadableCount(),
        chunks.loadPermille(),
        (ports.loop().nowNs() - startedNs) / 1_000_000L,
        leadership.hasLog() ? leadership.driver().log() : LogId.NONE,
        runner.isRecovering(),
        runner.asideCount(),
        runs.mark(),
        connections.reachedVoters(heartbeats));
  }

  private int asideLogsBefore(NodeId node) {
    return runs.asideLogs(node);
  }

  @Override
  public void onConnected(Remote remote) {
    if (isStopped || !remote.isPeer()) {
      return;
    }
    connections.onConnected(remote.node(), heartbeats);
    ports.transport().send(remote.node(), heartbeat());
    runs.onConnected(remote);
  }

  @Override
  public void onDisconnected(NodeId node) {
    boolean wasPeer = connections.onDisconnected(node);
    runs.onDisconnected(node);
    if (!isStopped && wasPeer) {
      connections.probe(node, heartbeats);
    }
  }

  @Override
  public void onNotice(Remote from, Notice notice) {
    if (isStopped || !from.isPeer()) {
      return;
    }
    heartbeats.onHeard(from.node());
    switch (notice) {
      case Notice.Consensus consensus -> onConsensus(from, consensus);
      case Notice.Heartbeat beat -> {
        if (runs.onHeartbeat(from, beat)) {
          heartbeats.onHeartbeat(from, beat);
          status.onHeartbeat();
          runner.heard(from.node(), beat.log());
        } else {
          heartbeats.invalidate(from.node());
        }
      }
      case Notice.KnownRuns told -> runs.onReport(told);
      case Notice.Twin twin -> runs.onTwin(from, twin);
      case Notice.Goodbye goodbye -> {
        heartbeats.forget(from.node());
        monitor.onGoodbye(from.node());
      }
    }
  }

  private void onConsensus(Remote from, Notice.Consensus consensus) {
    var header = consensus.message().header();
    boolean isHeard = runs.mayTakePart(from, heartbeats.pulse(from.node()).orElse(null));
    if (!header.from().node().equals(from.node()) || !isHeard) {
      return;
    }
    if (runner.isBeginning()) {
      return; // What the disk holds comes first: nothing may be taken for a first log meanwhile.
    }
    if (leadership.hasLog() && header.logId().equals(leadership.driver().log())) {
      leadership.driver().receive(consensus.message());
    } else if (leadership.hasLog()) {
      runner.heard(from.node(), header.logId());
    } else if (from.node().equals(joinedThrough) && header.to().equals(endpoint)) {
      runner.join(header.logId());
    }
  }

  @Override
  public void onRequest(Remote from, Request request, Body bodyOrNull, Responder responder) {
    if (isStopped) {
      Leadership.fail(responder, ErrorCode.SHUTTING_DOWN, "ask peer: was=stopping");
      return;
    }
    if (from.isPeer()) {
      heartbeats.onHeard(from.node());
    }
    switch (request) {
      case Request.OpenSession r -> namespace.onOpenSession(r, responder);
      case Request.Ask r -> namespace.onAsk(r, responder);
      case Request.Change r -> namespace.onChange(r, bodyOrNull, responder);
      case Request.ForceLog r -> namespace.onForceLog(responder);
      case Request.PutChunk r -> chunks.onPut(r, bodyOrNull, responder);
      case Request.GetChunk r -> chunks.onGet(r, !from.isPeer(), !runs.isRetracted(), responder);
      case Request.ForceChunks r -> chunks.onForce(r, !runs.isRetracted(), responder);
      case Request.VerifyChunk r -> chunks.onVerify(r, responder);
      case Request.GetMap r -> pool.onGetMap(r, responder);
      case Request.GetStatus r -> status.onGetStatus(responder);
      case Request.GetSpace r -> pool.onGetSpace(responder);
      case Request.SetPool r -> pool.onSetPool(r, responder);
      case Request.Join r -> onJoin(from, r, responder);
      case Request.GetSummary r -> chunks.onSummary(r, responder);
      case Request.ListChunks r -> chunks.onList(r, responder);
      case Request.WhoLeads r -> pool.onWhoLeads(responder);
      case Request.Watch r -> leases.onWatch(r, responder);
      case Request.CloseSession r -> reaper.onClose(r, responder);
      case Request.CompareLog r -> onCompareLog(from, r, responder);
    }
  }

  private void onCompareLog(Remote from, Request.CompareLog held, Responder responder) {
    if (!from.isPeer()) {
      Leadership.fail(responder, ErrorCode.REFUSED, "compare logs: expected=a peer, was=a client");
    } else if (!leadership.isReady() || runner.isBeginning()) {
      leadership.refuse(responder);
    } else {
      responder.reply(runner.compare(held), null);
    }
  }

  private void onJoin(Remote from, Request.Join join, Responder responder) {
    if (from.isPeer() && !runs.isKnownAs(from)) {
      Leadership.fail(
          responder, ErrorCode.BUSY, "join pool: expected=one process of this peer, was=another");
    } else if (from.isPeer()) {
      monitor.onJoin(from, join, responder);
    } else {
      Leadership.fail(responder, ErrorCode.REFUSED, "join pool: expected=a peer, was=a client");
    }
  }

  private void stopIf(HoldfastException why) {
    if (why != null && !isStopped) {
      stopParts();
      listener.onStopped(why);
    }
  }

  private void stopParts() {
    Invariants.check(!isStopped, "stop peer: expected=once");
    isStopped = true;
    heartbeats.stop();
    joining.stop();
    repair.stop();
    missingChunks.stop();
    monitor.stop();
    settling.stop();
    reaper.stop();
    leases.stop();
    chunks.stop();
    runs.stop();
    runner.stop();
  }

  /**
   * Says goodbye, hands leadership over, forces what is written, then calls {@code then} on the
   * loop: the stores and the transport may be closed after it. Comes at the latest after two
   * seconds.
   */
  public void stop(Runnable then) {
    ports
        .loop()
        .post(
            () ->
                new Leaving(ports, leadership, connections.peers(), this::stopIfRunning).go(then));
  }

  private void stopIfRunning() {
    if (!isStopped) {
      stopParts();
    }
  }

  Leadership leadership() {
    return leadership;
  }

  LogRunner runner() {
    return runner;
  }

  MissingChunks missingChunks() {
    return missingChunks;
  }
}
