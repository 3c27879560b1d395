package holdfast.network;

import holdfast.crypto.Role;
import holdfast.crypto.handshake.AttachAnswer;
import holdfast.crypto.handshake.ConnectionKeys;
import holdfast.crypto.handshake.EstablishedSession;
import holdfast.crypto.handshake.HandshakeFormat;
import holdfast.crypto.handshake.HandshakeInitiator;
import holdfast.crypto.handshake.HandshakeResponder;
import holdfast.crypto.handshake.HandshakeStatus;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import holdfast.model.ProtocolException;
import holdfast.port.Remote;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import holdfast.util.WallClock;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * Runs handshakes over sockets, both ways, within the limits for strangers: {@code
 * crypto.handshake} makes and checks the messages, here they are read and written. Blocks: called
 * on virtual threads. RSA of the answering side runs on one platform thread.
 */
final class Handshakes {
  /** Handshakes that wait for the RSA thread. */
  static final int RSA_QUEUE_MAX = 16;

  /** How often one that exceeds its address's rate looks whether it may go on. */
  private static final long RATE_LOOK_NS = TimeUnit.MILLISECONDS.toNanos(50);

  private final NodeIdentity identity;
  private final MonotonicClock clock;
  private final WallClock wall;
  private final SecureRandom random;
  private final NetworkLimits limits;
  private final StrangerGate gate;
  private final SessionDirectory directory;
  private final ThreadPoolExecutor rsa;

  /** {@code directory} knows the sessions that connections are attached to. */
  Handshakes(
      NodeIdentity identity,
      MonotonicClock clock,
      WallClock wall,
      SecureRandom random,
      NetworkLimits limits,
      NamedThreads threads,
      StrangerGate gate,
      SessionDirectory directory) {
    this.identity = identity;
    this.clock = clock;
    this.wall = wall;
    this.random = random;
    this.limits = limits;
    this.gate = gate;
    this.directory = directory;
    this.rsa = threads.platformPool("rsa", 1, RSA_QUEUE_MAX);
  }

  /** This node. */
  NodeId self() {
    return identity.self().get().key().id();
  }

  /** Answers no more. */
  void close() {
    rsa.shutdownNow();
  }

  /** The dialling side of a new session. Throws unless the other side says that it is open. */
  Authenticated initiate(
      Socket socket, SocketInput input, Optional<NodeId> expected, HostPort address)
      throws IOException {
    var initiator =
        new HandshakeInitiator(
            identity.self().get(),
            identity.policy().admission(),
            expected,
            address.toString(),
            random,
            wall);
    byte[] m2 = firstAnswer(socket, input, initiator.m1(), address);
    send(socket, initiator.m3(m2));
    var session = initiator.finish(input.bytes(HandshakeFormat.M4_BYTES));
    session.requireOk();
    return authenticated(socket, input, session, session.connection(), false, Optional.of(address));
  }

  /** The dialling side of one more connection of a session. */
  Authenticated attach(Socket socket, SocketInput input, Authenticated to) throws IOException {
    var initiator = to.session().attach(random);
    send(socket, initiator.message());
    var keys = initiator.finish(input.bytes(HandshakeFormat.ATTACH_ANSWER_BYTES));
    return authenticated(socket, input, to.session(), keys, true, to.remote().dialled());
  }

  /** The side that was dialled. */
  Authenticated respond(Socket socket, SocketInput input) throws IOException {
    byte[] prefix = input.bytes(HandshakeFormat.PREFIX_BYTES);
    return switch (HandshakeFormat.kindOf(prefix)) {
      case SESSION -> respondToM1(socket, input, prefix);
      case ATTACH -> respondToAttach(socket, input, prefix);
      case STRANGER -> throw stranger("no Holdfast handshake");
    };
  }

  private Authenticated respondToM1(Socket socket, SocketInput input, byte[] prefix)
      throws IOException {
    long deadlineNs = clock.nowNs() + limits.handshakeNs();
    var responder = new HandshakeResponder(identity.self().get(), identity.policy(), random, wall);
    var gateSays = responder.checkM1(whole(input, prefix, HandshakeFormat.M1_BYTES));
    if (gateSays == HandshakeResponder.Gate.STRANGER) {
      throw stranger("another pool's secret");
    }
    awaitRate(socket.getInetAddress(), deadlineNs);
    send(socket, responder.answerM1());
    if (gateSays == HandshakeResponder.Gate.NO_VERSION) {
      throw new ProtocolException(
          ErrorCode.UNSUPPORTED, "accept session: expected=a common version, was=none");
    }
    responder.checkM3(input.bytes(HandshakeFormat.M3_BYTES));
    byte[] m4 = m4(responder, deadlineNs);
    var session = responder.session();
    if (session.status() != HandshakeStatus.OK) {
      send(socket, m4);
      throw new ProtocolException(
          ErrorCode.REFUSED,
          "accept session: expected=status OK, was="
              + session.status()
              + ", node="
              + session.remote().node().shortForm());
    }
    directory.expect(session.id());
    try {
      send(socket, m4);
    } catch (IOException e) {
      directory.gone(session.id());
      throw e;
    }
    return authenticated(socket, input, session, session.connection(), false, Optional.empty());
  }

  private Authenticated respondToAttach(Socket socket, SocketInput input, byte[] prefix)
      throws IOException {
    byte[] message = whole(input, prefix, HandshakeFormat.ATTACH_BYTES);
    var to =
        directory
            .find(AttachAnswer.sessionOf(message), limits.handshakeNs())
            .filter(found -> !found.isInitiator())
            .orElseThrow(() -> stranger("a connection of no session"));
    var answer = to.session().answerAttach(message, random);
    send(socket, answer.message());
    return authenticated(socket, input, to.session(), answer.keys(), true, Optional.empty());
  }

  /** M2, read so that a stranger's silence or garbage is distinguished from trouble on the way. */
  private static byte[] firstAnswer(Socket socket, SocketInput input, byte[] m1, HostPort address)
      throws IOException {
    try {
      send(socket, m1);
      byte[] first = input.bytes(1);
      return whole(input, first, HandshakeFormat.m2Bytes(first[0] & 0xFF));
    } catch (SocketTimeoutException e) {
      throw e;
    } catch (EOFException | SocketException e) {
      throw new ClosedWithoutAnswer(HandshakeFormat.closedWithoutAnswer(address.toString()), e);
    }
  }

  /** The other side closed instead of answering the first message. */
  static final class ClosedWithoutAnswer extends IOException {
    private static final long serialVersionUID = 1L;

    private final NetworkException refusal;

    ClosedWithoutAnswer(NetworkException refusal, IOException cause) {
      super(refusal.getMessage(), cause);
      this.refusal = refusal;
    }

    /** The text for the user. */
    NetworkException refusal() {
      return refusal;
    }
  }

  private byte[] m4(HandshakeResponder responder, long deadlineNs) throws IOException {
    try {
      Future<byte[]> m4 = rsa.submit(responder::m4);
      return m4.get(Math.max(0, deadlineNs - clock.nowNs()), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      throw new NetworkException(
          ErrorCode.BUSY, "accept session: expected=at most " + RSA_QUEUE_MAX + " waiting", e);
    } catch (TimeoutException e) {
      throw new SocketTimeoutException("accept session: expected=an end in time, was=busy");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof HoldfastException cause) {
        throw cause;
      }
      throw new IllegalStateException("accept session: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NetworkException(ErrorCode.SHUTTING_DOWN, "accept session: interrupted", e);
    }
  }

  /** Waits, in its place among the few half-open connections of its address, for its turn. */
  private void awaitRate(InetAddress source, long deadlineNs) throws IOException {
    while (!gate.allowsHello(source, clock.nowNs())) {
      if (clock.nowNs() - deadlineNs >= 0) {
        throw new SocketTimeoutException("accept session: expected=fewer a second, was=more");
      }
      LockSupport.parkNanos(RATE_LOOK_NS);
    }
  }

  private Authenticated authenticated(
      Socket socket,
      SocketInput input,
      EstablishedSession session,
      ConnectionKeys keys,
      boolean isAttached,
      Optional<HostPort> dialled) {
    var proved = session.remote();
    var remote =
        new Remote(
            proved.node(),
            proved.role() == Role.PEER,
            proved.instance(),
            dialled,
            socket.getInetAddress().getHostAddress(),
            proved.dataKeyId());
    return new Authenticated(
        socket,
        input,
        keys.outbound(random, wall, clock),
        keys.inbound(),
        session,
        dialled.isPresent(),
        isAttached,
        remote);
  }

  private static byte[] whole(SocketInput input, byte[] prefix, int sizeBytes) throws IOException {
    byte[] whole = new byte[sizeBytes];
    System.arraycopy(prefix, 0, whole, 0, prefix.length);
    input.readFully(whole, prefix.length, sizeBytes - prefix.length);
    return whole;
  }

  private static void send(Socket socket, byte[] message) throws IOException {
    socket.getOutputStream().write(message);
  }

  private static ProtocolException stranger(String was) {
    return new ProtocolException(
        ErrorCode.REFUSED, "accept connection: expected=a node of this pool, was=" + was);
  }
}
