package holdfast.app;

import holdfast.consensus.RaftConfig;
import holdfast.crypto.Role;
import holdfast.crypto.handshake.LocalNode;
import holdfast.crypto.identity.Certificate;
import holdfast.crypto.identity.NodeKey;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.network.NetworkLimits;
import holdfast.network.NodeIdentity;
import holdfast.network.NodeTransport;
import holdfast.network.TransportOptions;
import holdfast.network.discovery.Beacon;
import holdfast.peer.PeerNode;
import holdfast.peer.view.PeerConfig;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;
import holdfast.placement.PoolSettings;
import holdfast.port.ChunkVault;
import holdfast.protocol.RunMark;
import holdfast.storage.ChunkStore;
import holdfast.storage.DiskLog;
import holdfast.storage.DiskVault;
import holdfast.storage.LogLoss;
import holdfast.storage.LogStore;
import holdfast.storage.Machine;
import holdfast.storage.MachineMark;
import holdfast.storage.NioDisk;
import holdfast.storage.StorageDirectory;
import holdfast.storage.StorageSpace;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A peer process: its directory, its stores, its node and its place on the network, opened and
 * closed in order.
 */
final class PeerProcess implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("holdfast.app");
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
  private static final Path MACHINE_ID = Path.of("/etc/machine-id");

  /** Threads for chunks: reads and writes of several clients overlap. */
  private static final int CHUNK_THREADS = 4;

  private static final int LOG_QUEUE_MAX = 65_536;

  /** A peer that stops isn't waited for when its disks have done nothing more for so long. */
  private static final long STOP_SILENCE_S = 5;

  /** Nor is one that begins: it reads its state, and writes and forces a little. */
  private static final long START_SILENCE_S = 60;

  private final NodeBase base;
  private final StorageDirectory directory;
  private final ChunkStore chunks;
  private final DiskLog log;
  private final ThreadPoolExecutor chunkDisk;
  private final ThreadPoolExecutor logDisk;
  private final ThreadPoolExecutor snapshotDisk;
  private final ThreadPoolExecutor knownDisk;
  private final NodeTransport transport;
  private final NodeId nodeId;
  private final HostPort address;
  private final AtomicReference<Runnable> onFailed = new AtomicReference<>(() -> {});

  /** Handshakes ask for its key while it is made: null until then. */
  private volatile PeerNode node;

  private volatile boolean hasFailed;
  private boolean isClosed;

  /**
   * What a peer is started with.
   *
   * @param capacityBytes most to lend; empty: all but what is left free
   * @param leaveFreeBytes what stays free on the disk; empty: a share of it
   * @param zone what fails together with it; empty: its machine
   * @param runFolder where this machine remembers it; empty: nowhere
   * @param isDamageAccepted whether it goes on with a damaged or older folder if it is alone
   */
  record Options(
      Path storage,
      int port,
      OptionalLong capacityBytes,
      OptionalLong leaveFreeBytes,
      String zone,
      Optional<Path> runFolder,
      boolean isDamageAccepted) {}

  /** Opens everything and returns when the peer listens and answers. */
  static PeerProcess start(CommonOptions common, Options options) {
    var base = new NodeBase(common);
    var opened = new ArrayDeque<Runnable>();
    opened.push(base::close);
    try {
      return new PeerProcess(base, opened, options);
    } catch (RuntimeException e) {
      opened.forEach(Runnable::run);
      throw e;
    }
  }

  /** {@code opened} gets what has to be closed, last first, when this throws. */
  private PeerProcess(NodeBase base, Deque<Runnable> opened, Options options) {
    this.base = base;
    makeDirectory(options.storage());
    var disk = NioDisk.open(options.storage());
    directory =
        StorageDirectory.open(
            disk, machine(), "pid " + ProcessHandle.current().pid(), base.random::nextLong);
    opened.push(directory::close);
    NodeKey key =
        NodeKey.loadOrCreate(
            options.storage(), base.pool().id(), !directory.holdsData(), base.random);
    nodeId = key.id();
    Certificate certificate = base.home.certify(key.id(), Role.PEER);
    var space = StorageSpace.of(disk, options.capacityBytes(), options.leaveFreeBytes());
    chunks = ChunkStore.open(directory, space, space.segmentBytes(0));
    opened.push(chunks::close);
    chunkDisk = base.threads.platformPool("chunks", CHUNK_THREADS, ChunkVault.OPERATIONS_MAX);
    logDisk = base.threads.platformPool("log", 1, LOG_QUEUE_MAX);
    snapshotDisk = base.threads.platformPool("snapshots", 1, LOG_QUEUE_MAX);
    knownDisk = base.threads.platformPool("known", 1, 1);
    opened.push(chunkDisk::shutdown);
    opened.push(logDisk::shutdown);
    opened.push(snapshotDisk::shutdown);
    opened.push(knownDisk::shutdown);
    var memory = MachineMark.open(options.runFolder(), nodeId, logDisk);
    directory.lastRunWas(RunMark.runOf(memory.atStart()));
    log = openLog(options.isDamageAccepted());
    var vault = new DiskVault(chunks, space, log::diskBytes, chunkDisk, base.loop);
    transport =
        new NodeTransport(
            new NodeIdentity(
                () -> new LocalNode(key, certificate, base.instance, base.pool().secrets(), 0),
                new PoolPolicy(base, this::dataKeyId)),
            new TransportOptions(base.bind, NetworkLimits.standard(), base::reached),
            base.loop,
            base.threads,
            base.clock,
            base.wallClock,
            base.random);
    opened.push(transport::close);
    HostPort bound = transport.listen(options.port());
    address = new HostPort(OwnAddress.of(base.bind), bound.port());
    node =
        new PeerNode(
            config(key, options.zone()),
            new PeerPorts(base.loop, transport, vault, log, memory, base.random::nextInt),
            new Listener());
    transport.serve(node);
    base.whenBroken(this::failed);
    awaitStarted();
    if (options.isDamageAccepted()) {
      node.acceptDamage();
    }
    base.beacon.serve(
        new Beacon.Offer(
            key.id(), key.publicKey().encoded(), address.port(), () -> vault.space().freeBytes()),
        this::hinted);
    new PeerFinder(base, transport).start();
  }

  private DiskLog openLog(boolean isDamageAccepted) {
    return DiskLog.open(
        directory,
        LogStore.SEGMENT_BYTES_DEFAULT,
        new DiskLog.Threads(logDisk, snapshotDisk, knownDisk),
        base.loop,
        LogLoss.judge(nodeId, isDamageAccepted));
  }

  private PeerConfig config(NodeKey key, String zone) {
    Ids ids = Ids.ofThisProcess();
    Optional<LogId> mayCreatePool =
        base.home.claimFounder(key.id())
            ? Optional.of(new LogId(base.random.nextLong(), base.random.nextLong()))
            : Optional.empty();
    return new PeerConfig(
        key.id(),
        base.instance,
        base.pool().id(),
        address,
        OwnAddress.hostName(),
        zone,
        base.pool().suite().wire(),
        mayCreatePool,
        List.copyOf(base.knownAddresses()),
        PoolSettings.DEFAULT,
        ids.uid(),
        ids.gid(),
        base.wallClock.nowNs(),
        RaftConfig.DEFAULT);
  }

  private void awaitStarted() {
    var started = new CountDownLatch(1);
    base.loop.post(() -> node.start(started::countDown));
    try {
      if (!MovingWait.isDone(
          started::await, this::diskTaskCount, START_SILENCE_S, () -> hasFailed)) {
        throw new StorageException(
            ErrorCode.STORE_FAILED, "start peer: its operation log can't be used (see the log)");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** What the disks have done: rises while the peer gets on. Any thread. */
  long diskTaskCount() {
    return chunkDisk.getCompletedTaskCount()
        + logDisk.getCompletedTaskCount()
        + snapshotDisk.getCompletedTaskCount()
        + knownDisk.getCompletedTaskCount();
  }

  /** The data key that clients must have, 0 while this isn't known. Any thread. */
  private long dataKeyId() {
    PeerNode made = node;
    return made == null ? 0 : made.dataKeyId();
  }

  private final class Listener implements PeerListener {
    @Override
    public void onNote(String text) {
      LOG.log(Level.INFO, text);
    }

    @Override
    public void onStopped(HoldfastException why) {
      LOG.log(Level.ERROR, "this peer ends until it is started again: " + why.getMessage());
      LOG.log(Level.DEBUG, "the peer ended by", why);
      failed();
    }
  }

  private void failed() {
    hasFailed = true;
    onFailed.get().run();
  }

  /** What happens when the peer can't go on by itself. Any thread calls it. */
  void whenFailed(Runnable then) {
    onFailed.set(then);
    if (hasFailed) {
      then.run();
    }
  }

  private void hinted(Beacon.Hint hint) {
    boolean isNews = hint.expected().map(id -> !transport.isConnected(id)).orElse(true);
    if (isNews) {
      transport.dial(
          hint.address(),
          why -> LOG.log(Level.DEBUG, "dial {0}: {1}", hint.address(), why.getMessage()));
    }
  }

  /** The line that says that the peer listens and answers. */
  String readyLine() {
    return "peer ready id=" + nodeId.shortForm() + " tcp=" + address + " pool=" + base.pool().id();
  }

  /** Leaves in good order; false if not everything could be forced. */
  boolean stop() throws InterruptedException {
    var stopped = new CountDownLatch(1);
    base.loop.post(() -> node.stop(stopped::countDown));
    boolean hasLeft =
        MovingWait.isDone(stopped::await, this::diskTaskCount, STOP_SILENCE_S, () -> false)
            && !hasFailed;
    transport.close();
    base.close();
    boolean areDisksDone = end(chunkDisk) & end(logDisk) & end(snapshotDisk) & end(knownDisk);
    isClosed = true;
    if (!hasLeft || !areDisksDone) {
      directory.close();
      return false;
    }
    chunks.closeCleanly();
    log.close();
    directory.closeCleanly();
    return true;
  }

  private boolean end(ThreadPoolExecutor disk) throws InterruptedException {
    disk.shutdown();
    return MovingWait.isDone(
        disk::awaitTermination, this::diskTaskCount, STOP_SILENCE_S, () -> false);
  }

  /** Lets everything go as if the process had died, unless {@link #stop} was called. */
  @Override
  public void close() {
    if (!isClosed) {
      isClosed = true;
      transport.close();
      base.close();
      directory.close();
    }
  }

  private static void makeDirectory(Path storage) {
    try {
      if (!Files.isDirectory(storage)) {
        Files.createDirectories(
            storage,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      }
    } catch (IOException e) {
      // Something of that name that is no directory: nothing else makes this one fail so.
      throw e instanceof FileAlreadyExistsException
          ? new CommandFailure(
              ErrorCode.NOT_DIRECTORY, "peer --storage-dir " + storage + ": not a directory", e)
          : LocalFailure.of("peer --storage-dir " + storage, e);
    }
  }

  private static Machine machine() {
    try {
      String machineId = Files.exists(MACHINE_ID) ? Files.readString(MACHINE_ID).strip() : "";
      return new Machine(
          Files.readString(BOOT_ID).strip(), isMachineId(machineId) ? machineId : "");
    } catch (IOException e) {
      throw new StorageException(
          ErrorCode.STORE_FAILED, "read boot id and machine id: " + e.getMessage(), e);
    }
  }

  /** An image that no machine has been started from yet says "uninitialized". */
  private static boolean isMachineId(String text) {
    return text.matches("[0-9a-f]{32}");
  }
}
