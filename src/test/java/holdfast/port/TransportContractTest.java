package holdfast.port;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every transport does, the one over sockets and the simulated one. */
@Timeout(120)
public abstract class TransportContractTest {
  /** Of the client of a test. */
  protected static final long DATA_KEY_ID = 0x1122334455667788L;

  private static final long MS = 1_000_000L;
  private static final long PATIENCE_NS = 20_000 * MS;
  private static final long WORK_NS = 300 * MS;
  private static final int BODY_BYTES = 300_000;

  /**
   * A node of a test.
   *
   * @param isOnLoop whether it is called on the node's loop
   * @param kill ends its process, or what stands for it
   */
  public record Node(
      NodeId id,
      InstanceId instance,
      Loop loop,
      Transport transport,
      BooleanSupplier isOnLoop,
      Runnable kill) {}

  /** A node with this number, from 0 up, that listens; {@code service} is what it serves. */
  protected abstract Node peer(int number, NodeService service);

  /** As above, one that doesn't listen. */
  protected abstract Node client(int number, NodeService service);

  /** Where it listens. */
  protected abstract HostPort address(Node peer);

  /** Where nobody does. */
  protected abstract HostPort deadAddress();

  /** An id that no node has. */
  protected abstract NodeId stranger();

  /** Lets the nodes run until this holds; fails if it never does. */
  protected abstract void runUntil(BooleanSupplier condition);

  /** A service that notes what it hears, and whether on its loop, and answers as it is told. */
  private static final class Service implements NodeService {
    private final List<String> events = new CopyOnWriteArrayList<>();
    private final List<Remote> connected = new CopyOnWriteArrayList<>();
    private volatile Node self;
    private volatile Consumer<Asked> answer =
        asked -> asked.responder().reply(new Reply.Done(), null);

    private record Asked(Request request, Body bodyOrNull, Responder responder) {}

    private void note(String event) {
      events.add(self.isOnLoop().getAsBoolean() ? event : "not on the loop: " + event);
    }

    @Override
    public void onConnected(Remote remote) {
      connected.add(remote);
      note("connected");
    }

    @Override
    public void onDisconnected(NodeId node) {
      note("disconnected");
    }

    @Override
    public void onNotice(Remote from, Notice notice) {
      note("notice");
    }

    @Override
    public void onRequest(Remote from, Request request, Body bodyOrNull, Responder responder) {
      note(request instanceof Request.GetSummary get ? "" + get.partition() : "request");
      answer.accept(new Asked(request, bodyOrNull, responder));
    }

    private void awaitDisconnect(TransportContractTest test) {
      test.runUntil(() -> events.contains("disconnected"));
    }
  }

  /** What became of a request. */
  private static final class Outcome implements Transport.ReplyHandler {
    private final Node node;
    private final List<Reply> replies = new CopyOnWriteArrayList<>();
    private final List<Body> bodies = new CopyOnWriteArrayList<>();
    private final List<ErrorCode> failures = new CopyOnWriteArrayList<>();
    private volatile int progressCount;
    private volatile Transport.InFlight inFlight;
    private volatile boolean isCalling = true;

    Outcome(Node node) {
      this.node = node;
    }

    @Override
    public void onProgress() {
      assertTrue(node.isOnLoop().getAsBoolean() && !isOver(), "after its end");
      progressCount++;
    }

    @Override
    public void onReply(Reply reply, Body bodyOrNull) {
      assertTrue(node.isOnLoop().getAsBoolean() && !isCalling);
      if (bodyOrNull != null) {
        bodies.add(bodyOrNull);
      }
      replies.add(reply);
    }

    @Override
    public void onFailure(HoldfastException why) {
      assertTrue(node.isOnLoop().getAsBoolean() && !isCalling, "within the call: " + why);
      failures.add(why.code());
    }

    boolean isOver() {
      return replies.size() + failures.size() > 0;
    }
  }

  private final Service clientService = new Service();
  private final Service peerService = new Service();
  private Node client;
  private Node peer;

  private void make() {
    client = client(0, clientService);
    clientService.self = client;
    peer = peer(1, peerService);
    peerService.self = peer;
    onLoop(client, () -> client.transport().learn(peer.id(), List.of(address(peer))));
  }

  private void onLoop(Node node, Runnable task) {
    var outcome = new CopyOnWriteArrayList<Object>();
    node.loop()
        .post(
            () -> {
              try {
                task.run();
                outcome.add("done");
              } catch (RuntimeException | Error e) {
                outcome.add(e);
              }
            });
    runUntil(() -> !outcome.isEmpty());
    assertEquals("done", outcome.getFirst());
  }

  /** Called on the client's loop. */
  private Outcome request(NodeId to, Request request, Body bodyOrNull, long patienceNs) {
    var outcome = new Outcome(client);
    outcome.inFlight = client.transport().request(to, request, bodyOrNull, patienceNs, outcome);
    outcome.isCalling = false;
    return outcome;
  }

  private Outcome ask(NodeId to, Request request, Body bodyOrNull, long patienceNs) {
    var made = new ArrayList<Outcome>();
    onLoop(client, () -> made.add(request(to, request, bodyOrNull, patienceNs)));
    runUntil(made.getFirst()::isOver);
    return made.getFirst();
  }

  private Outcome ask(Request request) {
    return ask(peer.id(), request, null, PATIENCE_NS);
  }

  private void assertAnswered() {
    var outcome = ask(new Request.GetSpace());
    assertEquals(List.of(), outcome.failures);
    assertEquals(List.of(new Reply.Done()), outcome.replies);
  }

  private boolean isConnected(Node from, Node to) {
    var seen = new ArrayList<Boolean>();
    onLoop(from, () -> seen.add(from.transport().isConnected(to.id())));
    return seen.getFirst();
  }

  private static byte[] content() {
    byte[] bytes = new byte[BODY_BYTES];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  @Test
  void aRequestOpensTheSessionAndIsAnsweredOnTheLoop() {
    make();
    assertFalse(isConnected(client, peer));

    assertAnswered();

    assertTrue(isConnected(client, peer));
    assertTrue(isConnected(peer, client));
    assertEquals(List.of("connected"), clientService.events);
    assertEquals(List.of("connected", "request"), peerService.events);
  }

  @Test
  void whoIsNotReachedAtItsAddressIsReachedThroughAnotherPeer() {
    make();
    var behindService = new Service();
    Node behind = peer(2, behindService);
    behindService.self = behind;
    onLoop(peer, () -> peer.transport().learn(behind.id(), List.of(address(behind))));
    var reached = new Outcome(peer);
    onLoop(
        peer,
        () -> {
          peer.transport().request(behind.id(), new Request.GetSpace(), null, PATIENCE_NS, reached);
          reached.isCalling = false;
        });
    runUntil(() -> !reached.replies.isEmpty());
    onLoop(client, () -> client.transport().learn(behind.id(), List.of(deadAddress())));

    assertEquals(
        List.of(ErrorCode.UNREACHABLE),
        ask(behind.id(), new Request.GetSpace(), null, PATIENCE_NS).failures,
        "there is no other peer yet");
    assertAnswered();
    runUntil(() -> !ask(behind.id(), new Request.GetSpace(), null, PATIENCE_NS).replies.isEmpty());

    assertTrue(isConnected(client, behind));
    assertEquals(List.of(true, false), directTo(peer, behind));
    assertTrue(clientService.connected.getLast().dialled().isEmpty());

    behind.kill().run();
    runUntil(() -> clientService.events.contains("disconnected"));
    assertFalse(isConnected(client, behind));
  }

  /** Which of these the client has a session with that isn't relayed. */
  private List<Boolean> directTo(Node... nodes) {
    var direct = new ArrayList<Boolean>();
    onLoop(
        client,
        () -> {
          for (Node node : nodes) {
            direct.add(client.transport().isDirect(node.id()));
          }
        });
    return direct;
  }

  @Test
  void eachSideIsToldWhoTheOtherIs() {
    make();
    assertAnswered();

    Remote seenByClient = clientService.connected.getFirst();
    Remote seenByPeer = peerService.connected.getFirst();
    assertEquals(peer.id(), seenByClient.node());
    assertEquals(peer.instance(), seenByClient.instance());
    assertTrue(seenByClient.isPeer());
    assertEquals(address(peer), seenByClient.dialled().orElseThrow());
    assertEquals(client.id(), seenByPeer.node());
    assertEquals(client.instance(), seenByPeer.instance());
    assertFalse(seenByPeer.isPeer());
    assertTrue(seenByPeer.dialled().isEmpty());
    assertEquals(DATA_KEY_ID, seenByPeer.dataKeyId());
  }

  @Test
  void aFailureIsTheOtherSidesAnswerAndOnlyTheFirstOneCounts() {
    make();
    peerService.answer =
        asked -> {
          asked.responder().fail(new HoldfastException(ErrorCode.NO_SPACE, "full"));
          asked.responder().reply(new Reply.Done(), null);
        };

    var outcome = ask(new Request.GetSpace());
    peerService.answer = asked -> asked.responder().reply(new Reply.Done(), null);
    assertAnswered();

    assertEquals(List.of(new Reply.Failure(ErrorCode.NO_SPACE, "full", null)), outcome.replies);
    assertEquals(List.of(), outcome.failures);
  }

  @Test
  void bodiesTravelWholeInBothDirections() {
    make();
    byte[] content = content();
    ChunkId chunk = ChunkId.nameOf(content, 0, content.length);
    var received = new CopyOnWriteArrayList<Body>();
    peerService.answer =
        asked -> {
          if (asked.request() instanceof Request.GetChunk) {
            asked.responder().reply(new Reply.Chunk(chunk, 0, BODY_BYTES), Body.whole(content()));
          } else {
            asked
                .bodyOrNull()
                .whenEnded(
                    why -> {
                      received.add(asked.bodyOrNull());
                      asked.responder().reply(new Reply.Done(), null);
                    });
          }
        };

    var put =
        ask(peer.id(), new Request.PutChunk(chunk, 1, true), Body.whole(content), PATIENCE_NS);
    var got = ask(new Request.GetChunk(chunk, 0, -1));

    assertEquals(List.of(new Reply.Done()), put.replies);
    assertTrue(received.getFirst().isComplete());
    assertArrayEquals(content, received.getFirst().array());
    assertEquals(List.of(new Reply.Chunk(chunk, 0, BODY_BYTES)), got.replies);
    assertTrue(got.bodies.getFirst().isComplete());
    assertArrayEquals(content, got.bodies.getFirst().array());
  }

  @Test
  void requestsKeepTheirOrderAndFindTheirReplies() {
    make();
    var parked = new ArrayList<Runnable>();
    peerService.answer =
        asked -> {
          int partition = ((Request.GetSummary) asked.request()).partition();
          var summary = new Reply.Summary(partition, 0, 0, new byte[32]);
          parked.add(() -> asked.responder().reply(summary, null));
          if (parked.size() == 100) {
            parked.reversed().forEach(Runnable::run);
          }
        };
    var outcomes = new ArrayList<Outcome>();

    onLoop(
        client,
        () -> {
          for (int i = 0; i < 100; i++) {
            outcomes.add(request(peer.id(), new Request.GetSummary(i), null, PATIENCE_NS));
          }
        });
    runUntil(() -> outcomes.stream().allMatch(Outcome::isOver));

    assertEquals(
        IntStream.range(0, 100).mapToObj(Integer::toString).toList(),
        peerService.events.subList(1, 101));
    for (int i = 0; i < 100; i++) {
      var summary = (Reply.Summary) outcomes.get(i).replies.getFirst();
      assertEquals(i, summary.partition());
      assertEquals(1, outcomes.get(i).replies.size());
    }
  }

  /** A timer's worth of work, so many times; then the answer. */
  private void work(Responder responder, AtomicLong count, int times) {
    if (times == 0) {
      responder.reply(new Reply.Done(), null);
      return;
    }
    peer.loop()
        .at(
            peer.loop().nowNs() + WORK_NS,
            "work",
            () -> {
              count.incrementAndGet();
              work(responder, count, times - 1);
            });
  }

  @Test
  void aRequestLastsAsLongAsItsWorkMoves() {
    make();
    peerService.answer =
        asked -> {
          var count = new AtomicLong();
          asked.responder().working(count::get);
          work(asked.responder(), count, 12);
        };

    var outcome = ask(peer.id(), new Request.GetSpace(), null, 6 * WORK_NS);

    assertEquals(List.of(), outcome.failures);
    assertEquals(List.of(new Reply.Done()), outcome.replies);
    assertTrue(outcome.progressCount > 0);
  }

  @Test
  void aCountThatStaysIsSilence() {
    make();
    assertAnswered(); // that a session is opened is progress, too
    var parked = new CopyOnWriteArrayList<Responder>();
    peerService.answer =
        asked -> {
          asked.responder().working(() -> 7);
          parked.add(asked.responder());
        };

    var outcome = ask(peer.id(), new Request.GetSpace(), null, 6 * WORK_NS);

    assertEquals(List.of(ErrorCode.TIMED_OUT), outcome.failures);
    assertTrue(outcome.progressCount <= 1, "that it is worked on at all may be told once");
  }

  @Test
  void whoGivesARequestUpHearsThatAndNothingElse() {
    make();
    assertAnswered();
    var parked = new CopyOnWriteArrayList<Responder>();
    peerService.answer = asked -> parked.add(asked.responder());
    var made = new ArrayList<Outcome>();
    onLoop(client, () -> made.add(request(peer.id(), new Request.GetSpace(), null, PATIENCE_NS)));
    runUntil(() -> !parked.isEmpty());

    onLoop(
        client,
        () -> made.getFirst().inFlight.giveUp(new HoldfastException(ErrorCode.BUSY, "enough")));
    runUntil(made.getFirst()::isOver);
    onLoop(peer, () -> parked.getFirst().reply(new Reply.Done(), null));
    peerService.answer = asked -> asked.responder().reply(new Reply.Done(), null);
    assertAnswered();

    assertEquals(List.of(ErrorCode.BUSY), made.getFirst().failures);
    assertEquals(List.of(), made.getFirst().replies);
  }

  @Test
  void aRequestWithoutAnAnswerTimesOutAndALateAnswerIsDropped() {
    make();
    var parked = new CopyOnWriteArrayList<Responder>();
    peerService.answer = asked -> parked.add(asked.responder());
    var startNs = new long[1];
    onLoop(client, () -> startNs[0] = client.loop().nowNs());

    var outcome = ask(peer.id(), new Request.GetSpace(), null, 300 * MS);
    assertTrue(client.loop().nowNs() - startNs[0] >= 300 * MS);
    onLoop(peer, () -> parked.forEach(each -> each.reply(new Reply.Done(), null)));
    peerService.answer = asked -> asked.responder().reply(new Reply.Done(), null);
    assertAnswered();

    assertEquals(1, parked.size());
    assertEquals(List.of(ErrorCode.TIMED_OUT), outcome.failures);
    assertEquals(List.of(), outcome.replies);
  }

  @Test
  void whoCantBeReachedIsUnreachableLongBeforeTheDeadline() {
    make();
    NodeId dead = stranger();

    var unknown = ask(dead, new Request.GetSpace(), null, 3_600_000 * MS);
    onLoop(client, () -> client.transport().learn(dead, List.of(deadAddress())));
    var away = ask(dead, new Request.GetSpace(), null, 3_600_000 * MS);

    assertEquals(List.of(ErrorCode.UNREACHABLE), unknown.failures);
    assertEquals(List.of(ErrorCode.UNREACHABLE), away.failures);
    assertAnswered();
  }

  @Test
  void aNoticeArrivesOrIsLostInSilence() {
    make();
    onLoop(client, () -> client.transport().send(stranger(), new Notice.Goodbye()));
    onLoop(client, () -> client.transport().send(peer.id(), new Notice.Goodbye()));
    assertAnswered();

    onLoop(client, () -> client.transport().send(peer.id(), new Notice.Goodbye()));

    runUntil(() -> peerService.events.getLast().equals("notice"));
    assertFalse(peerService.events.stream().anyMatch(event -> event.startsWith("not on")));
  }

  @Test
  void moreRequestsThanMayWaitAreRefused() {
    make();
    var parked = new CopyOnWriteArrayList<Responder>();
    peerService.answer = asked -> parked.add(asked.responder());
    var outcomes = new ArrayList<Outcome>();

    onLoop(
        client,
        () -> {
          for (int i = 0; i < Transport.REQUESTS_MAX + 3; i++) {
            outcomes.add(request(peer.id(), new Request.GetSpace(), null, 2_000 * MS));
          }
        });
    runUntil(() -> outcomes.stream().allMatch(Outcome::isOver));

    for (int i = 0; i < outcomes.size(); i++) {
      var expected = i < Transport.REQUESTS_MAX ? ErrorCode.TIMED_OUT : ErrorCode.BUSY;
      assertEquals(List.of(expected), outcomes.get(i).failures, "request " + i);
    }
    onLoop(peer, () -> parked.forEach(each -> each.reply(new Reply.Done(), null)));
    peerService.answer = asked -> asked.responder().reply(new Reply.Done(), null);
    assertAnswered();
  }

  @Test
  void aNodeThatEndsFailsWhatIsPendingOnceAndIsGone() {
    make();
    peerService.answer = asked -> {};
    var outcomes = new ArrayList<Outcome>();
    onLoop(
        client,
        () -> {
          for (int i = 0; i < 10; i++) {
            outcomes.add(request(peer.id(), new Request.GetSpace(), null, PATIENCE_NS));
          }
        });
    runUntil(() -> peerService.events.size() == 11);

    peer.kill().run();
    clientService.awaitDisconnect(this);

    assertFalse(isConnected(client, peer));
    runUntil(() -> outcomes.stream().allMatch(Outcome::isOver));
    outcomes.forEach(each -> assertEquals(List.of(ErrorCode.UNREACHABLE), each.failures));
    var again = ask(new Request.GetSpace());
    assertEquals(List.of(ErrorCode.UNREACHABLE), again.failures);
    outcomes.forEach(each -> assertEquals(List.of(ErrorCode.UNREACHABLE), each.failures));
    assertEquals(List.of("connected", "disconnected"), clientService.events);
  }

  @Test
  void anAddressThatIsDialledEndsInAConnectionOrInItsFailure() {
    make();
    var failures = new CopyOnWriteArrayList<HoldfastException>();
    var isCalling = new boolean[1];
    Consumer<HoldfastException> onFailure =
        why -> {
          assertTrue(client.isOnLoop().getAsBoolean() && !isCalling[0]);
          failures.add(why);
        };

    onLoop(
        client,
        () -> {
          isCalling[0] = true;
          client.transport().dial(address(peer), onFailure);
          client.transport().dial(deadAddress(), onFailure);
          client.transport().dial(deadAddress(), onFailure);
          isCalling[0] = false;
        });
    runUntil(() -> failures.size() == 2 && clientService.connected.size() == 1);
    onLoop(client, () -> client.transport().dial(address(peer), onFailure));
    runUntil(() -> clientService.connected.size() == 2);

    assertEquals(2, failures.size());
    failures.forEach(
        why -> {
          assertEquals(ErrorCode.UNREACHABLE, why.code());
          assertNotNull(why.getMessage());
          assertTrue(why.getMessage().contains(deadAddress().toString()), why.getMessage());
        });
    assertEquals(address(peer), clientService.connected.get(1).dialled().orElseThrow());
    assertAnswered();
  }
}
