package holdfast.app;

import holdfast.client.ClientFileSystem;
import holdfast.client.api.ClientOptions;
import holdfast.client.file.KeySealing;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.RemotePoolService;
import holdfast.crypto.CipherSuite;
import holdfast.crypto.DataKey;
import holdfast.crypto.Role;
import holdfast.crypto.handshake.LocalNode;
import holdfast.crypto.identity.Certificate;
import holdfast.crypto.identity.PoolFile;
import holdfast.crypto.seal.SaltSource;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.SealId;
import holdfast.network.NodeIdentity;
import holdfast.network.NodeTransport;
import holdfast.network.TransportOptions;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A client process: a session with the pool and a file system over it, for the mount and for the
 * commands that work without one.
 */
final class ClientNode implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("holdfast.app");
  private static final long END_SESSION_NS = TimeUnit.SECONDS.toNanos(1);
  private static final long OPEN_AGAIN_NS = TimeUnit.SECONDS.toNanos(2);

  private final NodeBase base;
  private final NodeTransport transport;
  private final RemotePoolService service;
  private final PeerFinder finder;
  private final Deadlines deadlines;
  private final DataKey dataKey;

  /** Sealing as the pool has it; learned when the session was opened. */
  private CipherSuite suite;

  private ClientNode(CommonOptions common, Duration timeout) {
    base = new NodeBase(common);
    deadlines = new Deadlines(base.clock, timeout.toNanos());
    Certificate certificate;
    try {
      dataKey = dataKeyOf(base.pool());
      certificate = base.home.certify(base.home.key().id(), Role.CLIENT);
    } catch (RuntimeException e) {
      base.close();
      throw e;
    }
    Supplier<LocalNode> self =
        () ->
            new LocalNode(
                base.home.key(), certificate, base.instance, base.pool().secrets(), dataKey.id());
    transport =
        new NodeTransport(
            new NodeIdentity(self, new PoolPolicy(base, () -> 0L)),
            new TransportOptions(
                base.bind, holdfast.network.NetworkLimits.standard(), base::reached),
            base.loop,
            base.threads,
            base.clock,
            base.wallClock,
            base.random);
    service =
        new RemotePoolService(
            base.loop,
            transport,
            () -> new ClientId(base.random.nextLong(), base.random.nextLong()),
            dataKey.id());
    transport.serve(service);
    finder = new PeerFinder(base, transport);
  }

  private static DataKey dataKeyOf(PoolFile pool) {
    return pool.dataKey()
        .orElseThrow(
            () ->
                new HoldfastException(
                    ErrorCode.DATA_KEY_DIFFERS,
                    "open pool: expected=a data key in this home, was=none: it lends disks only;"
                        + " copy the files home.key and pool of a home that mounts"));
  }

  /**
   * Finds the pool and opens a session.
   *
   * @throws HoldfastException with one line that says what was tried when there is no peer
   */
  static ClientNode connect(CommonOptions common, Duration timeout) {
    var node = new ClientNode(common, timeout);
    try {
      node.open();
      return node;
    } catch (RuntimeException e) {
      node.close();
      throw e;
    }
  }

  private void open() {
    finder.start();
    long startNs = base.clock.nowNs();
    try {
      int wire = ask(service::open);
      suite =
          CipherSuite.ofWire(wire)
              .orElseThrow(
                  () ->
                      new HoldfastException(
                          ErrorCode.UNSUPPORTED,
                          "open pool: expected=a sealing this version knows, was=" + wire));
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NO_QUORUM) {
        LOG.log(Level.WARNING, "{0}; reads may be stale until then", e.getMessage());
        suite = base.pool().suite();
        openLater();
        return;
      }
      boolean isAlone =
          e.code() == ErrorCode.UNREACHABLE || e.code() == ErrorCode.TIMED_OUT && !isConnected();
      throw isAlone ? noPeer(startNs) : e;
    }
  }

  /** A pool without a majority serves stale reads: that is worth a mount until it has one again. */
  private void openLater() {
    base.loop.at(
        base.loop.nowNs() + OPEN_AGAIN_NS,
        "open session again",
        () ->
            service
                .open(deadlines.begin())
                .whenComplete(
                    (wire, failure) -> {
                      if (failure == null) {
                        LOG.log(Level.INFO, "the pool has a majority again: changes are taken");
                      } else {
                        openLater();
                      }
                    }));
  }

  private HoldfastException noPeer(long startNs) {
    var failures = new CompletableFuture<Map<HostPort, String>>();
    base.loop.post(() -> failures.complete(finder.failures()));
    long seconds = TimeUnit.NANOSECONDS.toSeconds(base.clock.nowNs() - startNs + 500_000_000L);
    return new CommandFailure(
        ErrorCode.UNREACHABLE,
        "find a peer: none answered in "
            + seconds
            + " s; tried "
            + tried(failures.completeOnTimeout(Map.of(), 1, TimeUnit.SECONDS).join())
            + "; start one with `holdfast peer`, or name one with --peer HOST:PORT");
  }

  private String tried(Map<HostPort, String> failures) {
    var tried = new ArrayList<String>();
    tried.add(base.howDiscovered());
    var addresses = new LinkedHashSet<>(base.knownAddresses());
    addresses.addAll(failures.keySet());
    for (HostPort address : addresses) {
      String why = failures.get(address);
      tried.add(why == null ? address.toString() : address + " (" + why + ")");
    }
    return String.join(", ", tried);
  }

  private boolean isConnected() {
    var answer = new CompletableFuture<Boolean>();
    base.loop.post(() -> answer.complete(transport.isPeerConnected()));
    return answer.completeOnTimeout(false, 1, TimeUnit.SECONDS).join();
  }

  RemotePoolService service() {
    return service;
  }

  NodeBase base() {
    return base;
  }

  /** A file system over this session; the caller closes it before this. */
  ClientFileSystem fileSystem(ClientOptions options) {
    var salts = new SaltSource(base.random, base.instance, base.wallClock);
    var sealing = new KeySealing(suite, dataKey, salts, base.random, base.wallClock);
    return new ClientFileSystem(
        service,
        sealing,
        options,
        base.clock,
        base.wallClock,
        base.threads,
        () -> new SealId(base.random.nextLong(), base.random.nextLong()),
        Math.max(2, Runtime.getRuntime().availableProcessors()));
  }

  /** Makes a call of the service and waits for it; its failure or TIMED_OUT is thrown. */
  <T> T ask(Function<Deadline, CompletableFuture<T>> call) {
    Deadline deadline = deadlines.begin();
    return deadlines.await(call.apply(deadline), deadline);
  }

  /** Best effort: without it the pool notices after the session's timeout. */
  private void endSession() {
    try {
      service
          .endSession(deadlines.in(END_SESSION_NS))
          .get(2 * END_SESSION_NS, TimeUnit.NANOSECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.log(Level.DEBUG, "end session: {0}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends the session. */
  @Override
  public void close() {
    endSession();
    service.close();
    finder.stop();
    transport.close();
    base.close();
  }
}
