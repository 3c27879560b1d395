package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.Body;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class NodeTransportTest {
  private static final int CHUNK_BYTES = 64 * 65_609 + 32;
  private static final NetworkLimits LIMITS = NetworkLimits.standard();

  private final TestPool pool = new TestPool(1);
  private final List<TestNode> nodes = new ArrayList<>();

  @AfterEach
  void closeAll() {
    nodes.forEach(TestNode::close);
  }

  @Test
  void noticesAndRequestsTravelBothWaysOverOneSession() throws Exception {
    var a = peer(0);
    var b = peer(1);
    b.listening(a);
    b.answerer = (from, request, body, responder) -> responder.reply(new Reply.Done(), null);
    a.answerer = b.answerer;

    a.send(b, new Notice.Goodbye());
    a.await("reached " + b.id.shortForm());
    b.await("notice Goodbye");
    b.send(a, new Notice.Goodbye());
    a.await("notice Goodbye");

    assertThat(a.ask(b, new Request.GetSpace(), null).get().reply()).isEqualTo(new Reply.Done());
    assertThat(b.ask(a, new Request.GetSpace(), null).get().reply()).isEqualTo(new Reply.Done());
  }

  @Test
  void largeBodiesTravelBothWaysInParallel() throws Exception {
    var a = peer(0);
    var b = peer(1);
    b.listening(a);
    a.answerer = NodeTransportTest::storeOrServe;
    b.answerer = NodeTransportTest::storeOrServe;
    a.send(b, new Notice.Goodbye());
    b.await("connected");

    var puts = new ArrayList<CompletableFuture<TestNode.Answered>>();
    var gets = new ArrayList<CompletableFuture<TestNode.Answered>>();
    for (int i = 0; i < 8; i++) {
      byte[] chunk = chunk(i);
      puts.add(a.ask(b, new Request.PutChunk(idOf(chunk), 1, true), Body.whole(chunk)));
      puts.add(b.ask(a, new Request.PutChunk(idOf(chunk), 1, true), Body.whole(chunk)));
      gets.add(a.ask(b, new Request.GetChunk(idOf(chunk), 0, i), null));
      gets.add(b.ask(a, new Request.GetChunk(idOf(chunk), 0, i), null));
    }

    for (var put : puts) {
      assertThat(put.get().reply()).isEqualTo(new Reply.Done());
    }
    for (int i = 0; i < gets.size(); i++) {
      Body body = gets.get(i).get().body();
      assertThat(body.isComplete()).isTrue();
      assertThat(body.array()).isEqualTo(chunk(i / 2));
    }
  }

  @Test
  void aRangeOfAChunkArrivesUnhashed() throws Exception {
    var a = client(0);
    var b = peer(1).listening(a);
    var id = new ChunkId(9, 9, 9, 9);
    b.answerer =
        (from, request, body, responder) ->
            responder.reply(new Reply.Chunk(id, 100, 5_000), Body.whole(new byte[] {1, 2, 3}));

    var answered = a.ask(b, new Request.GetChunk(id, 100, 3), null).get();

    assertThat(answered.reply()).isEqualTo(new Reply.Chunk(id, 100, 5_000));
    assertThat(answered.body().array()).containsExactly(1, 2, 3);
  }

  @Test
  void aRelayForwardsBeforeTheLastByteHasArrived() throws Exception {
    var source = client(0);
    var relay = peer(1);
    var sink = peer(2);
    relay.listening(source);
    sink.listening(relay);
    var firstPieceIsThere = new CountDownLatch(1);
    sink.answerer =
        (from, request, body, responder) -> {
          Runnable look =
              () -> {
                if (body.availableBytes() >= BodyHeader.PIECE_MAX_BYTES) {
                  firstPieceIsThere.countDown();
                }
              };
          body.onProgress(look);
          look.run();
          body.whenEnded(why -> responder.reply(new Reply.Done(), null));
        };
    relay.answerer =
        (from, request, body, responder) ->
            relay
                .ask(sink, request, body)
                .whenComplete((answer, why) -> responder.reply(answer.reply(), null));
    byte[] chunk = chunk(1);
    var arriving = Body.arriving(chunk, chunk.length);

    var put = source.ask(relay, new Request.PutChunk(idOf(chunk), 1, true), arriving);
    arriving.advance(2 * BodyHeader.PIECE_MAX_BYTES);
    assertThat(firstPieceIsThere.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(arriving.isComplete()).isFalse();
    assertThat(put).isNotDone();
    arriving.advance(chunk.length - 2 * BodyHeader.PIECE_MAX_BYTES);
    arriving.complete();

    assertThat(put.get().reply()).isEqualTo(new Reply.Done());
  }

  @Test
  void aBodyThatDoesNotHashToItsNameIsRefusedAndTheSessionLivesOn() throws Exception {
    var a = client(0);
    var b = peer(1).listening(a);
    b.answerer = NodeTransportTest::storeOrServe;
    byte[] chunk = chunk(1);
    var id = idOf(chunk);
    byte[] wrong = chunk.clone();
    wrong[1_000_000] ^= 1;

    var failed = a.ask(b, new Request.PutChunk(id, 1, false), Body.whole(wrong)).get();
    var stored = a.ask(b, new Request.PutChunk(id, 1, false), Body.whole(chunk)).get();

    assertThat(((Reply.Failure) failed.reply()).code()).isEqualTo(ErrorCode.CHUNK_CORRUPT);
    assertThat(stored.reply()).isEqualTo(new Reply.Done());
    assertThat(a.events).noneMatch(event -> event.startsWith("disconnected"));
  }

  @Test
  void aReplyThatDoesNotHashToItsNameFailsTheRequestAndTheSessionLivesOn() throws Exception {
    var a = client(0);
    var b = peer(1).listening(a);
    byte[] chunk = chunk(1);
    var id = idOf(chunk);
    byte[] wrong = chunk.clone();
    wrong[5] ^= 1;
    b.answerer =
        (from, request, body, responder) ->
            responder.reply(new Reply.Chunk(id, 0, wrong.length), Body.whole(wrong));

    var failed = a.ask(b, new Request.GetChunk(id, 0, -1), null);

    assertThat(codeOf(failed)).isEqualTo(ErrorCode.CHUNK_CORRUPT);
    b.answerer = (from, request, body, responder) -> responder.reply(new Reply.Done(), null);
    assertThat(a.ask(b, new Request.GetSpace(), null).get().reply()).isEqualTo(new Reply.Done());
    assertThat(a.events).noneMatch(event -> event.startsWith("disconnected"));
  }

  @Test
  void aSourceThatFailsMidwayFailsTheRequestAndNothingElse() throws Exception {
    var a = client(0);
    var b = peer(1).listening(a);
    var begun = new CountDownLatch(1);
    b.answerer =
        (from, request, body, responder) -> {
          begun.countDown();
          storeOrServe(from, request, body, responder);
        };
    byte[] chunk = chunk(1);
    var arriving = Body.arriving(chunk, chunk.length);
    var failing = a.ask(b, new Request.PutChunk(idOf(chunk), 1, false), arriving);
    arriving.advance(BodyHeader.PIECE_MAX_BYTES + 7);
    assertThat(begun.await(10, TimeUnit.SECONDS)).isTrue();

    arriving.fail(new HoldfastException(ErrorCode.CHUNK_MISSING, "test: source failed"));

    assertThat(((Reply.Failure) failing.get().reply()).code()).isEqualTo(ErrorCode.CHUNK_MISSING);
    var stored = a.ask(b, new Request.PutChunk(idOf(chunk), 1, false), Body.whole(chunk)).get();
    assertThat(stored.reply()).isEqualTo(new Reply.Done());
  }

  @Test
  void moreBodiesThanPlacesWaitTheirTurn() throws Exception {
    var a = client(0);
    var b = node(1, LIMITS.withBodies(2)).listening(a);
    b.answerer = NodeTransportTest::storeOrServe;
    byte[] chunk = chunk(3);

    var puts = new ArrayList<CompletableFuture<TestNode.Answered>>();
    for (int i = 0; i < 20; i++) {
      puts.add(a.ask(b, new Request.PutChunk(idOf(chunk), 1, false), Body.whole(chunk)));
    }

    for (var put : puts) {
      assertThat(put.get().reply()).isEqualTo(new Reply.Done());
    }
  }

  @Test
  void aStoppedPeerFailsWhatIsPendingAndIsFoundAgainWhenItReturns() throws Exception {
    var a = client(0);
    var b = peer(1).listening(a);
    var port = b.transport.localAddress().orElseThrow().port();
    var pending = a.ask(b, new Request.GetSpace(), null);
    a.await("connected");

    b.transport.close();

    assertThat(codeOf(pending)).isEqualTo(ErrorCode.UNREACHABLE);
    a.await("disconnected");
    var again = peer(1);
    again.answerer = (from, request, body, responder) -> responder.reply(new Reply.Done(), null);
    again.transport.listen(port);
    TestNode.Answered answered = null;
    while (answered == null) {
      try {
        answered = a.ask(again, new Request.GetSpace(), null).get();
      } catch (ExecutionException e) {
        assertThat(((HoldfastException) e.getCause()).code()).isEqualTo(ErrorCode.UNREACHABLE);
      }
    }
    a.await("connected");
  }

  @Test
  void aNodeThatWasStoppedGivesTheOtherItsTimeToAttachAnew() throws Exception {
    var limits = LIMITS.withHandshakeSilenceNs(TimeUnit.SECONDS.toNanos(2));
    var a = node(0, limits);
    var b = node(1, limits);
    b.listening(a);
    a.answerer = NodeTransportTest::storeOrServe;
    a.send(b, new Notice.Goodbye());
    b.await("connected");
    byte[] chunk = chunk(1);
    var aGoesOn = new CountDownLatch(1);
    var bGoesOn = new CountDownLatch(1);
    a.loop.post(() -> stoppedUntil(aGoesOn));
    var put = b.ask(a, new Request.PutChunk(idOf(chunk), 1, true), Body.whole(chunk));
    b.loop.run(() -> {}); // it has asked for a connection
    b.loop.post(() -> stoppedUntil(bGoesOn));
    Thread.sleep(3_000); // as long as the machine sleeps

    bGoesOn.countDown();
    b.loop.run(() -> {});
    b.loop.run(() -> {}); // what was due is dealt with, before the other could do anything
    aGoesOn.countDown();

    assertThat(put.get().reply()).isEqualTo(new Reply.Done());
  }

  private static void stoppedUntil(CountDownLatch goesOn) {
    try {
      goesOn.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void twoPeersThatDialEachOtherAtOnceEndWithOneSession() throws Exception {
    var a = peer(0);
    var b = peer(1);
    a.answerer = (from, request, body, responder) -> responder.reply(new Reply.Done(), null);
    b.answerer = a.answerer;
    a.listening(b);
    b.listening(a);

    var asked = new ArrayList<CompletableFuture<TestNode.Answered>>();
    for (int i = 0; i < 50; i++) {
      asked.add(a.ask(b, new Request.GetSpace(), null));
      asked.add(b.ask(a, new Request.GetSpace(), null));
    }

    for (var each : asked) {
      assertThat(each.get().reply()).isEqualTo(new Reply.Done());
    }
    long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (a.transport.sessionCount() + b.transport.sessionCount() > 2
        && System.nanoTime() < deadlineNs) {
      assertThat(a.ask(b, new Request.GetSpace(), null).get().reply()).isEqualTo(new Reply.Done());
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
    }
    assertThat(a.transport.sessionCount()).isEqualTo(1);
    assertThat(b.transport.sessionCount()).isEqualTo(1);
    assertThat(a.isConnected(b)).isTrue();
    assertThat(b.isConnected(a)).isTrue();
    assertThat(a.events).noneMatch(event -> event.startsWith("disconnected"));
  }

  private TestNode peer(int number) {
    return node(number, LIMITS);
  }

  private TestNode node(int number, NetworkLimits limits) {
    var node = TestNode.peer(pool, number, limits);
    nodes.add(node);
    return node;
  }

  private TestNode client(int number) {
    var node = TestNode.client(pool, number, LIMITS);
    nodes.add(node);
    return node;
  }

  static void storeOrServe(
      holdfast.port.Remote from,
      Request request,
      Body bodyOrNull,
      holdfast.port.Responder responder) {
    if (request instanceof Request.GetChunk get) {
      byte[] chunk = chunk(get.lengthBytes());
      responder.reply(new Reply.Chunk(get.chunk(), 0, chunk.length), Body.whole(chunk));
    } else {
      bodyOrNull.whenEnded(
          why -> {
            if (why == null) {
              responder.reply(new Reply.Done(), null);
            }
          });
    }
  }

  static byte[] chunk(int seed) {
    byte[] bytes = new byte[CHUNK_BYTES];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  static ChunkId idOf(byte[] bytes) throws Exception {
    return ChunkId.of(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  static ErrorCode codeOf(CompletableFuture<?> failed) throws Exception {
    try {
      var value = failed.get(30, TimeUnit.SECONDS);
      throw new AssertionError("expected a failure, was=" + value);
    } catch (ExecutionException e) {
      return ((HoldfastException) e.getCause()).code();
    }
  }
}
