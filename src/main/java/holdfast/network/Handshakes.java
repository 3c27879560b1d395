package holdfast.network;

import holdfast.crypto.Role;
import holdfast.crypto.handshake.AttachAnswer;
import holdfast.crypto.handshake.Attachment;
import holdfast.crypto.handshake.ConnectionKeys;
import holdfast.crypto.handshake.EstablishedSession;
import holdfast.crypto.handshake.HandshakeFormat;
import holdfast.crypto.handshake.HandshakeInitiator;
import holdfast.crypto.handshake.HandshakeResponder;
import holdfast.crypto.handshake.HandshakeStatus;
import holdfast.model.ErrorCode;
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
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Runs handshakes over sockets, both ways, within the limits for strangers: {@code
 * crypto.handshake} makes and checks the messages, here they are read and written. Blocks: called
 * on virtual threads. RSA of the answering side runs on one platform thread. A handshake has no
 * time limit in all: it ends when it makes no progress for a while.
 */
final class Handshakes {
  /** How often one that exceeds its address's rate looks whether it may go on. */
  private static final long RATE_LOOK_NS = TimeUnit.MILLISECONDS.toNanos(50);

  private final NodeIdentity identity;
  private final MonotonicClock clock;
  private final WallClock wall;
  private final SecureRandom random;
  private final NetworkLimits limits;
  private final StrangerGate gate;
  private final SessionDirectory directory;
  private final RsaQueue rsa;

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
    this.rsa = new RsaQueue(threads);
  }

  /** This node. */
  NodeId self() {
    return identity.self().get().key().id();
  }

  /** Answers no more. */
  void close() {
    rsa.close();
  }

  /** The RSA work of the answering side. */
  RsaQueue rsa() {
    return rsa;
  }

  /** The dialling side, ready to be run once: what needs time before the first message is done. */
  interface Prepared {
    /** Runs it on a connected socket. */
    Authenticated over(Socket socket, SocketInput input) throws IOException;
  }

  /** The dialling side of a new session. Throws unless the other side says that it is open. */
  Prepared initiate(Optional<NodeId> expected, Route route) {
    var initiator =
        new HandshakeInitiator(
            identity.self().get(),
            identity.policy().admission(),
            expected,
            route.name(),
            random,
            wall);
    byte[] m1 = initiator.m1();
    return (socket, input) -> {
      byte[] first =
          firstByte(socket, input, m1, HandshakeFormat.closedWithoutAnswer(route.name()));
      byte[] m2 = whole(input, first, HandshakeFormat.m2Bytes(first[0] & 0xFF));
      send(socket, initiator.m3(m2));
      var session = initiator.finish(m4(input, initiator));
      session.requireOk();
      return authenticated(
          socket, input, session, session.connection(), Authenticated.Use.SESSION, route);
    };
  }

  /** The dialling side of one more connection of a session that this node dialled. */
  Prepared attach(Authenticated to) {
    return attach(to, Attachment.CONNECTION, to.routeOrNull());
  }

  /** The side that asks for a relay. */
  Prepared askRelay(Route.Relay relay, HostPort address) {
    Authenticated session = relay.session();
    return attach(session, Attachment.relayBy(session.isInitiator()), new Route.Direct(address));
  }

  private Prepared attach(Authenticated to, Attachment purpose, Route route) {
    var initiator = to.session().attach(purpose, random);
    var refusal =
        new NetworkException(
            ErrorCode.UNREACHABLE,
            "attach connection: expected=an answer, was=closed without one: the session is over"
                + " there, or too many connect at once; peer="
                + to.remote().node().shortForm());
    return (socket, input) -> {
      byte[] first = firstByte(socket, input, initiator.message(), refusal);
      var keys = initiator.finish(whole(input, first, HandshakeFormat.ATTACH_ANSWER_BYTES));
      return authenticated(socket, input, to.session(), keys, useFor(purpose), route);
    };
  }

  /** The side that was dialled. */
  Authenticated respond(Socket socket, SocketInput input, StrangerGate.Place place)
      throws IOException {
    input.expectMessage();
    byte[] prefix = input.bytes(HandshakeFormat.PREFIX_BYTES);
    return switch (HandshakeFormat.kindOf(prefix)) {
      case SESSION -> respondToM1(socket, input, place, prefix);
      case ATTACH -> respondToAttach(socket, input, prefix);
      case STRANGER -> throw stranger("no Holdfast handshake");
    };
  }

  private Authenticated respondToM1(
      Socket socket, SocketInput input, StrangerGate.Place place, byte[] prefix)
      throws IOException {
    var responder = new HandshakeResponder(identity.self().get(), identity.policy(), random, wall);
    var gateSays = responder.checkM1(whole(input, prefix, HandshakeFormat.M1_BYTES));
    if (gateSays == HandshakeResponder.Gate.STRANGER) {
      throw stranger("another pool's secret");
    }
    if (!gate.proves(place)) {
      throw busy();
    }
    awaitRate(place);
    send(socket, responder.answerM1());
    if (gateSays == HandshakeResponder.Gate.NO_VERSION) {
      throw new ProtocolException(
          ErrorCode.UNSUPPORTED, "accept session: expected=a common version, was=none");
    }
    input.expectMessage();
    responder.checkM3(input.bytes(HandshakeFormat.M3_BYTES));
    if (!gate.provesFresh(place)) {
      throw busy();
    }
    byte[] m4 = m4(socket, responder, place);
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
    return authenticated(
        socket, input, session, session.connection(), Authenticated.Use.SESSION, null);
  }

  private Authenticated respondToAttach(Socket socket, SocketInput input, byte[] prefix)
      throws IOException {
    byte[] message = whole(input, prefix, HandshakeFormat.ATTACH_BYTES);
    Attachment purpose = AttachAnswer.purposeOf(message);
    var to =
        directory
            .find(AttachAnswer.sessionOf(message), newSilence())
            .filter(found -> found.isInitiator() != purpose.isByInitiator())
            .orElseThrow(() -> stranger("a connection of no session"));
    var answer = to.session().answerAttach(message, random);
    send(socket, answer.message());
    return authenticated(socket, input, to.session(), answer.keys(), useFor(purpose), null);
  }

  private static Authenticated.Use useFor(Attachment purpose) {
    return purpose.isRelay() ? Authenticated.Use.RELAY : Authenticated.Use.BULK;
  }

  /** The begin of the answer to the first message, so that a refusal is told from trouble. */
  private static byte[] firstByte(
      Socket socket, SocketInput input, byte[] message, NetworkException refusal)
      throws IOException {
    try {
      send(socket, message);
      input.expectMessage();
      return input.bytes(1);
    } catch (EOFException | SocketException e) {
      throw new ClosedWithoutAnswer(refusal, e);
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

  /** M4, after as many WAITs as come: each tells that the other side has worked. */
  private static byte[] m4(SocketInput input, HandshakeInitiator initiator) throws IOException {
    while (true) {
      input.expectMessage();
      byte[] first = input.bytes(1);
      byte[] message = whole(input, first, HandshakeFormat.afterM3Bytes(first[0] & 0xFF));
      if (message.length == HandshakeFormat.M4_BYTES) {
        return message;
      }
      initiator.waiting(message);
      input.noteStep();
    }
  }

  /** Makes M4 in its turn. */
  private byte[] m4(Socket socket, HandshakeResponder responder, StrangerGate.Place place)
      throws IOException {
    var told = new AtomicInteger();
    return rsa.run(
        place.source(),
        responder::m4,
        newSilence(),
        at -> {
          if (told.getAndIncrement() < HandshakeFormat.WAITS_MAX) {
            send(socket, responder.waiting(at));
          }
        });
  }

  private Silence newSilence() {
    return new Silence(clock, limits.handshakeSilenceNs());
  }

  /** Waits for the turn of a valid M1 among those of its address. */
  private void awaitRate(StrangerGate.Place place) throws IOException {
    var silence = newSilence();
    int lowest = Integer.MAX_VALUE;
    while (!gate.allowsHello(place, clock.nowNs())) {
      int before = gate.hellosBefore(place);
      if (before < 0) {
        throw busy();
      }
      if (before < lowest) {
        lowest = before;
        silence.broken();
      } else if (silence.isOver()) {
        throw new SocketTimeoutException(
            "accept session: expected=its turn, was=none of its address's for " + silence.max());
      }
      LockSupport.parkNanos(silence.lookNs(RATE_LOOK_NS));
      silence.looked();
    }
  }

  private static NetworkException busy() {
    return new NetworkException(
        ErrorCode.BUSY, "accept session: expected=a place for it, was=too many handshakes at once");
  }

  private Authenticated authenticated(
      Socket socket,
      SocketInput input,
      EstablishedSession session,
      ConnectionKeys keys,
      Authenticated.Use use,
      Route routeOrNull) {
    var proved = session.remote();
    Optional<HostPort> dialled =
        routeOrNull instanceof Route.Direct direct
            ? Optional.of(direct.address())
            : Optional.empty();
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
        routeOrNull,
        use,
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
