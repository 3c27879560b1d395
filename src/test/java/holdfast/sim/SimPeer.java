package holdfast.sim;

import holdfast.consensus.InitialState;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import holdfast.peer.PeerAccess;
import holdfast.peer.PeerNode;
import holdfast.peer.view.PeerConfig;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;
import holdfast.port.MachineMemory;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** One machine with a peer on it, which can be killed, lose power and be started again. */
public final class SimPeer {
  private final SimCluster.Options options;
  private final SimWorld world;
  private final SimNetwork network;
  private final SplittableRandom random;
  private NodeId id;
  private final int number;
  private final HostPort address;
  private final PoolId pool;
  private final List<HostPort> known;
  private final Optional<LogId> mayCreatePool;
  private SimStore store;
  private SimStore.Ports disk;
  private SimLoop loop;
  private SimTransport transport;
  private PeerNode node;
  private PeerAccess access;
  private int runs;

  /** What the machine keeps until it loses power. */
  private byte[] remembered = new byte[0];

  private HoldfastException stoppedBy;
  private long lastLossNs = Long.MIN_VALUE / 2;
  private boolean isUp;

  SimPeer(
      SimCluster.Options options,
      SimWorld world,
      SimNetwork network,
      int number,
      PoolId pool,
      List<HostPort> known,
      Optional<LogId> mayCreatePool) {
    this.options = options;
    this.world = world;
    this.network = network;
    this.random = world.split();
    this.number = number;
    this.id = newId();
    this.address = addressOf(number);
    this.pool = pool;
    this.known = known.stream().filter(a -> !a.equals(address)).toList();
    this.mayCreatePool = mayCreatePool;
    this.store = options.store().make(world, options.capacityBytes());
  }

  static HostPort addressOf(int number) {
    return new HostPort("10.0.0." + (number + 1), 8000);
  }

  /** Starts the peer's process on what its disk holds. */
  public void start() {
    runs++;
    stoppedBy = null;
    isUp = true;
    loop = new SimLoop(world, "p" + number + "." + runs);
    if (options.faults().contains(SimCluster.CLOCK_FAULT)) {
      loop.stopClockInSleep();
    }
    var instance = new InstanceId(random.nextLong(), random.nextLong());
    transport = network.open(loop, id, true, instance, address, 0);
    disk = store.open(loop);
    var config =
        new PeerConfig(
            id,
            instance,
            pool,
            address,
            options.oneHost() ? "host" : "host" + number,
            "",
            1,
            runs == 1 ? mayCreatePool : Optional.empty(),
            known,
            options.settings(),
            0,
            0,
            1_700_000_000_000_000_000L,
            options.raft());
    var ports =
        new PeerPorts(loop, transport, disk.vault(), disk.log(), memory(), random.split()::nextInt);
    node = PeerAccess.make(config, ports, listener(), options.faults());
    access = PeerAccess.of(node);
    transport.start(node);
    node.start(() -> note("ready"));
    note("started");
  }

  private MachineMemory memory() {
    byte[] found = remembered;
    return new MachineMemory() {
      @Override
      public byte[] atStart() {
        return found;
      }

      @Override
      public void keep(byte[] mark) {
        remembered = mark;
      }
    };
  }

  private PeerListener listener() {
    return new PeerListener() {
      @Override
      public void onNote(String text) {
        note(text);
      }

      @Override
      public void onStopped(HoldfastException why) {
        note("stopped: " + why.getMessage());
        stoppedBy = why;
      }
    };
  }

  void note(String text) {
    world.trace().note(world.nowNs(), "p" + number + "." + runs + " " + text);
  }

  /** kill -9: what was written stays, the rest is gone, connections are reset. */
  public void kill() {
    end(true);
    note("killed");
  }

  /** The machine loses power: what wasn't forced may be gone, connections fall silent. */
  public void losePower() {
    end(false);
    store.losePower(random);
    remembered = new byte[0];
    lastLossNs = world.nowNs();
    note("lost power");
  }

  /** When its disk last lost what wasn't forced, or everything. */
  long lastLossNs() {
    return lastLossNs;
  }

  private void end(boolean systemLives) {
    if (isUp) {
      isUp = false;
      transport.kill(systemLives);
      loop.kill();
      store.close();
    }
  }

  private NodeId newId() {
    return new NodeId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
  }

  /** A new, empty disk: the key was on the old one, so it is another peer now. */
  public void replaceDisk() {
    id = newId();
    remembered = new byte[0];
    store = options.store().make(world, options.capacityBytes());
    lastLossNs = world.nowNs();
    note("has a new disk");
  }

  /**
   * The machine doesn't remember the peer: it was switched off in good order, or is another one.
   */
  public void forgetMark() {
    remembered = new byte[0];
  }

  /** Ends the process in good order; it is gone some time later. */
  public void stopCleanly() {
    note("stopping");
    node.stop(
        () -> {
          note("stopped cleanly");
          kill();
        });
  }

  public boolean isUp() {
    return isUp;
  }

  /** Whether its process runs, and its machine doesn't sleep. */
  public boolean isAwake() {
    return isUp && !loop.isAsleep();
  }

  /** Its process; a new one at each start. */
  public SimLoop loop() {
    return loop;
  }

  public NodeId id() {
    return id;
  }

  public int number() {
    return number;
  }

  public HostPort address() {
    return address;
  }

  /** Asks the disk to begin a log, whatever it holds. */
  public CompletableFuture<Void> beginLog(LogId log) {
    var begun = new CompletableFuture<Void>();
    disk.log()
        .begin(
            log,
            InitialState.empty(),
            why -> {
              if (why == null) {
                begun.complete(null);
              } else {
                begun.completeExceptionally(why);
              }
            });
    return begun;
  }

  public SimStore store() {
    return store;
  }

  public PeerAccess access() {
    return access;
  }

  /** Why the node stopped by itself; null while it hasn't. */
  public HoldfastException stoppedBy() {
    return stoppedBy;
  }

  @Override
  public String toString() {
    return "p" + number;
  }
}
