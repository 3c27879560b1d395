package holdfast.app;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.identity.HoldfastHome;
import holdfast.crypto.identity.MemberList;
import holdfast.crypto.identity.PoolFile;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.network.discovery.Beacon;
import holdfast.network.discovery.DiscoveryOptions;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import holdfast.util.WallClock;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.net.InetAddress;
import java.security.SecureRandom;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What every process of a pool has, started and stopped in one order: its home, clocks, threads,
 * loop and discovery.
 */
final class NodeBase implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("holdfast.app");

  final SecureRandom random = new SecureRandom();
  final MonotonicClock clock = machineClock();
  final WallClock wallClock = SystemClocks.wall();
  final HoldfastHome home;
  final InstanceId instance;
  final InetAddress bind;
  final DiscoveryOptions discovery;
  final List<HostPort> given;
  final NamedThreads threads;
  final NodeLoop loop;
  final Beacon beacon;
  private final AtomicReference<PoolFile> pool = new AtomicReference<>();
  private final AtomicReference<Runnable> onBroken = new AtomicReference<>(() -> {});
  private volatile boolean isBroken;

  /** Opens the home, and makes it and a pool where there is none. */
  NodeBase(CommonOptions common) {
    bind = common.bindAddress();
    try {
      discovery = DiscoveryOptions.parse(common.discovery, bind);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
    given = common.peerAddresses();
    home = HoldfastHome.open(CommonOptions.home(), CipherSuite.FERNET, random);
    pool.set(home.pool());
    instance = new InstanceId(random.nextLong(), random.nextLong());
    threads =
        new NamedThreads(
            (thread, failure) ->
                LOG.log(Level.ERROR, "thread " + thread.getName() + " failed", failure));
    loop = new NodeLoop(clock, threads, this::broken);
    beacon =
        new Beacon(
            discovery,
            () -> pool().secrets().stream().map(secret -> secret.discoveryKey()).toList(),
            instance,
            loop,
            threads,
            clock,
            wallClock,
            random);
  }

  /**
   * The clock of leases and timeouts.
   *
   * @throws HoldfastException UNSUPPORTED where nothing counts the time in which the machine sleeps
   */
  static MonotonicClock machineClock() {
    try {
      return SystemClocks.monotonic();
    } catch (UncheckedIOException e) {
      throw new HoldfastException(ErrorCode.UNSUPPORTED, e.getMessage(), e);
    }
  }

  /** The pool file as this process read it. */
  PoolFile pool() {
    return pool.get();
  }

  MemberList members() {
    return pool().members();
  }

  /** What happens when a bug has ended the loop, now or before: the process can't go on. */
  void whenBroken(Runnable then) {
    onBroken.set(then);
    if (isBroken) {
      then.run();
    }
  }

  /** Addresses to dial: those given, then those remembered that the binding can reach. */
  Set<HostPort> knownAddresses() {
    var known = new LinkedHashSet<>(given);
    for (String remembered : home.addresses()) {
      try {
        HostPort address = HostPort.parse(remembered);
        if (!bind.isLoopbackAddress() || isLoopback(address)) {
          known.add(address);
        }
      } catch (IllegalArgumentException e) {
        LOG.log(Level.DEBUG, "skip remembered address: {0}", e.getMessage());
      }
    }
    return known;
  }

  /** Remembers where a node of the pool was reached, off the loop. */
  void reached(NodeId node, HostPort address) {
    threads.startVirtual("remember-address", () -> home.rememberAddress(address.toString()));
  }

  /** How discovery was done, for messages. */
  String howDiscovered() {
    return discovery.isOff() ? "no broadcast (off)" : "broadcast on UDP " + discovery.port();
  }

  private void broken(Throwable failure) {
    LOG.log(Level.ERROR, "the node stops: a task of its loop failed", failure);
    isBroken = true;
    onBroken.get().run();
  }

  private static boolean isLoopback(HostPort address) {
    return address.host().startsWith("127.") || address.host().equals("localhost");
  }

  @Override
  public void close() {
    beacon.close();
    loop.stop();
  }
}
