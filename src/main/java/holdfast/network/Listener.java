package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.NetworkException;
import holdfast.util.ByteReader;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import java.io.EOFException;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Accepts connections and authenticates them, within the limits for strangers. What isn't a
 * handshake of this pool is closed without a word and logged once for each source.
 */
final class Listener {
  /** Connections that the system holds for us before they are accepted. */
  private static final int BACKLOG = 128;

  /** Pause after a failure to accept (out of file descriptors): it must not spin. */
  private static final long PAUSE_MS = 100;

  /** How often it is looked whether a place is free that only this node's lateness holds. */
  private static final long ROOM_LOOK_MS = 10;

  /** How often that is tried. */
  private static final int ROOM_LOOKS_MAX = 500;

  private static final System.Logger LOG = System.getLogger("holdfast.network");

  private final NamedThreads threads;
  private final MonotonicClock clock;
  private final NetworkLimits limits;
  private final Handshakes handshakes;
  private final StrangerGate gate;
  private final Consumer<Authenticated> accepted;
  private final ServerSocket server;
  private final CountDownLatch closed = new CountDownLatch(1);

  /** Binds; {@code accepted} is called on the connection's thread for each that proved itself. */
  Listener(
      InetSocketAddress address,
      NamedThreads threads,
      MonotonicClock clock,
      NetworkLimits limits,
      Handshakes handshakes,
      StrangerGate gate,
      Consumer<Authenticated> accepted) {
    this.threads = threads;
    this.clock = clock;
    this.limits = limits;
    this.handshakes = handshakes;
    this.gate = gate;
    this.accepted = accepted;
    this.server = bind(address);
  }

  /** Starts to accept. */
  void start() {
    threads.startVirtual("listen " + server.getLocalPort(), this::acceptAll);
  }

  /** The bound address. */
  HostPort address() {
    return new HostPort(server.getInetAddress().getHostAddress(), server.getLocalPort());
  }

  /** Accepts no more. */
  void close() {
    closed.countDown();
    try {
      server.close();
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "close listener: " + e.getMessage());
    }
  }

  private static ServerSocket bind(InetSocketAddress address) {
    ServerSocket server = null;
    try {
      server = new ServerSocket();
      server.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      server.bind(address, BACKLOG);
      return server;
    } catch (IOException e) {
      if (server != null) {
        try {
          server.close();
        } catch (IOException suppressed) {
          e.addSuppressed(suppressed);
        }
      }
      throw new NetworkException(
          e instanceof BindException ? ErrorCode.BUSY : ErrorCode.UNREACHABLE,
          "listen on "
              + address.getAddress().getHostAddress()
              + ":"
              + address.getPort()
              + ": expected=a free port of this machine, was="
              + e.getMessage()
              + "; is another peer running? Choose with --port and --bind",
          e);
    }
  }

  private void acceptAll() {
    while (!server.isClosed()) {
      try {
        acceptOne();
      } catch (IOException e) {
        if (!server.isClosed()) {
          LOG.log(Level.WARNING, "accept connection: " + e.getMessage());
        }
        if (pauseEnds()) {
          return;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private boolean pauseEnds() {
    try {
      return closed.await(PAUSE_MS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  private void acceptOne() throws IOException, InterruptedException {
    gate.awaitConnection();
    boolean isHandedOn = false;
    try {
      Socket socket = server.accept();
      InetAddress source = socket.getInetAddress();
      var stranger = new Stranger(socket);
      var place = enter(source, stranger);
      if (place == null) {
        Sockets.closeQuietly(socket);
        return;
      }
      isHandedOn = true;
      threads.startVirtual(
          "handshake " + source.getHostAddress(), () -> handshake(stranger, place));
    } finally {
      if (!isHandedOn) {
        gate.unused();
      }
    }
  }

  private static final class Stranger implements StrangerGate.Holder {
    private final Socket socket;
    private volatile boolean hadToGo;

    private Stranger(Socket socket) {
      this.socket = socket;
    }

    @Override
    public boolean hasUnread() {
      try {
        return socket.getInputStream().available() > 0;
      } catch (IOException e) {
        return false; // closed: it can go
      }
    }

    @Override
    public void close() {
      hadToGo = true;
      Sockets.closeQuietly(socket);
    }
  }

  /** A place for it, once this node has read what others sent before; null if that takes long. */
  private StrangerGate.Place enter(InetAddress source, Stranger stranger)
      throws InterruptedException {
    var place = gate.enters(source, stranger);
    for (int look = 0; place == null && look < ROOM_LOOKS_MAX; look++) {
      if (closed.await(ROOM_LOOK_MS, TimeUnit.MILLISECONDS)) {
        return null;
      }
      place = gate.enters(source, stranger);
    }
    return place;
  }

  private void handshake(Stranger stranger, StrangerGate.Place place) {
    Socket socket = stranger.socket;
    InetAddress source = socket.getInetAddress();
    Authenticated done = null;
    try {
      Sockets.tune(socket);
      var input = new SocketInput(socket, clock);
      input.expectHandshake(limits.handshakeSilenceNs(), SocketInput.STRANGER_BYTES_MAX);
      done = handshakes.respond(socket, input, place);
    } catch (EOFException e) {
      // Who dials a peer at two addresses leaves one of them: nothing is wrong.
      LOG.log(Level.DEBUG, "refuse connection: from={0}, was=gone", source.getHostAddress());
    } catch (IOException | ByteReader.Malformed | HoldfastException e) {
      logOnce(source, stranger.hadToGo ? "made room for a later one" : e.getMessage());
    } finally {
      gate.leaves(place);
      if (done == null) {
        Sockets.closeQuietly(socket);
      }
    }
    if (done != null) {
      accepted.accept(done);
    }
  }

  private void logOnce(InetAddress source, String why) {
    Level level = gate.allowsLog(source, clock.nowNs()) ? Level.INFO : Level.TRACE;
    LOG.log(
        level,
        () ->
            "refuse connection: from="
                + source.getHostAddress()
                + ", why="
                + why
                + "; more from there is not logged for a while");
  }
}
