package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.crypto.handshake.Attachment;
import holdfast.crypto.handshake.HandshakeFormat;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.port.Body;
import holdfast.port.Remote;
import holdfast.port.Responder;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A node that can't reach another has its bytes passed on by a third: asker, relay, target. */
@Timeout(60)
class RelaysTest {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final int CHUNK_BYTES = 4 << 20;

  private final TestPool pool = new TestPool(1);
  private final List<TestNode> nodes = new ArrayList<>();
  private TestNode target;
  private TestNode relay;
  private TestNode asker;

  /** Accepts and says nothing, as a link that swallows everything. */
  private ServerSocket silent;

  @BeforeEach
  void open() throws Exception {
    silent = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
  }

  @AfterEach
  void closeAll() throws Exception {
    nodes.forEach(TestNode::close);
    silent.close();
  }

  @Test
  void whoCannotReachANodeTalksToItThroughOneThatDoes() throws Exception {
    threeInARow();

    assertThat(asker.ask(target, new Request.GetSpace(), null).get().reply())
        .isEqualTo(new Reply.Done());
    assertThat(asker.isConnected(target)).isTrue();
    assertThat(asker.isDirect(target)).isFalse();
    assertThat(relayedBy(relay)).isEqualTo(1);
    target.send(asker, new Notice.Goodbye());
    asker.await("notice Goodbye");
  }

  @Test
  void bodiesGoThroughTheRelayToo() throws Exception {
    threeInARow();

    var puts = new ArrayList<CompletableFuture<TestNode.Answered>>();
    for (int i = 0; i < 8; i++) {
      byte[] chunk = chunk(i);
      puts.add(asker.ask(target, new Request.PutChunk(idOf(chunk), 1, false), Body.whole(chunk)));
    }
    for (var put : puts) {
      assertThat(put.get().reply()).isEqualTo(new Reply.Done());
    }
    byte[] wanted = chunk(9);
    target.answerer =
        (from, request, body, responder) ->
            responder.reply(new Reply.Chunk(idOf(wanted), 0, wanted.length), Body.whole(wanted));
    var got = asker.ask(target, new Request.GetChunk(idOf(wanted), 0, -1), null).get();
    assertThat(got.body().array()).isEqualTo(wanted);
    assertThat(relayedBy(relay)).isGreaterThan(1);
  }

  @Test
  void aSilentAddressDelaysNobodyForLong() throws Exception {
    target = peer(1);
    relay = peer(2);
    asker = client(0);
    connect(relay, target);
    connect(asker, relay);
    asker.learn(target.id, new HostPort("127.0.0.1", silent.getLocalPort()));
    target.answerer = RelaysTest::echo;

    // The handshake with the silent one would fail after 5 s only.
    assertThat(asker.ask(target.id, new Request.GetSpace(), null, 3 * SECOND).get().reply())
        .isEqualTo(new Reply.Done());
  }

  @Test
  void theSideThatWasDialledMayAskToo() throws Exception {
    target = peer(1);
    relay = peer(2);
    asker = peer(0);
    connect(relay, target);
    relay.listening();
    asker.listening(relay);
    relay.send(asker, new Notice.Goodbye());
    asker.await("connected " + relay.id.shortForm());
    asker.learn(relay.id, relay.transport.localAddress().orElseThrow());
    asker.learn(target.id, deadEnd());
    target.answerer = RelaysTest::echo;

    assertThat(asker.ask(target, new Request.GetSpace(), null).get().reply())
        .isEqualTo(new Reply.Done());
    assertThat(asker.isDirect(target)).isFalse();
  }

  @Test
  void nobodyIsPassedOnToWhomTheRelayDoesntReachItself() throws Exception {
    target = peer(1);
    var between = peer(2);
    relay = peer(3);
    asker = client(0);
    target.listening();
    connect(between, target);
    relay.listening();
    connect(relay, between);
    relay.learn(target.id, deadEnd());
    target.answerer = RelaysTest::echo;
    assertThat(relay.ask(target, new Request.GetSpace(), null).get().reply())
        .isEqualTo(new Reply.Done());
    assertThat(relay.isDirect(target)).isFalse();
    connect(asker, relay);
    asker.learn(target.id, deadEnd());

    assertThatThrownBy(() -> asker.ask(target, new Request.GetSpace(), null).get())
        .cause()
        .isInstanceOf(HoldfastException.class)
        .extracting(why -> ((HoldfastException) why).code())
        .isEqualTo(ErrorCode.UNREACHABLE);
    assertThat(relayedBy(relay)).isZero();
  }

  @Test
  void whenTheRelayEndsSoDoesWhatItPassedOn() throws Exception {
    threeInARow();
    asker.ask(target, new Request.GetSpace(), null).get();

    nodes.remove(relay);
    relay.close();

    asker.await("disconnected " + target.id.shortForm());
    target.await("disconnected " + asker.id.shortForm());
  }

  @Test
  void whenTheTargetEndsTheAskerHearsOfItAtOnce() throws Exception {
    threeInARow();
    target.answerer = (from, request, body, responder) -> {};
    asker.send(target, new Notice.Goodbye());
    target.await("connected " + asker.id.shortForm());
    var unanswered = asker.ask(target, new Request.GetSpace(), null);

    nodes.remove(target);
    target.close();

    assertThatThrownBy(() -> unanswered.get(5, TimeUnit.SECONDS))
        .cause()
        .extracting(why -> ((HoldfastException) why).code())
        .isEqualTo(ErrorCode.UNREACHABLE);
    assertThat(awaitNothingRelayed(relay)).isZero();
  }

  @Test
  void theDirectWayIsTakenAgainWhenItIsThere() throws Exception {
    threeInARow();
    asker.ask(target, new Request.GetSpace(), null).get();
    assertThat(asker.isDirect(target)).isFalse();

    asker.learn(target.id, target.transport.localAddress().orElseThrow());
    long untilNs = System.nanoTime() + 15 * SECOND;
    while (!asker.isDirect(target) && System.nanoTime() < untilNs) {
      assertThat(asker.ask(target, new Request.GetSpace(), null).get().reply())
          .isEqualTo(new Reply.Done());
    }

    assertThat(asker.isDirect(target)).isTrue();
    assertThat(awaitNothingRelayed(relay)).isZero();
    assertThat(asker.ask(target, new Request.GetSpace(), null).get().reply())
        .isEqualTo(new Reply.Done());
    assertThat(asker.events).doesNotContain("disconnected " + target.id.shortForm());
  }

  @Test
  void aSilentSessionIsReplacedBeforeItCountsAsDead() throws Exception {
    target = peer(1);
    relay = peer(2);
    asker = client(0);
    connect(relay, target);
    connect(asker, relay);
    target.answerer = RelaysTest::echo;
    try (var wire = new TcpProxy(target.transport.localAddress().orElseThrow())) {
      asker.learn(target.id, wire.address());
      asker.ask(target, new Request.GetSpace(), null).get();
      assertThat(asker.isDirect(target)).isTrue();

      wire.play(TcpProxy.Trick.SWALLOW_ALL);
      TestNode.Answered answered = null;
      for (int attempt = 0; attempt < 20 && answered == null; attempt++) {
        try {
          answered = asker.ask(target.id, new Request.GetSpace(), null, SECOND / 2).get();
        } catch (ExecutionException e) {
          assertThat(((HoldfastException) e.getCause()).code()).isEqualTo(ErrorCode.TIMED_OUT);
        }
      }

      assertThat(answered).isNotNull();
      assertThat(asker.isDirect(target)).isFalse();
      assertThat(asker.events).doesNotContain("disconnected " + target.id.shortForm());
    }
  }

  @Test
  void whoIsSilentToEverybodyIsNotDialledForBeingBusy() throws Exception {
    target = peer(1);
    relay = peer(2);
    asker = client(0);
    target.listening();
    relay.listening();
    target.answerer = RelaysTest::echo;
    connect(asker, relay);
    try (var wire = new TcpProxy(target.transport.localAddress().orElseThrow())) {
      relay.learn(target.id, wire.address());
      asker.learn(target.id, wire.address());
      relay.ask(target, new Request.GetSpace(), null).get();
      asker.ask(target, new Request.GetSpace(), null).get();

      wire.play(TcpProxy.Trick.SWALLOW_ALL);
      asker.await("disconnected " + target.id.shortForm());

      assertThat(relayedBy(relay)).isZero();
      assertThat(asker.isConnected(target)).isFalse();
    }
  }

  @Test
  void aRelayPassesOnNoMoreThanItsBound() throws Exception {
    relay = peer(1);
    asker = client(0);
    connect(asker, relay);
    for (int i = 0; i <= Relays.OF_ASKER_MAX; i++) {
      target = peer(2 + i);
      connect(relay, target);
      asker.learn(target.id, deadEnd());
      target.answerer = RelaysTest::echo;
      var asked = asker.ask(target, new Request.GetSpace(), null);
      if (i < Relays.OF_ASKER_MAX) {
        assertThat(asked.get().reply()).isEqualTo(new Reply.Done());
      } else {
        assertThatThrownBy(asked::get).cause().isInstanceOf(HoldfastException.class);
      }
    }
    assertThat(relayedBy(relay)).isEqualTo(Relays.OF_ASKER_MAX);
  }

  @Test
  void whoRepeatsHowARelayWasAskedForGetsNothingAndHoldsFewPlaces() throws Exception {
    relay = peer(2).listening();
    HostPort address = relay.transport.localAddress().orElseThrow();
    var random = new SecureRandom();
    var dialler =
        new Handshakes(
            pool.client(0, TestNode.newInstance(), TestPool.DATA_KEY_ID),
            SystemClocks.monotonic(),
            SystemClocks.wall(),
            random,
            NetworkLimits.standard(),
            new NamedThreads((thread, e) -> {}),
            new StrangerGate(),
            new SessionDirectory());
    var sockets = new ArrayList<Socket>();
    try (Socket control = connectedTo(address)) {
      var input = new SocketInput(control, SystemClocks.monotonic());
      input.expectHandshake(5 * SECOND, SocketInput.STRANGER_BYTES_MAX);
      var session =
          dialler.initiate(Optional.of(relay.id), new Route.Direct(address)).over(control, input);
      relay.await("connected");
      byte[] message = session.session().attach(Attachment.RELAY_BY_INITIATOR, random).message();

      for (int i = 0; i < Relays.OF_SESSION_MAX + 4; i++) {
        Socket again = connectedTo(address);
        sockets.add(again);
        again.getOutputStream().write(message);
        assertThat(again.getInputStream().readNBytes(HandshakeFormat.ATTACH_ANSWER_BYTES))
            .hasSize(HandshakeFormat.ATTACH_ANSWER_BYTES);
      }

      for (Socket tooMany : sockets.subList(Relays.OF_SESSION_MAX, sockets.size())) {
        assertThat(tooMany.getInputStream().read()).isEqualTo(-1);
      }
      byte[] forged = new byte[Integer.BYTES + 100];
      random.nextBytes(forged);
      System.arraycopy(new byte[] {0, 0, 0, 100}, 0, forged, 0, Integer.BYTES);
      sockets.getFirst().getOutputStream().write(forged);
      assertThat(sockets.getFirst().getInputStream().read()).isEqualTo(-1);
      assertThat(relayedBy(relay)).isZero();
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
      dialler.close();
    }
  }

  private static Socket connectedTo(HostPort address) throws Exception {
    var socket = new Socket(address.host(), address.port());
    socket.setSoTimeout(10_000);
    return socket;
  }

  private int relayedBy(TestNode relay) {
    var count = new int[1];
    relay.loop.run(() -> count[0] = relay.transport.relayedCount());
    return count[0];
  }

  private int awaitNothingRelayed(TestNode relay) {
    long untilNs = System.nanoTime() + 10 * SECOND;
    while (relayedBy(relay) > 0 && System.nanoTime() < untilNs) {
      Thread.onSpinWait();
    }
    return relayedBy(relay);
  }

  /** The asker reaches the relay, and that the target, which answers. */
  private void threeInARow() throws Exception {
    target = peer(1);
    relay = peer(2);
    asker = client(0);
    connect(relay, target);
    connect(asker, relay);
    asker.learn(target.id, deadEnd());
    target.answerer = RelaysTest::echo;
  }

  /** The first dials the second, which listens. */
  private void connect(TestNode from, TestNode to) throws Exception {
    if (to.transport.localAddress().isEmpty()) {
      to.listening();
    }
    from.learn(to.id, to.transport.localAddress().orElseThrow());
    from.send(to, new Notice.Goodbye());
    from.await("connected " + to.id.shortForm());
    to.await("connected " + from.id.shortForm());
  }

  /** Where nobody listens. */
  private static HostPort deadEnd() {
    return new HostPort("127.0.0.1", 1);
  }

  private static void echo(Remote from, Request request, Body bodyOrNull, Responder responder) {
    if (bodyOrNull == null) {
      responder.reply(new Reply.Done(), null);
    } else {
      bodyOrNull.whenEnded(why -> responder.reply(new Reply.Done(), null));
    }
  }

  private static byte[] chunk(int seed) {
    byte[] bytes = new byte[CHUNK_BYTES];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static ChunkId idOf(byte[] chunk) {
    try {
      return ChunkId.of(MessageDigest.getInstance("SHA-256").digest(chunk));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private TestNode peer(int number) {
    return keep(TestNode.peer(pool, number, NetworkLimits.standard()));
  }

  private TestNode client(int number) {
    return keep(TestNode.client(pool, number, NetworkLimits.standard()));
  }

  private TestNode keep(TestNode node) {
    nodes.add(node);
    return node;
  }
}
