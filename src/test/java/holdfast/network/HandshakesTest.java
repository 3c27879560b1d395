package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.crypto.handshake.HandshakeFormat;
import holdfast.crypto.handshake.HandshakeInitiator;
import holdfast.crypto.handshake.HandshakeResponder;
import holdfast.crypto.handshake.HandshakeStatus;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.NetworkException;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Handshakes whose RSA work waits behind that of other addresses. */
@Timeout(60)
class HandshakesTest {
  private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final SecureRandom RANDOM = new SecureRandom();

  private final TestPool pool = new TestPool(1);
  private final AtomicReference<Throwable> uncaught = new AtomicReference<>();
  private final NamedThreads threads =
      new NamedThreads((thread, e) -> uncaught.compareAndSet(null, e));
  private final StrangerGate gate = new StrangerGate();
  private final Semaphore turns = new Semaphore(0);
  private final CompletableFuture<Authenticated> answered = new CompletableFuture<>();
  private final InstanceId instance = TestNode.newInstance();
  private final NodeIdentity client = pool.client(0, instance, TestPool.DATA_KEY_ID);
  private Handshakes responder;
  private ServerSocket server;
  private Socket socket;

  @BeforeEach
  void connect() throws IOException {
    server = new ServerSocket(0, 1, TestNode.address("127.0.0.1"));
    socket = new Socket("127.0.0.1", server.getLocalPort());
    socket.setSoTimeout(20_000);
  }

  @AfterEach
  void close() throws IOException {
    turns.release(1_000);
    responder.close();
    socket.close();
    server.close();
    assertThat(uncaught.get()).isNull();
  }

  @Test
  void aHandshakeWhosePlaceFallsSucceedsHoweverLongItTakes() throws Exception {
    responder = handshakes(pool.peer(1, TestNode.newInstance()), 2_000 * MS);
    int others = 2 + 2 * Silence.LOOKS;
    occupy(others);
    answer(2_000 * MS);
    var initiator = initiator();
    var in = sendUpToM3(initiator);
    while (responder.rsa().waitingCount() < others) {
      Thread.sleep(1);
    }
    turns.release();

    var places = new ArrayList<Integer>();
    byte[] message = afterM3(in);
    while (message.length == HandshakeFormat.WAIT_BYTES) {
      places.add(initiator.waiting(message));
      turns.release(); // the next of the others is done only now
      message = afterM3(in);
    }
    var session = initiator.finish(message);

    assertThat(session.status()).isEqualTo(HandshakeStatus.OK);
    assertThat(answered.get().id()).isEqualTo(session.id());
    // One a look at most, and the silence is LOOKS of them.
    assertThat(places).hasSizeGreaterThan(Silence.LOOKS);
  }

  @Test
  void aHandshakeWhosePlaceNeverFallsFailsOnBothSidesAfterTheSilence() throws Exception {
    responder = handshakes(pool.peer(1, TestNode.newInstance()), 300 * MS);
    occupy(2);
    answer(300 * MS);
    var dialler = handshakes(client, 300 * MS);
    var input = new SocketInput(socket, SystemClocks.monotonic());
    input.expectHandshake(300 * MS, SocketInput.STRANGER_BYTES_MAX);

    assertThatThrownBy(
            () ->
                dialler.initiate(Optional.empty(), new Route.Direct(address())).over(socket, input))
        .isInstanceOf(SocketTimeoutException.class)
        .hasMessageContaining("expected=the next message within 300 ms, was=silence");
    assertThatThrownBy(answered::join)
        .hasRootCauseInstanceOf(SocketTimeoutException.class)
        .hasMessageContaining("expected=a place that goes down within 300 ms");
    assertThat(responder.rsa().waitingCount()).isEqualTo(1);
  }

  @Test
  void aWaitThatTellsNoProgressEndsTheHandshake() throws Exception {
    responder = handshakes(pool.peer(1, TestNode.newInstance()), 2_000 * MS);
    var dialler = handshakes(client, 10_000 * MS);
    var input = new SocketInput(socket, SystemClocks.monotonic());
    input.expectHandshake(10_000 * MS, SocketInput.STRANGER_BYTES_MAX);
    threads.startVirtual("peer that repeats itself", this::repeatAWait);

    assertThatThrownBy(
            () ->
                dialler.initiate(Optional.empty(), new Route.Direct(address())).over(socket, input))
        .hasMessageContaining("expected=a place below 5 in WAIT 1 to 128, was=5 in WAIT 2");
  }

  @Test
  void aRecordedM1SentAgainCostsNoRsa() throws Exception {
    responder = handshakes(pool.peer(1, TestNode.newInstance()), 2_000 * MS);
    var isRsaUsed = new Semaphore(0);
    pool.onStatus = isRsaUsed::release;
    answer(2_000 * MS);
    var recorded = initiator();
    byte[] m1 = recorded.m1();
    var in = new DataInputStream(socket.getInputStream());
    socket.getOutputStream().write(m1);
    byte[] m3 = recorded.m3(in.readNBytes(HandshakeFormat.M2_BYTES));
    socket.getOutputStream().write(m3);
    assertThat(afterM3(in)).hasSize(HandshakeFormat.M4_BYTES);
    answered.get();
    assertThat(isRsaUsed.tryAcquire()).isTrue();

    var again = new CompletableFuture<Authenticated>();
    try (var replay = new Socket("127.0.0.1", server.getLocalPort())) {
      answer(2_000 * MS, again);
      replay.getOutputStream().write(m1);
      replay.getOutputStream().write(m3);

      assertThatThrownBy(again::join).hasMessageContaining("M3 under this session's key");
    }
    assertThat(isRsaUsed.tryAcquire()).isFalse();
  }

  @Test
  void aSessionThatThisNodesLoopOpensLateIsFound() throws Exception {
    responder = handshakes(pool.peer(1, TestNode.newInstance()), 2_000 * MS);
    answer(2_000 * MS);
    var initiator = initiator();
    initiator.finish(afterM3(sendUpToM3(initiator)));
    var opened = answered.get();
    var directory = new SessionDirectory();
    directory.expect(opened.id());

    assertThat(directory.find(opened.id(), silence(50 * MS))).isEmpty();
    var found = new CompletableFuture<Optional<Authenticated>>();
    threads.startVirtual(
        "find", () -> found.complete(directory.find(opened.id(), silence(60_000 * MS))));
    directory.opened(opened);
    assertThat(found.get()).contains(opened);
  }

  private static Silence silence(long ns) {
    return new Silence(SystemClocks.monotonic(), ns);
  }

  private Handshakes handshakes(NodeIdentity identity, long silenceNs) {
    return new Handshakes(
        identity,
        SystemClocks.monotonic(),
        SystemClocks.wall(),
        RANDOM,
        NetworkLimits.standard().withHandshakeSilenceNs(silenceNs),
        threads,
        gate,
        new SessionDirectory());
  }

  private HostPort address() {
    return new HostPort("127.0.0.1", server.getLocalPort());
  }

  private HandshakeInitiator initiator() {
    return new HandshakeInitiator(
        client.self().get(),
        client.policy().admission(),
        Optional.empty(),
        "peer",
        RANDOM,
        SystemClocks.wall());
  }

  /** Jobs of so many other addresses, each done when it gets a turn. The first runs. */
  private void occupy(int count) throws InterruptedException {
    var rsa = responder.rsa();
    for (int source = 1; source <= count; source++) {
      int id = source;
      threads.startVirtual("other " + source, () -> occupyOne(rsa, id));
      while (source > 1 && rsa.waitingCount() < source - 1) {
        Thread.sleep(1);
      }
      if (source == 1) {
        isFirstRunning.join();
      }
    }
  }

  private final CompletableFuture<Void> isFirstRunning = new CompletableFuture<>();

  private void occupyOne(RsaQueue rsa, int source) {
    try {
      rsa.run(
          source,
          () -> {
            isFirstRunning.complete(null);
            turns.acquireUninterruptibly();
            return new byte[0];
          },
          silence(60_000 * MS),
          at -> {});
    } catch (IOException | NetworkException e) {
      assertThat(e).hasMessageContaining("this node stops");
    }
  }

  private void answer(long silenceNs) {
    answer(silenceNs, answered);
  }

  private void answer(long silenceNs, CompletableFuture<Authenticated> then) {
    threads.startVirtual(
        "answer",
        () -> {
          try {
            Socket accepted = server.accept();
            gate.awaitConnection();
            var input = new SocketInput(accepted, SystemClocks.monotonic());
            input.expectHandshake(silenceNs, SocketInput.STRANGER_BYTES_MAX);
            var place = gate.enters(accepted.getInetAddress(), new Held(accepted));
            then.complete(responder.respond(accepted, input, place));
          } catch (Exception e) {
            then.completeExceptionally(e);
          }
        });
  }

  private record Held(Socket socket) implements StrangerGate.Holder {
    @Override
    public boolean hasUnread() {
      return false;
    }

    @Override
    public void close() {
      Sockets.closeQuietly(socket);
    }
  }

  private DataInputStream sendUpToM3(HandshakeInitiator initiator) throws IOException {
    var in = new DataInputStream(socket.getInputStream());
    socket.getOutputStream().write(initiator.m1());
    socket.getOutputStream().write(initiator.m3(in.readNBytes(HandshakeFormat.M2_BYTES)));
    return in;
  }

  /** WAIT or M4. */
  private static byte[] afterM3(DataInputStream in) throws IOException {
    int first = in.readUnsignedByte();
    byte[] message = new byte[HandshakeFormat.afterM3Bytes(first)];
    message[0] = (byte) first;
    in.readFully(message, 1, message.length - 1);
    return message;
  }

  private void repeatAWait() {
    try (Socket accepted = server.accept()) {
      var self = pool.peer(1, TestNode.newInstance());
      var peer =
          new HandshakeResponder(self.self().get(), self.policy(), RANDOM, SystemClocks.wall());
      var in = accepted.getInputStream();
      peer.checkM1(in.readNBytes(HandshakeFormat.M1_BYTES));
      accepted.getOutputStream().write(peer.answerM1());
      peer.checkM3(in.readNBytes(HandshakeFormat.M3_BYTES));
      for (int place : List.of(5, 5)) {
        accepted.getOutputStream().write(peer.waiting(place));
      }
      assertThat(in.read()).isNegative();
    } catch (IOException e) {
      uncaught.compareAndSet(null, e);
    }
  }
}
