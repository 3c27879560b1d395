package holdfast.network;

import holdfast.crypto.handshake.FrameFormat;
import holdfast.crypto.handshake.SessionId;
import holdfast.crypto.handshake.SessionLimits;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.NodeService;
import holdfast.port.Transport;
import holdfast.protocol.Notice;
import holdfast.protocol.Request;
import holdfast.util.Invariants;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import holdfast.util.WallClock;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * {@link Transport} over TCP: sessions that are opened when needed, kept alive and reopened, and a
 * listener where others open theirs.
 *
 * <p>Made by the composition root; {@link #listen} and {@link #close} may be called on any thread,
 * the methods of {@link Transport} on the loop. Two peers that dial each other at the same moment
 * have two sessions for a second or so: both work, both sides send over the one that the smaller
 * node id dialled, and the other one's dialler ends it when nothing is in flight on it.
 */
public final class NodeTransport implements Transport, AutoCloseable {
  /** Sessions at once; more are closed when they were opened. */
  public static final int SESSIONS_MAX = 1_024;

  /** What this implementation takes from a session: what {@link NodeIdentity#policy} announces. */
  public static final SessionLimits SESSION_LIMITS =
      new SessionLimits(FrameFormat.TOKEN_BYTES_MAX, Session.INBOUND_MAX, 1 + Session.BULK_MAX);

  /** Dials of addresses whose node isn't known, at once. */
  public static final int UNKNOWN_DIALS_MAX = 64;

  private static final System.Logger LOG = System.getLogger("holdfast.network");

  private final Loop loop;
  private final NamedThreads threads;
  private final MonotonicClock clock;
  private final SecureRandom random;
  private final TransportOptions options;
  private final ServiceEvents service = new ServiceEvents();
  private final BodyPermits permits;
  private final StrangerGate gate = new StrangerGate();
  private final Handshakes handshakes;
  private final Dialer dialer;
  private final Host host = new Host();
  private final Relays relays;
  private final SessionDirectory directory = new SessionDirectory();
  private final Map<SessionId, Session> sessions = new HashMap<>();
  private final Map<NodeId, Link> links = new HashMap<>();
  private final Map<HostPort, List<Consumer<HoldfastException>>> unknownDials = new HashMap<>();
  private final Set<OutboundRequest> requests = new HashSet<>();
  private volatile Listener listener;
  private volatile boolean isClosed;

  /**
   * A transport that reaches others but isn't reached before {@link #listen}. What arrives waits
   * until {@link #serve}.
   *
   * @param identity who this node is, and whom it accepts
   */
  public NodeTransport(
      NodeIdentity identity,
      TransportOptions options,
      Loop loop,
      NamedThreads threads,
      MonotonicClock clock,
      WallClock wall,
      SecureRandom random) {
    this.loop = loop;
    this.threads = threads;
    this.clock = clock;
    this.random = random;
    this.options = options;
    this.permits = new BodyPermits(options.limits());
    this.handshakes =
        new Handshakes(identity, clock, wall, random, options.limits(), threads, gate, directory);
    this.dialer = new Dialer(threads, clock, options.limits(), options.bind(), handshakes);
    this.relays = new Relays(host, clock);
  }

  /** Hands what arrives, and has arrived, to {@code made}, on the loop. Once. */
  public void serve(NodeService made) {
    loop.post(() -> service.serve(made));
  }

  /**
   * Accepts connections from now on. Port 0 takes any free one.
   *
   * @return where
   * @throws NetworkException BUSY with a text for the user when the port is taken
   */
  public HostPort listen(int port) {
    Invariants.check(listener == null, "listen: expected=once, was=again");
    var address = new InetSocketAddress(options.bind(), port);
    listener =
        new Listener(
            address, threads, clock, options.limits(), handshakes, gate, this::authenticated);
    listener.start();
    return listener.address();
  }

  /** Where this node is reached; empty before {@link #listen}. */
  public Optional<HostPort> localAddress() {
    return Optional.ofNullable(listener).map(Listener::address);
  }

  /** Ends every session in good order and accepts and dials no more. Doesn't wait. Any thread. */
  @Override
  public void close() {
    if (isClosed) {
      return;
    }
    isClosed = true;
    dialer.close();
    handshakes.close();
    if (listener != null) {
      listener.close();
    }
    host.post(
        () -> {
          List.copyOf(links.values()).forEach(link -> link.disconnect("this node stops"));
          var why = new NetworkException(ErrorCode.SHUTTING_DOWN, "send: this node stops");
          List.copyOf(requests).forEach(request -> request.fail(why));
        });
  }

  @Override
  public void send(NodeId to, Notice notice) {
    if (!isClosed) {
      link(to).send(notice);
    }
  }

  @Override
  public InFlight request(
      NodeId to, Request request, Body bodyOrNull, long silenceNs, ReplyHandler handler) {
    Invariants.check(
        (BodyIntake.chunkOf(request) == null) == (bodyOrNull == null),
        "send request: expected=a body exactly where it has a chunk, was=%s",
        request.getClass().getSimpleName());
    var pending = newPending(to, request, bodyOrNull, silenceNs, handler);
    if (isClosed) {
      pending.fail(new NetworkException(ErrorCode.SHUTTING_DOWN, "send: this node stops"));
    } else if (requests.size() > REQUESTS_MAX) {
      pending.fail(
          new NetworkException(
              ErrorCode.BUSY,
              "send request: expected=at most " + REQUESTS_MAX + " waiting, was=more"));
    } else {
      link(to).request(pending);
    }
    return pending;
  }

  @Override
  public void learn(NodeId node, List<HostPort> addresses) {
    if (!node.equals(handshakes.self())) {
      link(node).learn(addresses);
    }
  }

  @Override
  public void dial(HostPort address, Consumer<HoldfastException> onFailure) {
    if (unknownDials.containsKey(address)) {
      unknownDials.get(address).add(onFailure);
      return;
    }
    if (unknownDials.size() >= UNKNOWN_DIALS_MAX) {
      host.post(
          () ->
              onFailure.accept(
                  new NetworkException(
                      ErrorCode.BUSY, "dial: expected=at most " + UNKNOWN_DIALS_MAX + " at once")));
      return;
    }
    var waiting = new ArrayList<Consumer<HoldfastException>>();
    waiting.add(onFailure);
    unknownDials.put(address, waiting);
    dialer.dial(
        Optional.empty(),
        List.of(address),
        List.of(),
        () -> {},
        (done, why) ->
            host.post(
                () -> {
                  var failure = done == null ? why : opened(done, true);
                  var told = unknownDials.remove(address);
                  if (failure != null) {
                    told.forEach(then -> then.accept(failure));
                  }
                }));
  }

  @Override
  public long dialStepCount() {
    return dialer.stepCount();
  }

  @Override
  public boolean isConnected(NodeId node) {
    Link link = links.get(node);
    return link != null && link.isConnected();
  }

  @Override
  public boolean isDirect(NodeId node) {
    Link link = links.get(node);
    return link != null && link.isDirect();
  }

  /** Whether a session with a peer is open. Loop only. */
  public boolean isPeerConnected() {
    return links.values().stream().anyMatch(Link::isPeerConnected);
  }

  /** Sessions open now, for tests. Any thread. */
  int sessionCount() {
    return directory.count();
  }

  /** Some peers that may reach a node which this one doesn't, in any order. */
  private List<Route.Relay> relaysTo(NodeId node, int countMax) {
    var known = new ArrayList<Route.Relay>();
    links.forEach(
        (id, link) -> {
          if (!id.equals(node)) {
            link.relay().ifPresent(known::add);
          }
        });
    Collections.shuffle(known, random);
    return List.copyOf(known.subList(0, Math.min(countMax, known.size())));
  }

  /** Connections passed on now, for tests. Loop only. */
  int relayedCount() {
    return relays.count();
  }

  private OutboundRequest newPending(
      NodeId to, Request request, Body bodyOrNull, long silenceNs, ReplyHandler handler) {
    var cell = new OutboundRequest[1];
    var pending =
        new OutboundRequest(
            to,
            request,
            bodyOrNull,
            silenceNs,
            loop,
            handler,
            () -> requests.remove(cell[0]),
            host::post);
    cell[0] = pending;
    requests.add(pending);
    pending.watch();
    return pending;
  }

  private Link link(NodeId node) {
    return links.computeIfAbsent(
        node,
        id ->
            new Link(
                id,
                handshakes.self(),
                host,
                new Backoff(
                    options.limits().backoffMinNs(), options.limits().backoffMaxNs(), random)));
  }

  /** On a thread of the connection's own. */
  private void authenticated(Authenticated done) {
    switch (done.use()) {
      case SESSION -> host.post(() -> opened(done, false));
      case BULK -> host.post(() -> attached(done));
      case RELAY -> relays.serve(done);
    }
  }

  /** A handshake is done: makes it a session, unless there is one; null or why not. */
  private HoldfastException opened(Authenticated done, boolean tellAgain) {
    HoldfastException refusal = refusalOf(done);
    if (refusal != null) {
      drop(done);
      return refusal;
    }
    var remote = done.remote();
    Session session;
    try {
      session = new Session(host, done, newConnection(done, false));
    } catch (IOException e) {
      drop(done);
      return new NetworkException(ErrorCode.UNREACHABLE, "open session: " + e.getMessage(), e);
    }
    Link link = link(remote.node());
    sessions.put(done.id(), session);
    directory.opened(done);
    remote.dialled().ifPresent(address -> options.onReached().accept(remote.node(), address));
    session.start();
    Link.Opened opened = link.opened(session);
    if (opened == Link.Opened.FIRST || tellAgain) {
      service.onConnected(remote);
    }
    if (opened == Link.Opened.NEEDLESS) {
      session.end("there is one already");
    } else {
      link.flush(session);
    }
    return null;
  }

  private void drop(Authenticated done) {
    directory.gone(done.id());
    Sockets.closeQuietly(done.socket());
  }

  private HoldfastException refusalOf(Authenticated done) {
    if (isClosed) {
      return new NetworkException(ErrorCode.SHUTTING_DOWN, "open session: this node stops");
    }
    if (sessions.size() >= SESSIONS_MAX) {
      return new NetworkException(
          ErrorCode.BUSY, "open session: expected=at most " + SESSIONS_MAX + ", was=more");
    }
    if (done.remote().node().equals(handshakes.self()) && done.remote().isPeer()) {
      return new NetworkException(
          ErrorCode.REFUSED, "open session: expected=another node, was=this one");
    }
    return null;
  }

  private void attached(Authenticated done) {
    Session session = sessions.get(done.id());
    try {
      if (session == null) {
        Sockets.closeQuietly(done.socket());
      } else {
        session.attach(newConnection(done, true));
      }
    } catch (IOException e) {
      Sockets.closeQuietly(done.socket());
      session.attachFailed(
          new NetworkException(ErrorCode.UNREACHABLE, "attach connection: " + e.getMessage(), e));
    }
  }

  private Connection newConnection(Authenticated done, boolean isBulk) throws IOException {
    return new Connection(
        (isBulk ? "bulk " : "session ") + done.remote().node().shortForm(),
        done,
        isBulk,
        options.limits(),
        clock);
  }

  /** What sessions and links ask of their transport. */
  private final class Host implements SessionHost, Link.LinkHost, Relays.RelayHost {
    @Override
    public Loop loop() {
      return loop;
    }

    @Override
    public void post(Runnable task) {
      try {
        loop.post(task);
      } catch (HoldfastException e) {
        if (isClosed) {
          return;
        }
        LOG.log(Level.WARNING, "post to loop: " + e.getMessage());
        loop.at(loop.nowNs(), "network task after overrun", task);
      }
    }

    @Override
    public NamedThreads threads() {
      return threads;
    }

    @Override
    public NetworkLimits limits() {
      return options.limits();
    }

    @Override
    public BodyPermits permits() {
      return permits;
    }

    @Override
    public NodeService service() {
      return service;
    }

    @Override
    public long nowNs() {
      return loop.nowNs();
    }

    @Override
    public boolean isOpen(SessionId session) {
      return sessions.containsKey(session);
    }

    @Override
    public List<HostPort> directAddresses(NodeId node) {
      Link link = links.get(node);
      return link != null && link.isPeerConnected() ? link.directAddresses() : List.of();
    }

    @Override
    public Socket connect(HostPort address) throws IOException {
      return dialer.open(address);
    }

    @Override
    public void after(long ns, Runnable task) {
      loop.at(loop.nowNs() + ns, "network", task);
    }

    @Override
    public void openBulk(Session session) {
      dialer.attach(
          session.identity(),
          (done, why) ->
              post(
                  () -> {
                    if (done == null) {
                      session.attachFailed(why);
                    } else {
                      attached(done);
                    }
                  }));
    }

    @Override
    public void onSessionSilent(Session session) {
      link(session.remote().node()).silent();
    }

    @Override
    public void onSessionOver(Session session) {
      sessions.remove(session.identity().id());
      directory.gone(session.identity().id());
      NodeId node = session.remote().node();
      Link link = links.get(node);
      boolean wasLast = link != null && link.over(session);
      relays.onSessionOver(session.identity().id());
      if (link != null && !link.isDirect()) {
        relays.onNotDirect(node);
      }
      if (link != null && link.isEmpty()) {
        links.remove(node);
      }
      if (wasLast) {
        service.onDisconnected(node);
      }
    }

    @Override
    public void dial(NodeId node, List<HostPort> addresses, int relaysMax, Runnable onStep) {
      dialer.dial(
          Optional.of(node),
          addresses,
          relaysTo(node, relaysMax),
          onStep,
          (done, why) ->
              post(
                  () -> {
                    var failure = done == null ? why : opened(done, false);
                    link(node).dialled(failure);
                  }));
    }
  }
}
