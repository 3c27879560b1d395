package holdfast.network.discovery;

import holdfast.crypto.Fernet;
import holdfast.model.ErrorCode;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import holdfast.port.Loop;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import holdfast.util.Sha256;
import holdfast.util.WallClock;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Discovery by UDP broadcast: a peer answers requests for storage and announces itself, a client
 * looks for peers. What it finds are hints: addresses worth dialling, nothing more.
 *
 * <p>Methods may be called on any thread; hints are given on the loop. One virtual thread for each
 * socket receives; sending happens on virtual threads too. IPv4 only, as broadcast is.
 */
public final class Beacon implements AutoCloseable {
  /** Time between two announcements. */
  public static final long ANNOUNCE_NS = TimeUnit.SECONDS.toNanos(30);

  /** Answers wait up to this long, so that many peers don't answer at once. */
  public static final long JITTER_NS = TimeUnit.MILLISECONDS.toNanos(50);

  /** Pause after a search's first request; it doubles. */
  static final long SEARCH_FIRST_NS = TimeUnit.MILLISECONDS.toNanos(250);

  /** Longest pause between two requests of a search. */
  static final long SEARCH_LAST_NS = TimeUnit.SECONDS.toNanos(4);

  /** How long the interfaces' addresses are believed. */
  private static final long SUBNETS_FRESH_NS = TimeUnit.SECONDS.toNanos(5);

  private static final System.Logger LOG = System.getLogger("holdfast.network");

  private final DiscoveryOptions options;
  private final InstanceId instance;
  private final Loop loop;
  private final NamedThreads threads;
  private final MonotonicClock clock;
  private final WallClock wall;
  private final SecureRandom random;
  private final Supplier<List<byte[]>> keys;
  private final HintFilter filter;
  private final DiscoverySockets sockets;
  private final AtomicLong counter = new AtomicLong();
  private final AtomicBoolean hasHinted = new AtomicBoolean();
  private final AtomicBoolean isClosed = new AtomicBoolean();
  private volatile Subnets attached = new Subnets(List.of());
  private volatile long attachedSinceNs;
  private volatile boolean isAttachedKnown;

  /**
   * An address worth dialling.
   *
   * @param expected the node that should be there, if the datagram said so
   */
  public record Hint(HostPort address, Optional<NodeId> expected, long freeBytes) {}

  /**
   * What a peer announces of itself.
   *
   * @param publicKey its RSA public key, DER
   */
  public record Offer(NodeId node, byte[] publicKey, int port, LongSupplier freeBytes) {}

  /** Looks for peers until it is stopped. */
  public interface Search {
    /** Sends no more requests and gives no more hints. */
    void stop();
  }

  /** {@code keys} gives the discovery keys of the pool's live epochs, the newest first. */
  public Beacon(
      DiscoveryOptions options,
      Supplier<List<byte[]>> keys,
      InstanceId instance,
      Loop loop,
      NamedThreads threads,
      MonotonicClock clock,
      WallClock wall,
      SecureRandom random) {
    this.options = options;
    this.keys = keys;
    this.instance = instance;
    this.loop = loop;
    this.threads = threads;
    this.clock = clock;
    this.wall = wall;
    this.random = random;
    this.filter = new HintFilter(keys, instance);
    this.sockets = new DiscoverySockets(options, threads);
  }

  /**
   * Serves as a peer: answers and announces, and gives hints of other peers' announcements.
   *
   * @throws NetworkException BUSY when the UDP port can't be shared
   */
  public void serve(Offer offer, Consumer<Hint> onHint) {
    if (options.isOff()) {
      return;
    }
    try {
      sockets.listen((data, length, from) -> heardAsPeer(offer, onHint, data, length, from));
    } catch (IOException e) {
      throw new NetworkException(
          ErrorCode.BUSY,
          "listen for discovery: expected=UDP port "
              + options.port()
              + " to share, was="
              + e.getMessage()
              + "; choose with --discovery ADDR:PORT or off",
          e);
    }
    announce(offer);
  }

  /**
   * Asks for peers with this much room, again and again with growing pauses, until stopped. The
   * same peer may be hinted at more than once.
   *
   * @param onHint called on the loop
   */
  public Search findPeers(long spaceNeededBytes, Consumer<Hint> onHint) {
    var isStopped = new AtomicBoolean(options.isOff());
    if (isStopped.get()) {
      return () -> {};
    }
    Consumer<Hint> unlessStopped =
        hint -> {
          if (!isStopped.get()) {
            onHint.accept(hint);
          }
        };
    DiscoverySockets.Port port;
    try {
      port = sockets.open((data, length, from) -> heardAnswer(unlessStopped, data, length, from));
    } catch (IOException e) {
      throw new NetworkException(
          ErrorCode.UNREACHABLE, "look for peers: expected=a UDP socket, was=" + e.getMessage(), e);
    }
    ask(port, isStopped, spaceNeededBytes, SEARCH_FIRST_NS);
    return () -> {
      isStopped.set(true);
      port.close();
    };
  }

  /** Datagrams of other pools that came by. */
  public long strangerCount() {
    return filter.strangerCount();
  }

  /** Sends and hears no more. */
  @Override
  public void close() {
    isClosed.set(true);
    sockets.close();
  }

  private void announce(Offer offer) {
    if (isClosed.get()) {
      return;
    }
    threads.startVirtual(
        "announce",
        () -> {
          var announce =
              new Datagram.Announce(
                  header(), offer.node(), offer.port(), Math.max(0, offer.freeBytes().getAsLong()));
          broadcast(sockets.sender(), announce);
        });
    loop.at(loop.nowNs() + ANNOUNCE_NS, "announce", () -> announce(offer));
  }

  private void ask(
      DiscoverySockets.Port port, AtomicBoolean isStopped, long spaceNeededBytes, long pauseNs) {
    if (isClosed.get() || isStopped.get()) {
      return;
    }
    threads.startVirtual(
        "look for peers",
        () -> {
          var request = new Datagram.Request(header(), spaceNeededBytes);
          filter.requested(request.header().nonce(), clock.nowNs());
          broadcast(port, request);
        });
    loop.at(
        loop.nowNs() + pauseNs,
        "look for peers",
        () -> ask(port, isStopped, spaceNeededBytes, Math.min(SEARCH_LAST_NS, pauseNs * 2)));
  }

  private void heardAsPeer(
      Offer offer, Consumer<Hint> onHint, byte[] data, int lengthBytes, InetSocketAddress from) {
    switch (filter.open(data, lengthBytes, clock.nowNs()).orElse(null)) {
      case null -> hintAtStrangers();
      case Datagram.Request request -> {
        long freeBytes = Math.max(0, offer.freeBytes().getAsLong());
        if (filter.deservesAnswer(
            request, from.getAddress(), attached(), freeBytes, clock.nowNs())) {
          answer(offer, request, freeBytes, from);
        }
      }
      case Datagram.Announce announce ->
          pass(onHint, from.getAddress(), announce.port(), announce.node(), announce.freeBytes());
      case Datagram.Answer answer -> {}
    }
  }

  private void heardAnswer(
      Consumer<Hint> onHint, byte[] data, int lengthBytes, InetSocketAddress from) {
    var content = filter.open(data, lengthBytes, clock.nowNs());
    if (content.isPresent()
        && content.get() instanceof Datagram.Answer answer
        && filter.isWanted(answer, clock.nowNs())) {
      pass(
          onHint, from.getAddress(), answer.port(), nodeOf(answer.key().der()), answer.freeBytes());
    }
  }

  private void answer(Offer offer, Datagram.Request request, long freeBytes, InetSocketAddress to) {
    loop.at(
        loop.nowNs() + random.nextLong(JITTER_NS + 1),
        "discovery answer",
        () ->
            threads.startVirtual(
                "discovery answer",
                () -> {
                  var answer =
                      new Datagram.Answer(
                          header(),
                          request.header().nonce(),
                          offer.port(),
                          freeBytes,
                          new Datagram.PublicKey(offer.publicKey()));
                  sockets.sender().send(seal(answer), to);
                }));
  }

  private void pass(
      Consumer<Hint> onHint, InetAddress address, int port, NodeId node, long freeBytes) {
    boolean isReachable = !options.isConfined() || address.isLoopbackAddress();
    if (isReachable && filter.allowsHint(clock.nowNs())) {
      var hint =
          new Hint(new HostPort(address.getHostAddress(), port), Optional.of(node), freeBytes);
      loop.post(() -> onHint.accept(hint));
    }
  }

  private void broadcast(DiscoverySockets.Port port, Datagram datagram) {
    byte[] sealed = seal(datagram);
    for (InetSocketAddress target : sockets.targets(attached())) {
      port.send(sealed, target);
    }
  }

  private byte[] seal(Datagram datagram) {
    return Fernet.encrypt(
        keys.get().get(0), datagram.encode(), random, TimeUnit.NANOSECONDS.toSeconds(wall.nowNs()));
  }

  private Datagram.Header header() {
    var nonce = new Nonce(random.nextLong(), random.nextLong());
    return new Datagram.Header(
        nonce, instance, counter.getAndIncrement(), Datagram.VERSION, Datagram.VERSION);
  }

  private Subnets attached() {
    long nowNs = clock.nowNs();
    if (!isAttachedKnown || nowNs - attachedSinceNs >= SUBNETS_FRESH_NS) {
      try {
        attached = Subnets.ofThisMachine().reachedFrom(options.bind());
        attachedSinceNs = nowNs;
        isAttachedKnown = true;
      } catch (IOException e) {
        LOG.log(Level.WARNING, "list network interfaces: " + e.getMessage());
      }
    }
    return attached;
  }

  private void hintAtStrangers() {
    if (filter.strangerCount() > 0 && hasHinted.compareAndSet(false, true)) {
      LOG.log(
          Level.INFO,
          "another pool is on this LAN; if it is meant to be this one, copy its home.key and pool"
              + " files here");
    }
  }

  private static NodeId nodeOf(byte[] publicKey) {
    return NodeId.of(Sha256.of(publicKey));
  }
}
