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
   * Tries the addresses in order until one answers as {@code expected}; {@code then} is called once
   * on a thread of the dialer, with one of the two.
   *
   * @param onStep runs, on any thread, each time that it gets on
   */
  void dial(
      Optional<NodeId> expected,
      List<HostPort> addresses,
      Runnable onStep,
      BiConsumer<Authenticated, HoldfastException> then) {
    start(
        "dial " + addresses.get(0),
        then,
        () -> {
          HoldfastException last = null;
          for (HostPort address : addresses) {
            try {
              return connectPatiently(
                  address, () -> handshakes.initiate(expected, address), onStep);
            } catch (HoldfastException e) {
              if (last != null) {
                e.addSuppressed(last);
              }
              last = e;
            }
          }
          throw last;
        });
  }

  /** Attaches one more connection to a session that this node dialled. */
  void attach(Authenticated session, BiConsumer<Authenticated, HoldfastException> then) {
    HostPort address = session.remote().dialled().orElseThrow();
    start(
        "attach " + address,
        then,
        () -> connectPatiently(address, () -> handshakes.attach(session), () -> {}));
  }

  /** Rises as any dial gets on. Any thread. */
  long stepCount() {
    return stepCount.get();
  }

  /** No dial starts any more, and none that is in flight succeeds. */
  void close() {
    isClosed.set(true);
  }

  private interface Attempt {
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
      HostPort address, Supplier<Handshakes.Prepared> next, Runnable onStep) {
    for (int attempt = 1; ; attempt++) {
      try {
        return connect(address, next.get(), onStep);
      } catch (Handshakes.ClosedWithoutAnswer e) {
        if (attempt >= ATTEMPTS_MAX || isClosed.get()) {
          throw e.refusal();
        }
        LockSupport.parkNanos(attempt * ATTEMPT_PAUSE_NS);
      }
    }
  }

  private Authenticated connect(HostPort address, Handshakes.Prepared handshake, Runnable onStep)
      throws Handshakes.ClosedWithoutAnswer {
    var socket = new Socket();
    boolean isDone = false;
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
      if (!isDone) {
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
