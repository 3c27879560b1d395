package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.crypto.handshake.HandshakeFormat;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import holdfast.util.SystemClocks;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HostileNetworkTest {
  private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long HOUR_NS = TimeUnit.HOURS.toNanos(1);
  private static final NetworkLimits LIMITS = NetworkLimits.standard();

  private final TestPool pool = new TestPool(1);
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  @Test
  void randomBytesAreClosedWithoutAWordAndTheListenerServesOn() throws Exception {
    long seed = System.nanoTime();
    System.out.println("seed=" + seed);
    var random = new Random(seed);
    var b = answering(peer(1, LIMITS.withHandshakeSilenceNs(500 * MS)));
    HostPort address = b.transport.listen(0);

    for (int i = 0; i < 100; i++) {
      byte[] noise = new byte[1 + random.nextInt(20_000)];
      random.nextBytes(noise);
      if (i % 3 == 0) {
        System.arraycopy("HFH1".getBytes(), 0, noise, 0, Math.min(4, noise.length));
      }
      try (Socket socket = from("127.0.0." + (2 + i % 100), address)) {
        assertThat(answerTo(socket, noise)).isZero();
      }
    }

    assertServes(b, address);
  }

  @Test
  void slowStrangersKeepNobodyOut() throws Exception {
    var b = answering(peer(1, LIMITS.withHandshakeSilenceNs(1_500 * MS)));
    HostPort address = b.transport.listen(0);
    var slow = new ArrayList<Socket>();
    for (int i = 0; i < StrangerGate.STRANGERS_PER_ADDRESS_MAX; i++) {
      Socket socket = from("127.0.0.2", address);
      socket.getOutputStream().write('H');
      slow.add(socket);
      open.add(socket);
    }

    var stranger = open(TestNode.client(new TestPool(2), 0, LIMITS));
    assertThat(dial(stranger, address)).hasMessageContaining("closed without an answer");
    assertServes(b, address);
    Socket oneMore = from("127.0.0.2", address);
    open.add(oneMore);
    assertThat(readsAsClosed(slow.remove(0))).isTrue();
    assertServes(b, address);
    slow.add(oneMore);
    for (Socket socket : slow) {
      assertThat(readsAsClosed(socket)).isTrue();
    }
  }

  @Test
  void aStrangerWhoSendsAByteNowAndThenIsCut() throws Exception {
    var b = answering(peer(1, LIMITS.withHandshakeSilenceNs(500 * MS)));
    HostPort address = b.transport.listen(0);
    try (Socket socket = from("127.0.0.2", address)) {
      socket.setSoTimeout(100);
      byte[] beginning = "HFH1\1\6\6\1".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
      boolean isCut = false;
      for (int sent = 0; !isCut && sent < HandshakeFormat.M1_BYTES - 1; sent++) {
        isCut = !isTaken(socket, sent < beginning.length ? beginning[sent] : 0);
        isCut |= readsAsClosed(socket);
      }

      assertThat(isCut).isTrue();
    }
  }

  @Test
  void handshakesThatTakeLongerInAllThanTheSilenceAllSucceedWhileTheyProgress() throws Exception {
    var patient = LIMITS.withHandshakeSilenceNs(2_000 * MS);
    var b = answering(peer(1, patient));
    HostPort address = b.transport.listen(0);
    pool.onStatus = () -> LockSupport.parkNanos(200 * MS);

    var asked = new ArrayList<CompletableFuture<TestNode.Answered>>();
    for (int i = 0; i < 30; i++) {
      var a = open(TestNode.client(pool, 0, patient));
      a.learn(b.id, address);
      // A request that waits for the session is worked on as long as that gets on.
      asked.add(a.ask(b.id, new Request.GetSpace(), null, 3_000 * MS));
    }

    for (var each : asked) {
      assertThat(each.get().reply()).isEqualTo(new Reply.Done());
    }
  }

  @Test
  void anotherPoolsSecretIsRefusedWithATextThatHelps() throws Exception {
    var b = answering(peer(1, LIMITS));
    HostPort address = b.transport.listen(0);
    var stranger = open(TestNode.client(new TestPool(2), 0, LIMITS));

    var why = dial(stranger, address);

    assertThat(why.code()).isEqualTo(ErrorCode.REFUSED);
    assertThat(why).hasMessageContaining("closed without an answer: another pool");
    assertThat(why).hasMessageContaining("use a copy of its home");
    assertThat(stranger.transport.dialStepCount()).as("nobody works on it").isZero();
    assertThat(b.events).isEmpty();
  }

  @Test
  void anotherDataKeyIsRefusedWithATextThatHelps() throws Exception {
    var b = answering(peer(1, LIMITS));
    HostPort address = b.transport.listen(0);
    var instance = TestNode.newInstance();
    var other = open(new TestNode(pool.client(0, instance, 99), instance, LIMITS));

    var why = dial(other, address);

    assertThat(why.code()).isEqualTo(ErrorCode.DATA_KEY_DIFFERS);
    assertThat(b.events).isEmpty();
  }

  @Test
  void aPortInUseIsSaid() throws Exception {
    var b = peer(1, LIMITS);
    int port = b.transport.listen(0).port();
    var c = peer(2, LIMITS);

    assertThatThrownBy(() -> c.transport.listen(port))
        .isInstanceOf(HoldfastException.class)
        .hasMessageContaining("127.0.0.1:" + port)
        .hasMessageContaining("--port");
  }

  @Test
  void aCutConnectionFailsWhatIsPendingAtOnce() throws Exception {
    var proxied = proxied(LIMITS);
    var pending = proxied.a.ask(proxied.b, new Request.WhoLeads(proxied.a.id), null);
    proxied.b.await("request WhoLeads");

    proxied.proxy.cut();

    assertThat(pending).failsWithin(2, TimeUnit.SECONDS);
    assertThat(NodeTransportTest.codeOf(pending)).isEqualTo(ErrorCode.UNREACHABLE);
    proxied.a.await("disconnected");
  }

  @Test
  void silenceCountsAsDeathAfterAWhile() throws Exception {
    var proxied = proxied(LIMITS.withPatience(100 * MS, 600 * MS, 500 * MS));
    var pending = proxied.a.ask(proxied.b, new Request.WhoLeads(proxied.a.id), null);
    proxied.b.await("request WhoLeads");

    proxied.proxy.play(TcpProxy.Trick.SWALLOW_ALL);

    assertThat(NodeTransportTest.codeOf(pending)).isEqualTo(ErrorCode.UNREACHABLE);
    proxied.a.await("disconnected");
    proxied.b.await("disconnected");
  }

  @Test
  void anIdleSessionStaysOpenByPings() throws Exception {
    var proxied = proxied(LIMITS.withPatience(50 * MS, 300 * MS, 500 * MS));
    var late = proxied.a.ask(proxied.b.id, new Request.WhoLeads(proxied.a.id), null, 1_500 * MS);

    assertThat(NodeTransportTest.codeOf(late)).isEqualTo(ErrorCode.TIMED_OUT);
    assertThat(proxied.a.events).noneMatch(event -> event.startsWith("disconnected"));
  }

  @Test
  void keysChangeWithTimeAndTheSessionGoesOn() throws Exception {
    var aheadNs = new AtomicLong();
    var patient = LIMITS.withPatience(60_000 * MS, 8 * HOUR_NS, 60_000 * MS);
    var b = answering(peer(1, patient));
    var proxy = open(new TcpProxy(b.transport.listen(0)));
    var instance = TestNode.newInstance();
    var a =
        open(
            new TestNode(
                pool.client(0, instance, TestPool.DATA_KEY_ID),
                instance,
                patient,
                () -> SystemClocks.monotonic().nowNs() + aheadNs.get()));
    a.learn(b.id, proxy.address());
    for (int generation = 0; generation < 3; generation++) {
      int before = proxy.frameCount.get();
      assertThat(a.ask(b, new Request.GetSpace(), null).get().reply()).isEqualTo(new Reply.Done());
      assertThat(proxy.frameCount.get() - before).isEqualTo(generation == 0 ? 1 : 2);
      assertThat(a.ask(b, new Request.GetSpace(), null).get().reply()).isEqualTo(new Reply.Done());
      assertThat(proxy.frameCount.get() - before).isEqualTo(generation == 0 ? 2 : 3);
      aheadNs.addAndGet(HOUR_NS);
    }
    assertThat(a.events).noneMatch(event -> event.startsWith("disconnected"));
  }

  @Test
  void aLostFrameEndsTheSession() throws Exception {
    assertEnds(TcpProxy.Trick.DROP_ONE);
  }

  @Test
  void aRepeatedFrameEndsTheSession() throws Exception {
    assertEnds(TcpProxy.Trick.REPEAT_ONE);
  }

  @Test
  void aChangedFrameEndsTheSession() throws Exception {
    assertEnds(TcpProxy.Trick.FLIP_ONE);
  }

  @Test
  void aClientsPortIsNotAPeer() throws Exception {
    var client = TestNode.client(pool, 0, LIMITS);
    open.add(client);
    HostPort address = client.transport.listen(0);

    var why = dial(peer(1, LIMITS), address);

    assertThat(why.code()).isEqualTo(ErrorCode.REFUSED);
  }

  @Test
  void anotherNodeThanExpectedIsNotUsed() throws Exception {
    var b = answering(peer(1, LIMITS));
    var a = TestNode.client(pool, 0, LIMITS);
    open.add(a);
    a.learn(TestPool.key(2).id(), b.transport.listen(0));

    var asked = a.ask(TestPool.key(2).id(), new Request.GetSpace(), null, 5_000 * MS);

    assertThat(NodeTransportTest.codeOf(asked)).isEqualTo(ErrorCode.REFUSED);
    assertThat(b.events).noneMatch(event -> event.startsWith("connected"));
  }

  private record Proxied(TestNode a, TestNode b, TcpProxy proxy) {}

  private Proxied proxied(NetworkLimits limits) throws Exception {
    var b = answering(peer(1, limits));
    var proxy = open(new TcpProxy(b.transport.listen(0)));
    var a = open(TestNode.client(pool, 0, limits));
    a.learn(b.id, proxy.address());
    assertThat(a.ask(b, new Request.GetSpace(), null).get().reply()).isEqualTo(new Reply.Done());
    return new Proxied(a, b, proxy);
  }

  private void assertEnds(TcpProxy.Trick trick) throws Exception {
    var proxied = proxied(LIMITS);
    proxied.proxy.play(trick);

    proxied.a.send(proxied.b, new Notice.Goodbye());
    proxied.a.send(proxied.b, new Notice.Goodbye());

    proxied.b.await("disconnected");
    proxied.a.await("disconnected");
  }

  private TestNode peer(int number, NetworkLimits limits) {
    return open(TestNode.peer(pool, number, limits));
  }

  private <T extends AutoCloseable> T open(T closeable) {
    open.add(closeable);
    return closeable;
  }

  /** Answers GetSpace, and nothing else. */
  private static TestNode answering(TestNode node) {
    node.answerer =
        (from, request, body, responder) -> {
          node.events.add("request " + request);
          if (request instanceof Request.GetSpace) {
            responder.reply(new Reply.Done(), null);
          }
        };
    return node;
  }

  private void assertServes(TestNode b, HostPort address) throws Exception {
    var a = open(TestNode.client(pool, 0, LIMITS));
    a.learn(b.id, address);
    assertThat(a.ask(b, new Request.GetSpace(), null).get().reply()).isEqualTo(new Reply.Done());
  }

  private static HoldfastException dial(TestNode from, HostPort address) throws Exception {
    var refused = new CompletableFuture<HoldfastException>();
    from.loop.run(() -> from.transport.dial(address, refused::complete));
    return refused.get(20, TimeUnit.SECONDS);
  }

  private static Socket from(String source, HostPort to) throws IOException {
    var socket = new Socket();
    socket.bind(new InetSocketAddress(TestNode.address(source), 0));
    socket.connect(new InetSocketAddress(to.host(), to.port()));
    socket.setSoTimeout(10_000);
    return socket;
  }

  /** Bytes that come back until the other side closes. */
  private static int answerTo(Socket socket, byte[] noise) {
    try {
      socket.getOutputStream().write(noise);
      return socket.getInputStream().readAllBytes().length;
    } catch (java.net.SocketTimeoutException e) {
      throw new AssertionError("still open", e);
    } catch (IOException e) {
      return 0;
    }
  }

  private static boolean isTaken(Socket socket, int value) {
    try {
      socket.getOutputStream().write(value);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean readsAsClosed(Socket socket) throws IOException {
    try {
      return socket.getInputStream().read() < 0;
    } catch (java.net.SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }
}
