package holdfast.peer.member;

import holdfast.consensus.InitialState;
import holdfast.consensus.RaftCore;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerConfig;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;
import holdfast.port.Loop;
import holdfast.port.OperationLog;
import holdfast.port.Periodic;
import holdfast.port.Remote;
import holdfast.protocol.Notice;
import holdfast.protocol.RunMark;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * Announces this peer's run among the runs of all peers ({@link KnownRuns}): says how far it is,
 * passes on and saves what is known of others, and finds out that this folder is older than it was,
 * or that another process runs as this peer. Loop thread.
 */
public final class Runs {
  /** As often what is known is forced, if it changed. */
  private static final long SAVE_EVERY_NS = 1_000_000_000L;

  /** What becomes of what is found out. */
  public interface Owner {
    /** Whether the log is being loaded or changed: nothing is judged meanwhile. */
    boolean isBusy();

    /** Whether this folder is known to be damaged, older than it was or a copy. */
    boolean isDamaged();

    /** What this run says of itself is another thing now: others hear it at once. */
    void onMark();

    /**
     * A later run of this peer than the one that this folder is of kept so many logs aside, or had
     * abandoned parts of its log, as it said last. May come again; before {@link #onOlder}.
     */
    void onKeptAside(int count);

    /**
     * The folder was further once, up to there: it may have forgotten votes. This run gets the
     * number {@code ownRun}, and {@link #onRun} is called when that is on disk. Comes again when
     * somebody knows of more.
     */
    void onOlder(RunMark beyond, long ownRun, String why);

    /** Another process was this peer before, and is. */
    void onFailure(HoldfastException why);
  }

  private final PeerConfig config;
  private final PeerPorts ports;
  private final PeerListener listener;
  private final Leadership leadership;
  private final Owner owner;
  private final KnownRuns known;
  private final RunMark rememberedOrNull;

  /** How far the folder had come when it was opened, or once, as far as that was found out. */
  private RunMark had;

  /** The number of the run when the folder was opened. */
  private final long openedRun;

  private long run;

  /** Whether this number was announced to others before the last promise. */
  private boolean isRunAnnounced = true;

  private RunMark keptOrNull;
  private boolean isStarted;
  private boolean isOlder;

  /** Whether this process has sent or begun anything that others rely on, in whatever log. */
  private boolean hasPromised;

  private boolean isSaveFailing;
  private final Periodic looks;

  public Runs(
      PeerConfig config,
      PeerPorts ports,
      PeerListener listener,
      Leadership leadership,
      Owner owner) {
    this.config = config;
    this.ports = ports;
    this.listener = listener;
    this.leadership = leadership;
    this.owner = owner;
    looks = new Periodic(ports.loop(), SAVE_EVERY_NS, "save runs", this::look);
    known = new KnownRuns(config.self(), config.instance());
    OperationLog.Recovered there = ports.log().atStart();
    openedRun = there.runNumber();
    run = openedRun;
    had = foundMark(there);
    try {
      known.load(there.knownRuns());
    } catch (ByteReader.Malformed e) {
      listener.onNote("forget what is known of other peers: was=" + e.getMessage());
    }
    rememberedOrNull = remembered(ports.memory().atStart());
    keptOrNull = rememberedOrNull;
    if (rememberedOrNull != null) {
      known.onRemembered(rememberedOrNull);
    }
  }

  private RunMark remembered(byte[] kept) {
    if (kept.length == 0) {
      return null;
    }
    try {
      var in = new ByteReader(kept);
      RunMark mark = RunMark.read(in);
      in.end();
      return mark;
    } catch (ByteReader.Malformed e) {
      listener.onNote("forget what this machine remembers of this peer: was=" + e.getMessage());
      return null;
    }
  }

  private RunMark foundMark(OperationLog.Recovered there) {
    InitialState initial = there.initial();
    long last =
        initial.entries().isEmpty()
            ? initial.snapshot().index()
            : initial.entries().getLast().index();
    return new RunMark(
        run,
        config.instance(),
        there.log().orElse(LogId.NONE),
        initial.hardState().term(),
        Math.max(last, initial.snapshot().index()));
  }

  /** Begins; after the found log was loaded. */
  public void start() {
    looks.start();
  }

  private void look() {
    boolean isFirst = !isStarted;
    isStarted = true;
    judge();
    keep();
    if (isFirst) {
      leadership.whenForced(this::noteForced);
    }
    if (isFirst && !isOlder) {
      owner.onMark();
    }
    save();
  }

  /**
   * This machine remembers how far this run is; what it knew before was judged by now. A run that
   * has promised nothing leaves it what it knew.
   */
  private void keep() {
    boolean isRetracted = isRetracted();
    RunMark mark = isRetracted && rememberedOrNull != null ? rememberedOrNull : mark();
    boolean isReady = isRetracted || !owner.isBusy();
    if (isReady && !mark.equals(keptOrNull)) {
      keptOrNull = mark;
      var out = new ByteWriter(RunMark.BYTES);
      mark.write(out);
      ports.memory().keep(out.toBytes());
    }
  }

  /**
   * Where nobody else knows how far this peer is, its machine does, each time that a program is
   * promised that something is on disk. <i>Event: a lone peer is killed a moment after an fsync,
   * and its log loses the last byte: it looks as if the process had died while it wrote, and the
   * file was empty, the pool SAFE.</i>
   */
  private void noteForced() {
    boolean isAlone = leadership.driver().configuration().voters().size() == 1;
    if (!looks.isStopped() && isAlone) {
      keep();
    }
  }

  private void save() {
    known.changes().ifPresent(bytes -> ports.log().saveKnownRuns(bytes, this::saved));
  }

  /** What isn't saved is tried again: a full disk is no reason to stop. */
  private void saved(StorageException whyOrNull) {
    if (whyOrNull != null) {
      known.notSaved();
      if (!isSaveFailing) {
        listener.onNote("save what is known of other peers: was=" + whyOrNull.getMessage());
      }
    }
    isSaveFailing = whyOrNull != null;
  }

  /** Ends in good order, or because this peer can't go on. */
  public void stop() {
    if (!looks.isStopped()) {
      keep();
      save();
    }
    looks.stop();
  }

  /** How many logs a peer kept aside, or parts of its log it had abandoned, as it said last. */
  public int asideLogs(NodeId node) {
    return known.asideLogs(node);
  }

  /** This run's number from when it follows another log. */
  public long inNextLog() {
    return RunMark.inNextLog(run);
  }

  /** This run has this number by now, on its disk, too. */
  public void onRun(long number) {
    isRunAnnounced &= number <= run;
    run = Math.max(run, number);
  }

  /**
   * Whether nobody needs to know of this run: its folder is no good, or may be as far as is known,
   * and it hasn't promised anything. Who puts the better folder back mustn't find that taken for
   * the older one. <i>Event: an older folder loads a large snapshot and says its run meanwhile.
   * Somebody hears of that through others only, never hears that it is revoked, and tells them
   * again.</i>
   */
  public boolean isRetracted() {
    return !hasPromised && (!isStarted || isOlder || owner.isDamaged());
  }

  /**
   * This run is about to promise something, so it must be known from now on. Whoever gets the
   * promise hears of the run before it, on the same way; the others and the machine as soon as that
   * gets there.
   */
  public void onPromised() {
    boolean isNews = isRetracted() || !isRunAnnounced;
    hasPromised = true;
    isRunAnnounced = true;
    if (isNews && !looks.isStopped()) {
      keep();
      owner.onMark();
    }
  }

  /** How far this run is now; run 0 while nobody needs to know of it. */
  public RunMark mark() {
    if (isRetracted()) {
      return new RunMark(0, config.instance(), LogId.NONE, 0, 0);
    }
    if (!leadership.hasLog()) {
      return new RunMark(run, config.instance(), LogId.NONE, 0, 0);
    }
    RaftCore core = leadership.driver().core();
    return new RunMark(
        run,
        config.instance(),
        leadership.driver().log(),
        core.durableTerm(),
        Math.min(core.forcedIndex(), core.commitIndex()));
  }

  /** Says to a peer what is known of it, and of some others. */
  public void sendTo(NodeId receiver) {
    Notice.KnownRuns told = known.toReport(receiver);
    if (!told.known().isEmpty()) {
      ports.transport().send(receiver, told);
    }
  }

  /** False if the sender is to be ignored: another process is this peer, or was a moment ago. */
  public boolean onHeartbeat(Remote from, Notice.Heartbeat beat) {
    Loop loop = ports.loop();
    boolean isFirst = known.onHeartbeat(from, beat, loop.nowNs(), loop.awakeSinceNs());
    if (known.isSecond(from)) {
      ports.transport().send(from.node(), new Notice.Twin(from.instance()));
    }
    return isFirst;
  }

  /** Whether this process is the peer that it says it is, as far as is known. */
  public boolean isKnownAs(Remote from) {
    return known.isKnownAs(from);
  }

  public void onDisconnected(NodeId node) {
    known.onDisconnected(node, ports.loop().nowNs());
  }

  public void onConnected(Remote remote) {
    known.onConnected(remote, ports.loop().nowNs(), ports.loop().awakeSinceNs());
    sendTo(remote.node());
  }

  /** Whether what a peer says in consensus counts. */
  public boolean mayTakePart(Remote from, Heartbeats.Pulse pulseOrNull) {
    return known.mayTakePart(from, pulseOrNull);
  }

  public void onReport(Notice.KnownRuns told) {
    known.onReport(told);
    judge();
  }

  private String whatItIs(RunMark beyond) {
    if (had.settledIndex() > beyond.settledIndex()) {
      return "another copy of the folder has run as this one";
    }
    return owner.isDamaged()
        ? "the folder is damaged, and lacks what it had"
        : "the folder is older than it was, or damaged";
  }

  /**
   * After the recovered log was loaded, a report came, or the log was changed or marked, as what
   * was reported meanwhile had to wait: whoever comes later may know of more. <i>Event: the first
   * one who knows of a later run makes it take a number that the second one knows as taken, too.
   * That one ignored it for good.</i>
   */
  public void judge() {
    if (!isStarted || looks.isStopped() || owner.isBusy()) {
      return;
    }
    int keptAside = known.asideLogsSince(openedRun);
    if (keptAside > 0) {
      owner.onKeptAside(keptAside);
    }
    known
        .beyond(had)
        .ifPresent(
            beyond -> {
              isOlder = true;
              String why =
                  ("%s: run %d of it was at entry %d, term %d of log %s; this is run %d, with entry"
                          + " %d, term %d of log %s")
                      .formatted(
                          whatItIs(beyond),
                          beyond.run(),
                          beyond.settledIndex(),
                          beyond.term(),
                          beyond.log(),
                          had.run(),
                          had.settledIndex(),
                          had.term(),
                          had.log());
              listener.onNote(why);
              long next = Math.max(run, beyond.run() + 1);
              had =
                  new RunMark(
                          next,
                          config.instance(),
                          beyond.log(),
                          beyond.term(),
                          beyond.settledIndex())
                      .with(had);
              owner.onOlder(beyond, next, why);
              keep();
              owner.onMark();
            });
  }

  public void onTwin(Remote from, Notice.Twin twin) {
    if (twin.second().equals(config.instance())) {
      owner.onFailure(
          new HoldfastException(
              ErrorCode.REFUSED,
              "run peer: expected=one process of peer %s, was=this one at %s and another one too%s,"
                      .formatted(config.self().shortForm(), config.address(), otherAddress())
                  + " as %s at %s says; %s"
                      .formatted(from.node().shortForm(), from.remoteHost(), twinAdvice())));
    }
  }

  /** Where the pool has this peer listed, if that isn't here. */
  private String otherAddress() {
    return leadership
        .map()
        .flatMap(map -> map.peer(config.self()))
        .filter(listed -> !listed.address().equals(config.address()))
        .map(listed -> " at " + listed.address())
        .orElse("");
  }

  /** Who was there first needn't be the original: which folder is the copy may not be known. */
  private String twinAdvice() {
    return owner.isDamaged()
        ? "give this one an empty storage folder, its own is a copy, older than it was or damaged"
        : "stop one of the two, and give the one that runs on a copy of the other's folder an empty"
            + " storage folder";
  }
}
