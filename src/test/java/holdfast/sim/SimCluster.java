package holdfast.sim;

import holdfast.consensus.RaftConfig;
import holdfast.consensus.VoterPolicy;
import holdfast.model.HostPort;
import holdfast.model.LogId;
import holdfast.model.PoolId;
import holdfast.placement.PoolSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/** A pool of simulated machines, with clients, from one seed. */
public final class SimCluster {
  /** How the cluster is made. */
  public record Options(
      int peerCount,
      long seed,
      PoolSettings settings,
      boolean oneHost,
      RaftConfig raft,
      SimStore.Maker store,
      long capacityBytes,
      Set<String> faults) {}

  /** The bug of a clock that stands still while its machine sleeps: it is in the loops here. */
  static final String CLOCK_FAULT = "CLOCK_STANDS_STILL";

  /** How far apart the processes of one machine wake. */
  private static final long WAKE_SPREAD_NS = 20 * SimWorld.MS;

  /** Numbers for runs of a few hundred operations: small snapshots, so that they happen. */
  public static final RaftConfig SMALL_RAFT =
      new RaftConfig(
          150, 1_000, 2_000, 800, 1_500, 160 << 10, 64, 4 << 20, 4 << 10, 16 << 20, 400_000,
          96 << 20, 60, 32 << 20, 8 << 10, 10_000, 1_000, 10_000, 3_000, 5_000);

  /** Chooses the options one by one. */
  public static final class Builder {
    private final int peerCount;
    private long seed = 1;
    private PoolSettings settings = new PoolSettings(3, 2, 60_000, 86_400_000, true);
    private boolean oneHost;
    private RaftConfig raft = SMALL_RAFT;
    private SimStore.Maker store = SimStore::inMemory;
    private long capacityBytes = 1L << 30;
    private Set<String> faults = Set.of();

    private Builder(int peerCount) {
      this.peerCount = peerCount;
    }

    public Builder seed(long value) {
      seed = value;
      return this;
    }

    public Builder settings(int replicas, int minCopies, long downOutMs) {
      settings = new PoolSettings(replicas, minCopies, downOutMs, 86_400_000, true);
      return this;
    }

    public Builder replicas(int replicas) {
      return settings(replicas, Math.min(2, replicas), settings.downOutMs());
    }

    public Builder downOutMs(long ms) {
      return settings(settings.replicas(), settings.minCopies(), ms);
    }

    public Builder oneHost() {
      oneHost = true;
      return this;
    }

    public Builder raft(RaftConfig config) {
      raft = config;
      return this;
    }

    public Builder store(SimStore.Maker maker) {
      store = maker;
      return this;
    }

    public Builder capacityBytes(long bytes) {
      capacityBytes = bytes;
      return this;
    }

    public Builder fault(String name) {
      faults = name == null ? Set.of() : Set.of(name);
      return this;
    }

    /** Makes the machines, starts them and waits until the pool has them all. */
    public SimCluster start() {
      return build().start();
    }

    /** Makes the machines; none is started. */
    public SimCluster build() {
      return new SimCluster(
          new Options(peerCount, seed, settings, oneHost, raft, store, capacityBytes, faults));
    }
  }

  private final Options options;
  private final SimWorld world;
  private final SimNetwork network;
  private final List<SimPeer> peers = new ArrayList<>();
  private final List<SimClient> clients = new ArrayList<>();
  private final List<HostPort> addresses = new ArrayList<>();
  private final PoolId pool;
  private final SplittableRandom sleep;

  private SimCluster(Options options) {
    this.options = options;
    world = new SimWorld(options.seed());
    network = new SimNetwork(world);
    SplittableRandom random = world.split();
    sleep = new SplittableRandom(~options.seed());
    pool = new PoolId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
    for (int i = 0; i < options.peerCount(); i++) {
      addresses.add(SimPeer.addressOf(i));
    }
    for (int i = 0; i < options.peerCount(); i++) {
      Optional<LogId> mayCreatePool =
          i == 0 ? Optional.of(new LogId(random.nextLong(), random.nextLong())) : Optional.empty();
      peers.add(new SimPeer(options, world, network, i, pool, addresses, mayCreatePool));
    }
  }

  public static Builder of(int peerCount) {
    return new Builder(peerCount);
  }

  /** Starts every peer and waits until the pool has them all. */
  public SimCluster start() {
    peers.forEach(SimPeer::start);
    await("all peers are listed", 60 * SimWorld.S, this::isWhole);
    return this;
  }

  /**
   * Whether a leader lists every peer as up, and every one knows that and the same voters: a change
   * of voters that only the leader knows isn't made yet.
   */
  public boolean isWhole() {
    Optional<SimPeer> leader = leader();
    if (leader.isEmpty()) {
      return false;
    }
    var map = leader.get().access().map().orElseThrow();
    var core = leader.get().access().core().orElseThrow();
    int voters = VoterPolicy.wantedVoterCount(peers.size());
    return core.configuration().voters().size() == voters
        && peers.stream()
            .allMatch(
                peer ->
                    map.peer(peer.id()).map(entry -> entry.state().isLive()).orElse(false)
                        && peer.isAwake()
                        && peer.access().map().filter(map::equals).isPresent()
                        && peer.access()
                            .core()
                            .filter(its -> its.configuration().equals(core.configuration()))
                            .isPresent());
  }

  public SimClient client() {
    var client = new SimClient(world, network, "c" + clients.size(), addresses);
    if (options.faults().contains(CLOCK_FAULT)) {
      client.loop().stopClockInSleep();
    }
    clients.add(client);
    return client;
  }

  /**
   * A machine with these processes sleeps. They go on within a few ms of each other, which they
   * hear, and miss what was sent to them meanwhile from elsewhere.
   */
  public void sleep(long durationNs, List<SimPeer> itsPeers, List<SimClient> itsClients) {
    var loops = new ArrayList<SimLoop>();
    itsPeers.forEach(peer -> loops.add(peer.loop()));
    itsClients.forEach(client -> loops.add(client.loop()));
    var machine = new Object();
    for (SimLoop loop : loops) {
      loop.sleep(durationNs + sleep.nextLong(WAKE_SPREAD_NS), machine);
    }
  }

  public Optional<SimPeer> leader() {
    return peers.stream()
        .filter(peer -> peer.isAwake() && peer.access().isLeader())
        .max(java.util.Comparator.comparingLong(p -> p.access().core().orElseThrow().term()));
  }

  public List<SimPeer> peers() {
    return peers;
  }

  public SimPeer peer(int number) {
    return peers.get(number);
  }

  public List<SimPeer> livePeers() {
    return peers.stream().filter(SimPeer::isUp).toList();
  }

  public List<SimClient> clients() {
    return clients;
  }

  public SimWorld world() {
    return world;
  }

  public SimNetwork network() {
    return network;
  }

  public Options options() {
    return options;
  }

  public void run(long durationNs) {
    world.run(durationNs);
  }

  /** Runs until it holds; fails after {@code maxNs} of simulated time. */
  public void await(String what, long maxNs, BooleanSupplier condition) {
    long untilNs = world.nowNs() + maxNs;
    while (!condition.getAsBoolean()) {
      if (world.nowNs() >= untilNs) {
        throw new CheckFailure(
            "await: "
                + what
                + ", seed="
                + options.seed()
                + ", last notes:\n"
                + world.trace().tail()
                + describe());
      }
      world.run(20 * SimWorld.MS);
    }
  }

  private String describe() {
    var text = new StringBuilder();
    for (SimPeer peer : peers) {
      text.append('\n').append(peer).append(' ').append(peer.id().shortForm());
      if (peer.isUp()) {
        text.append(peer.access().describe());
      }
    }
    return text.toString();
  }

  /** Runs until the future is done and gives its value. */
  public <T> T get(CompletableFuture<T> future) {
    await("a call ends", 30 * SimWorld.S, future::isDone);
    return future.join();
  }
}
