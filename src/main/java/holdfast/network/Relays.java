package holdfast.network;

import holdfast.crypto.handshake.FrameFormat;
import holdfast.crypto.handshake.SessionId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.System.Logger.Level;
import java.net.Socket;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Passes bytes on between a node of the pool and a peer that it can't reach, and the other side of
 * it: asks for that. The two ends have a session of their own; nothing of it is understood here.
 * docs/sessions.md, "Relayed connections".
 */
final class Relays {
  /** Connections passed on at once. */
  static final int RELAYS_MAX = 128;

  /** … of one asker: control and bulk connections with a few peers. */
  static final int OF_ASKER_MAX = 16;

  /**
   * Connections of one session that are served, those among them that haven't said yet what they
   * are for: who has recorded how one was attached may get so far.
   */
  static final int OF_SESSION_MAX = OF_ASKER_MAX + 4;

  /** Addresses of a node that are tried: those of a session first. */
  private static final int ADDRESSES_MAX = 2;

  /** What one end may still send after the other has ended. */
  private static final long LINGER_NS = TimeUnit.SECONDS.toNanos(5);

  /** How often a thread that passes bytes on wakes for nothing. */
  private static final long WAKE_NS = TimeUnit.HOURS.toNanos(1);

  private static final System.Logger LOG = System.getLogger("holdfast.network");

  /** What the relay answers; the order is that of the numbers on the wire. */
  enum Result {
    CONNECTED,
    NOT_REACHED,
    TOO_MANY
  }

  /** What a relay needs from its transport. */
  interface RelayHost {
    void post(Runnable task);

    NamedThreads threads();

    NetworkLimits limits();

    /** Whether this session is open. On the loop. */
    boolean isOpen(SessionId session);

    /**
     * Where a peer is reached with which this node has a direct session; empty for every other. On
     * the loop.
     */
    List<HostPort> directAddresses(NodeId node);

    /** Connects, and begins nothing. */
    Socket connect(HostPort address) throws IOException;
  }

  /** One connection that is passed on: as long as it is in {@link #pipes} it may be closed. */
  private static final class Pipe {
    private final Authenticated asker;
    private final NodeId target;
    private final AtomicReference<Socket> onward = new AtomicReference<>();
    private volatile boolean isClosed;

    private Pipe(Authenticated asker, NodeId target) {
      this.asker = asker;
      this.target = target;
    }

    /** False when it was closed meanwhile. */
    private boolean connected(Socket socket) {
      onward.set(socket);
      if (isClosed) {
        closeOnward();
      }
      return !isClosed;
    }

    private void close() {
      isClosed = true;
      Sockets.closeQuietly(asker.socket());
      closeOnward();
    }

    private void closeOnward() {
      Socket socket = onward.get();
      if (socket != null) {
        Sockets.closeQuietly(socket);
      }
    }
  }

  private record Admission(Result result, List<HostPort> addresses) {}

  private final RelayHost host;
  private final MonotonicClock clock;

  private final Map<SessionId, Integer> servedOf = new ConcurrentHashMap<>();

  /** Loop only. */
  private final Set<Pipe> pipes = new HashSet<>();

  Relays(RelayHost host, MonotonicClock clock) {
    this.host = host;
    this.clock = clock;
  }

  /** Connections that are passed on now. Loop only. */
  int count() {
    return pipes.size();
  }

  /** A session is over: nothing is passed on for it any more. Loop only. */
  void onSessionOver(SessionId session) {
    closeIf(session, null);
  }

  /** There is no direct session with this node any more: nothing is passed on to it. Loop only. */
  void onNotDirect(NodeId target) {
    closeIf(null, target);
  }

  private void closeIf(SessionId session, NodeId target) {
    for (Pipe pipe : pipes) {
      if (pipe.asker.id().equals(session) || pipe.target.equals(target)) {
        pipe.close();
      }
    }
  }

  /** Serves who asks on this connection, until it ends. Blocks; on a thread of its own. */
  void serve(Authenticated asker) {
    try {
      if (servedOf.merge(asker.id(), 1, Integer::sum) <= OF_SESSION_MAX) {
        serveAdmitted(asker);
      }
    } finally {
      Sockets.closeQuietly(asker.socket());
      servedOf.computeIfPresent(asker.id(), (id, count) -> count > 1 ? count - 1 : null);
    }
  }

  private void serveAdmitted(Authenticated asker) {
    Pipe pipe = null;
    try {
      pipe = new Pipe(asker, readTarget(asker));
      var admission = admission(pipe);
      Optional<Socket> onward = connect(admission.addresses());
      Result result =
          admission.result() == Result.CONNECTED && onward.isEmpty()
              ? Result.NOT_REACHED
              : admission.result();
      if (onward.isPresent() && !pipe.connected(onward.get())) {
        return;
      }
      byte[] answer = {(byte) result.ordinal()};
      asker.socket().getOutputStream().write(asker.sealer().seal(SessionFrames.RELAYED, 0, answer));
      if (onward.isPresent()) {
        passOn(asker, onward.get());
      }
    } catch (IOException | ByteReader.Malformed | HoldfastException e) {
      LOG.log(Level.DEBUG, "relay for " + nameOf(asker) + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      end(pipe);
    }
  }

  private void end(Pipe pipeOrNull) {
    if (pipeOrNull != null) {
      pipeOrNull.close();
      host.post(() -> pipes.remove(pipeOrNull));
    }
  }

  private static NodeId readTarget(Authenticated asker) throws IOException {
    asker.input().expectMessage();
    int lengthBytes = FrameFormat.checkTokenBytes(asker.input().u32());
    checkFits(lengthBytes);
    var frame = asker.opener().open(asker.input().bytes(lengthBytes));
    checkType(frame, SessionFrames.RELAY);
    var in = new ByteReader(frame.payload());
    var target = NodeId.read(in);
    in.end();
    return target;
  }

  private static void checkFits(int lengthBytes) {
    if (lengthBytes > SocketInput.STRANGER_BYTES_MAX) {
      throw new ByteReader.Malformed("read relay frame: expected=a small one, was=" + lengthBytes);
    }
  }

  private static void checkType(FrameFormat.Frame frame, int expected) {
    if (frame.type() != expected) {
      throw new ByteReader.Malformed(
          "read relay frame: expected=type " + expected + ", was=" + frame.type());
    }
  }

  private Admission admission(Pipe pipe) throws InterruptedException {
    var answer = new CompletableFuture<Admission>();
    host.post(() -> answer.complete(admit(pipe)));
    try {
      return answer.get(host.limits().handshakeSilenceNs(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new NetworkException(ErrorCode.BUSY, "relay: expected=the loop in time, was=late", e);
    }
  }

  private Admission admit(Pipe pipe) {
    List<HostPort> addresses =
        host.isOpen(pipe.asker.id()) ? host.directAddresses(pipe.target) : List.of();
    if (addresses.isEmpty()) {
      return new Admission(Result.NOT_REACHED, List.of());
    }
    NodeId asker = pipe.asker.remote().node();
    long own = pipes.stream().filter(other -> other.asker.remote().node().equals(asker)).count();
    if (pipes.size() >= RELAYS_MAX || own >= OF_ASKER_MAX) {
      return new Admission(Result.TOO_MANY, List.of());
    }
    pipes.add(pipe);
    return new Admission(Result.CONNECTED, addresses);
  }

  private Optional<Socket> connect(List<HostPort> addresses) {
    for (HostPort address : addresses.subList(0, Math.min(ADDRESSES_MAX, addresses.size()))) {
      try {
        return Optional.of(host.connect(address));
      } catch (IOException | HoldfastException e) {
        LOG.log(Level.DEBUG, "relay to " + address + ": " + e.getMessage());
      }
    }
    return Optional.empty();
  }

  /** Returns when both directions have ended, or one and some time. */
  private void passOn(Authenticated asker, Socket onward) throws IOException, InterruptedException {
    asker.input().expectFrames(new Endless());
    var back = new SocketInput(onward, clock);
    back.expectFrames(new Endless());
    var there = new CompletableFuture<Void>();
    var andBack = new CompletableFuture<Void>();
    host.threads()
        .startVirtual("relay from " + nameOf(asker), () -> copy(asker.input(), onward, there));
    host.threads()
        .startVirtual("relay to " + nameOf(asker), () -> copy(back, asker.socket(), andBack));
    try {
      CompletableFuture.anyOf(there, andBack).get();
      CompletableFuture.allOf(there, andBack).get(LINGER_NS, TimeUnit.NANOSECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.log(Level.DEBUG, "relay for " + nameOf(asker) + ": closed while one end was open");
    }
  }

  private static void copy(SocketInput from, Socket to, CompletableFuture<Void> ended) {
    byte[] buffer = new byte[SocketInput.BUFFER_BYTES];
    try {
      OutputStream out = to.getOutputStream();
      while (true) {
        int count = from.readSome(buffer, 0, buffer.length);
        out.write(buffer, 0, count);
        Thread.yield(); // bulk must not keep a carrier thread from heartbeats
      }
    } catch (IOException e) {
      LOG.log(Level.TRACE, "relay: one direction ended: " + e.getMessage());
    } finally {
      endOutput(to);
      ended.complete(null);
    }
  }

  private static void endOutput(Socket socket) {
    try {
      socket.shutdownOutput();
    } catch (IOException e) {
      LOG.log(Level.TRACE, "relay: already closed: " + e.getMessage());
    }
  }

  private static String nameOf(Authenticated asker) {
    return asker.remote().node().shortForm();
  }

  /**
   * The asking side: on a connection that was made for it, asks to be passed on. When this returns
   * the connection is one to the target that nothing was sent on.
   *
   * @throws NetworkException UNREACHABLE or BUSY as the relay says
   */
  static void ask(Authenticated relay, NodeId target) throws IOException {
    byte[] frame = relay.sealer().seal(SessionFrames.RELAY, 0, target.toBytes());
    relay.socket().getOutputStream().write(frame);
    relay.input().expectMessage();
    int lengthBytes = FrameFormat.checkTokenBytes(relay.input().u32());
    checkFits(lengthBytes);
    var answer = relay.opener().open(relay.input().bytes(lengthBytes));
    checkType(answer, SessionFrames.RELAYED);
    var in = new ByteReader(answer.payload());
    int number = in.u8();
    in.end();
    if (number != Result.CONNECTED.ordinal()) {
      boolean isFull = number == Result.TOO_MANY.ordinal();
      throw new NetworkException(
          isFull ? ErrorCode.BUSY : ErrorCode.UNREACHABLE,
          "reach "
              + target.shortForm()
              + " through "
              + nameOf(relay)
              + ": expected=a peer that reaches it, was="
              + (isFull ? "one that relays too much already" : "one that doesn't"));
    }
  }

  /** The end of a session ends what is passed on for it; silence here means nothing. */
  private static final class Endless implements SocketInput.Patience {
    @Override
    public long waitNs() {
      return WAKE_NS;
    }

    @Override
    public void onSilence(long silentNs) {}
  }
}
