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
    gate.awaitPlace();
    boolean isHandedOn = false;
    try {
      Socket socket = server.accept();
      InetAddress source = socket.getInetAddress();
      if (gate.enters(source)) {
        isHandedOn = true;
        threads.startVirtual("handshake " + source.getHostAddress(), () -> handshake(socket));
      } else {
        Sockets.closeQuietly(socket);
      }
    } finally {
      if (!isHandedOn) {
        gate.leavePlace();
      }
    }
  }

  private void handshake(Socket socket) {
    InetAddress source = socket.getInetAddress();
    Authenticated done = null;
    try {
      Sockets.tune(socket);
      var input = new SocketInput(socket, clock);
      input.expectHandshake(clock.nowNs() + limits.handshakeNs(), SocketInput.STRANGER_BYTES_MAX);
      done = handshakes.respond(socket, input);
    } catch (EOFException e) {
      // Who dials a peer at two addresses leaves one of them: nothing is wrong.
      LOG.log(Level.DEBUG, "refuse connection: from={0}, was=gone", source.getHostAddress());
    } catch (IOException | ByteReader.Malformed | HoldfastException e) {
      logOnce(source, e);
    } finally {
      gate.leaves(source);
      if (done == null) {
        Sockets.closeQuietly(socket);
      }
    }
    if (done != null) {
      accepted.accept(done);
    }
  }

  private void logOnce(InetAddress source, Exception e) {
    Level level = gate.allowsLog(source, clock.nowNs()) ? Level.INFO : Level.TRACE;
    LOG.log(
        level,
        () ->
            "refuse connection: from="
                + source.getHostAddress()
                + ", why="
                + e.getMessage()
                + "; more from there is not logged for a while");
  }
}
