package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/** Connects to addresses and does the handshake, on a virtual thread of its own for each dial. */
final class Dialer {
  /** Dials in flight at once; more fail with BUSY. */
  static final int DIALS_MAX = 64;

  /** Times an address is tried that closes without an answer. */
  private static final int ATTEMPTS_MAX = 3;

  /** Pause after the first of them; grows with each. */
  private static final long ATTEMPT_PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(100);

  private final NamedThreads threads;
  private final MonotonicClock clock;
  private final NetworkLimits limits;
  private final InetAddress bind;
  private final Handshakes handshakes;
  private final Semaphore dials = new Semaphore(DIALS_MAX);
  private final AtomicLong stepCount = new AtomicLong();
  private final AtomicBoolean isClosed = new AtomicBoolean();

  Dialer(
      NamedThreads threads,
      MonotonicClock clock,
      NetworkLimits limits,
      InetAddress bind,
      Handshakes handshakes) {
    this.threads = threads;
    this.clock = clock;
    this.limits = limits;
    this.bind = bind;
    this.handshakes = handshakes;
  }

  /**
   * Tries the addresses in order until one answers as {@code expected}, and after a while, or where
   * none does, the relays; {@code then} is called once on a thread of the dialer, with one of the
   * two.
   *
   * @param relays who may be asked to pass bytes on; only for a node that is known
   * @param onStep runs, on any thread, each time that it gets on
   */
  void dial(
      Optional<NodeId> expected,
      List<HostPort> addresses,
      List<Route.Relay> relays,
      Runnable onStep,
      BiConsumer<Authenticated, HoldfastException> then) {
    Attempt direct = () -> dialDirectly(expected, addresses, onStep);
    String name = "dial " + (addresses.isEmpty() ? "through a relay" : addresses.get(0));
    start(
        name,
        then,
        relays.isEmpty()
            ? direct
            : () ->
                new DialRace(threads, name, direct)
                    .orElse(() -> dialThrough(expected.orElseThrow(), relays, onStep)));
  }

  private Authenticated dialDirectly(
      Optional<NodeId> expected, List<HostPort> addresses, Runnable onStep) {
    HoldfastException last =
        addresses.isEmpty()
            ? new NetworkException(ErrorCode.UNREACHABLE, "dial: expected=a relay, was=none")
            : null;
    for (HostPort address : addresses) {
      try {
        var route = new Route.Direct(address);
        return connectPatiently(route, () -> handshakes.initiate(expected, route), onStep);
      } catch (HoldfastException e) {
        if (last != null) {
          e.addSuppressed(last);
        }
        last = e;
      }
    }
    throw last;
  }

  private Authenticated dialThrough(NodeId target, List<Route.Relay> relays, Runnable onStep) {
    HoldfastException last = null;
    for (Route.Relay relay : relays) {
      try {
        var route = new Route.Through(relay, target);
        return connect(route, handshakes.initiate(Optional.of(target), route), onStep);
      } catch (HoldfastException e) {
        last = e;
      } catch (Handshakes.ClosedWithoutAnswer e) {
        last = e.refusal();
      }
    }
    throw last;
  }

  /** Attaches one more connection to a session that this node dialled, the same way. */
  void attach(Authenticated session, BiConsumer<Authenticated, HoldfastException> then) {
    Route route = session.routeOrNull();
    start(
        "attach " + route.name(),
        then,
        () -> connectPatiently(route, () -> handshakes.attach(session), () -> {}));
  }

  /** Rises as any dial gets on. Any thread. */
  long stepCount() {
    return stepCount.get();
  }

  /** No dial starts any more, and none that is in flight succeeds. */
  void close() {
    isClosed.set(true);
  }

  /** One way to a node, tried until it leads there or fails. */
  interface Attempt {
    Authenticated run();
  }

  private void start(
      String name, BiConsumer<Authenticated, HoldfastException> then, Attempt attempt) {
    if (isClosed.get() || !dials.tryAcquire()) {
      then.accept(
          null,
          new NetworkException(
              isClosed.get() ? ErrorCode.SHUTTING_DOWN : ErrorCode.BUSY,
              name + ": expected=at most " + DIALS_MAX + " at once"));
      return;
    }
    threads.startVirtual(
        name,
        () -> {
          Authenticated done = null;
          HoldfastException why =
              new NetworkException(ErrorCode.INTERNAL, name + ": expected=no bug, was=one");
          try {
            done = attempt.run();
            why = null;
          } catch (HoldfastException e) {
            why = e;
          } finally {
            dials.release();
            then.accept(done, why);
          }
        });
  }

  /** A peer under load closes what is too much as it closes strangers: so ask more than once. */
  private Authenticated connectPatiently(
      Route route, Supplier<Handshakes.Prepared> next, Runnable onStep) {
    for (int attempt = 1; ; attempt++) {
      try {
        return connect(route, next.get(), onStep);
      } catch (Handshakes.ClosedWithoutAnswer e) {
        if (attempt >= ATTEMPTS_MAX || isClosed.get()) {
          throw e.refusal();
        }
        LockSupport.parkNanos(attempt * ATTEMPT_PAUSE_NS);
      }
    }
  }

  private Authenticated connect(Route route, Handshakes.Prepared handshake, Runnable onStep)
      throws Handshakes.ClosedWithoutAnswer {
    return switch (route) {
      case Route.Direct direct -> over(direct.address(), handshake, onStep);
      case Route.Through through -> throughRelay(through, handshake, onStep);
    };
  }

  private Authenticated throughRelay(
      Route.Through route, Handshakes.Prepared handshake, Runnable onStep)
      throws Handshakes.ClosedWithoutAnswer {
    Route.Relay relay = route.relay();
    HostPort address = relay.addresses().get(0);
    Handshakes.Prepared asking = handshakes.askRelay(relay, address);
    return over(
        address,
        (socket, input) -> {
          Relays.ask(asking.over(socket, input), route.target());
          return handshake.over(socket, input);
        },
        onStep);
  }

  private Authenticated over(HostPort address, Handshakes.Prepared handshake, Runnable onStep)
      throws Handshakes.ClosedWithoutAnswer {
    Socket socket = null;
    boolean isDone = false;
    try {
      socket = open(address);
      var input = new SocketInput(socket, clock);
      input.expectHandshake(
          limits.handshakeSilenceNs(),
          SocketInput.STRANGER_BYTES_MAX,
          () -> {
            stepCount.incrementAndGet();
            onStep.run();
          });
      var done = handshake.over(socket, input);
      isDone = !isClosed.get();
      return done;
    } catch (ConnectException e) {
      throw failure(ErrorCode.UNREACHABLE, address, "an open port", e);
    } catch (SocketTimeoutException e) {
      throw failure(ErrorCode.UNREACHABLE, address, "an answer in time", e);
    } catch (Handshakes.ClosedWithoutAnswer e) {
      throw e;
    } catch (IOException e) {
      throw failure(ErrorCode.UNREACHABLE, address, "a connection", e);
    } catch (ByteReader.Malformed e) {
      throw failure(ErrorCode.MALFORMED, address, "a Holdfast handshake", e);
    } finally {
      if (!isDone && socket != null) {
        Sockets.closeQuietly(socket);
      }
    }
  }

  /** Connects, and begins nothing. */
  Socket open(HostPort address) throws IOException {
    var socket = new Socket();
    boolean isConnected = false;
    try {
      Sockets.tune(socket);
      InetAddress target = InetAddress.getByName(address.host());
      checkConfined(address, target);
      if (!bind.isAnyLocalAddress()) {
        socket.bind(new InetSocketAddress(bind, 0));
      }
      socket.connect(
          new InetSocketAddress(target, address.port()),
          (int) TimeUnit.NANOSECONDS.toMillis(limits.connectNs()));
      isConnected = true;
      return socket;
    } finally {
      if (!isConnected) {
        Sockets.closeQuietly(socket);
      }
    }
  }

  private void checkConfined(HostPort address, InetAddress target) {
    if (Sockets.isConfined(bind) && !Sockets.isConfined(target)) {
      throw new NetworkException(
          ErrorCode.REFUSED,
          "connect to "
              + address
              + ": expected=an address on this machine, as it is bound to "
              + bind.getHostAddress()
              + ", was="
              + target.getHostAddress());
    }
  }

  private static NetworkException failure(
      ErrorCode code, HostPort address, String expected, Exception e) {
    return new NetworkException(
        code, "connect to " + address + ": expected=" + expected + ", was=" + e.getMessage(), e);
  }
}
