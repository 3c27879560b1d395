package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.RaftConfig;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.peer.view.Replies;
import holdfast.port.Body;
import holdfast.port.NodeService;
import holdfast.port.Remote;
import holdfast.port.Responder;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import holdfast.sim.MemoryLog;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimLoop;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An older folder is tried in the newest one's place, and that is put back: it goes on, unless the
 * older one has promised anything meanwhile.
 */
class NewestFolderPutBackTest {
  private static final byte[] CONTENT = new byte[] {1, 2, 3};

  /** The old folder only waited: the newest one goes on, as if that had never been there. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void aLoneFolderThatWasReplacedByAnOlderOneGoesOnWhenItIsPutBack(long seed) {
    var cluster = SimCluster.of(1).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    cluster.run(3 * SimWorld.S);
    SimPeer peer = cluster.peer(0);
    long end = end(peer);
    MemoryLog.Platter old = restarted(cluster, peer);
    LogId log = log(peer);
    putAfter(cluster, client);
    MemoryLog.Platter newest = killAndPut(peer, old);
    peer.start();
    cluster.run(5 * SimWorld.S);
    assertTrue(peer.access().isRecovering());
    assertTrue(cluster.leader().isEmpty());
    assertEquals(end, end(peer), "it didn't lead, not even for a moment");
    MemoryLog.Platter waited = killAndPut(peer, newest);

    peer.start();

    expectGoesOn(cluster, client, peer, log);
    killAndPut(peer, waited);
    peer.start();
    cluster.run(5 * SimWorld.S);
    assertTrue(peer.access().isRecovering(), "it has its mark");
    killAndPut(peer, old);
    peer.start();
    cluster.run(5 * SimWorld.S);
    assertTrue(peer.access().isRecovering(), "the machine knows the newest");
  }

  /** What its folder held when it ended. */
  private static MemoryLog.Platter restarted(SimCluster cluster, SimPeer peer) {
    peer.kill();
    MemoryLog.Platter held = peer.store().backup();
    peer.start();
    cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());
    return held;
  }

  private static LogId log(SimPeer peer) {
    return peer.access().core().orElseThrow().logId();
  }

  private static long end(SimPeer peer) {
    return peer.access().core().orElseThrow().lastIndex();
  }

  private static void putAfter(SimCluster cluster, SimClient client) {
    cluster.get(client.put("after", CONTENT));
    cluster.get(client.service().forceLog(client.deadline()));
    cluster.run(3 * SimWorld.S);
  }

  /** What the peer's folder held. */
  private static MemoryLog.Platter killAndPut(SimPeer peer, MemoryLog.Platter folder) {
    peer.kill();
    MemoryLog.Platter moved = peer.store().backup();
    peer.store().putBack(folder);
    return moved;
  }

  private static void expectGoesOn(
      SimCluster cluster, SimClient client, SimPeer peer, LogId before) {
    cluster.await("a leader", 15 * SimWorld.S, () -> cluster.leader().isPresent());
    assertFalse(peer.access().isRecovering());
    assertEquals(before, log(peer), "no log was founded");
    assertArrayEquals(CONTENT, cluster.get(client.get("before")));
    assertArrayEquals(CONTENT, cluster.get(client.get("after")));
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("later", CONTENT)));
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    assertEquals(before, log(peer), "no log was founded");
  }

  /** Found out by its machine, or only by its partner, whom it has told its run by then. */
  @ParameterizedTest
  @CsvSource({"1, true", "2, true", "3, true", "1, false", "2, false", "3, false"})
  void ofTwoTheNewestFolderGoesOnWhenItIsPutBack(long seed, boolean isRemembered) {
    var pair = SimCluster.of(2).seed(seed).settings(2, 2, 60_000).raft(RaftConfig.DEFAULT);
    SimCluster cluster = pair.start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    cluster.run(3 * SimWorld.S);
    SimPeer peer = cluster.leader().orElseThrow(); // The other one doesn't go on alone.
    MemoryLog.Platter old = peer.store().backup();
    LogId log = log(peer);
    putAfter(cluster, client);
    MemoryLog.Platter newest = killAndPut(peer, old);
    if (!isRemembered) {
      peer.forgetMark();
    }
    cluster.run(10 * SimWorld.S);
    peer.start();
    cluster.await("found out", 10 * SimWorld.S, () -> peer.access().isRecovering());
    cluster.run(15 * SimWorld.S);
    assertTrue(cluster.leader().isEmpty(), "startWaitMs isn't over");
    killAndPut(peer, newest);

    peer.start();

    expectGoesOn(cluster, client, peer, log);
  }

  /** It has acknowledged entries since its lost vote was known: the newest one lacks them. */
  @ParameterizedTest
  @CsvSource({"1, true", "2, true", "3, true", "1, false", "2, false", "3, false"})
  void aFolderThatHasPromisedSomethingIsKnown(long seed, boolean isRemembered) {
    var cluster = SimCluster.of(3).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    SimPeer peer = cluster.peer((int) (seed % 3));
    MemoryLog.Platter old = peer.store().backup();
    putAfter(cluster, client);
    MemoryLog.Platter newest = killAndPut(peer, old);
    peer.start();
    cluster.await("found out", 10 * SimWorld.S, () -> peer.access().isRecovering());
    cluster.await("made good", 60 * SimWorld.S, () -> !peer.access().isRecovering());
    cluster.run(2 * SimWorld.S);
    killAndPut(peer, newest);
    if (!isRemembered) {
      peer.forgetMark();
    }

    peer.start();

    cluster.await("found out", 10 * SimWorld.S, () -> peer.access().isRecovering());
    cluster.await("made good", 60 * SimWorld.S, () -> !peer.access().isRecovering());
    assertArrayEquals(CONTENT, cluster.get(client.get("after")));
  }

  /** The operator let it go on, and it answered a client: alone that is a promise, too. */
  @Test
  void aLoneFolderThatWentOnIsKnownToItsMachine() {
    var cluster = SimCluster.of(1).seed(3).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.run(3 * SimWorld.S);
    SimPeer peer = cluster.peer(0);
    MemoryLog.Platter old = peer.store().backup();
    putAfter(cluster, client);
    MemoryLog.Platter newest = killAndPut(peer, old);
    peer.start();
    cluster.run(5 * SimWorld.S);
    peer.access().acceptDamage();
    cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());
    killAndPut(peer, newest);

    peer.start();
    cluster.run(5 * SimWorld.S);

    assertTrue(peer.access().isRecovering());
    assertTrue(cluster.leader().isEmpty());
  }

  /** It sends no message of consensus to anybody, and yet its clients rely on it. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void anOldFolderThatLedAloneBeforeItWasFoundOutIsKnown(long seed) {
    var pair = SimCluster.of(2).seed(seed).settings(2, 2, 60_000).raft(RaftConfig.DEFAULT);
    SimCluster cluster = pair.build();
    SimPeer peer = cluster.peer(0);
    SimPeer partner = cluster.peer(1);
    peer.start();
    cluster.run(3 * SimWorld.S);
    MemoryLog.Platter old = restarted(cluster, peer);
    SimClient client = cluster.client();
    cluster.get(client.open());
    partner.start();
    cluster.await("a pair", 60 * SimWorld.S, cluster::isWhole);
    putAfter(cluster, client);
    partner.kill();
    MemoryLog.Platter newest = killAndPut(peer, old);
    peer.forgetMark();
    peer.start();
    cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());

    partner.start();
    cluster.await("found out", 10 * SimWorld.S, () -> peer.access().isRecovering());
    cluster.run(3 * SimWorld.S);
    killAndPut(peer, newest);
    peer.forgetMark();
    peer.start();

    cluster.await("found out", 10 * SimWorld.S, () -> peer.access().isRecovering());
  }

  /** The newest folder may have what isn't in this one. */
  @Test
  void aFolderThatOnlyWaitsDeniesNoChunk() {
    var pair = SimCluster.of(2).seed(1).settings(2, 2, 60_000).raft(RaftConfig.DEFAULT);
    SimCluster cluster = pair.start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    cluster.run(3 * SimWorld.S);
    SimPeer peer = cluster.leader().orElseThrow();
    MemoryLog.Platter old = peer.store().backup();
    putAfter(cluster, client);
    killAndPut(peer, old);
    peer.start();
    cluster.await("found out", 10 * SimWorld.S, () -> peer.access().isRecovering());
    ChunkId held = SimClient.nameOf(CONTENT);
    ChunkId absent = SimClient.nameOf(new byte[] {4});

    Reply.Chunks waiting = force(cluster, peer, List.of(held, absent));

    assertEquals(List.of(new Reply.Chunks.Entry(held, 0)), waiting.entries());
    assertEquals(List.of(absent), waiting.indeterminate());
    assertEquals(ErrorCode.NOT_READY, refusal(cluster, peer, absent));
    SimPeer partner = cluster.peer(1 - peer.number());
    Reply.Chunks whole = force(cluster, partner, List.of(held, absent));
    assertEquals(List.of(), whole.indeterminate());
    assertEquals(ErrorCode.CHUNK_MISSING, refusal(cluster, partner, absent));
  }

  private static Reply.Chunks force(SimCluster cluster, SimPeer peer, List<ChunkId> chunks) {
    return (Reply.Chunks) cluster.get(ask(cluster, peer, new Request.ForceChunks(chunks)));
  }

  /** What a read is told that is refused. */
  private static ErrorCode refusal(SimCluster cluster, SimPeer peer, ChunkId chunk) {
    CompletableFuture<Reply> asked = ask(cluster, peer, new Request.GetChunk(chunk, 0, -1));
    cluster.await("an answer", 10 * SimWorld.S, asked::isDone);
    return ((HoldfastException) asked.exceptionNow()).code();
  }

  private static CompletableFuture<Reply> ask(SimCluster cluster, SimPeer peer, Request request) {
    var loop = new SimLoop(cluster.world(), "asker");
    var id = new NodeId(9, 9, 9, 9);
    var instance = new InstanceId(9, 9);
    var transport = cluster.network().open(loop, id, false, instance, null, 0);
    transport.start(deaf());
    transport.learn(peer.id(), List.of(peer.address()));
    var answer = new CompletableFuture<Reply>();
    loop.post(
        () ->
            transport.request(
                peer.id(),
                request,
                null,
                5 * SimWorld.S,
                Replies.handler(
                    (reply, none) -> answer.complete(reply), answer::completeExceptionally)));
    return answer;
  }

  private static NodeService deaf() {
    return new NodeService() {
      @Override
      public void onConnected(Remote remote) {}

      @Override
      public void onDisconnected(NodeId node) {}

      @Override
      public void onNotice(Remote from, Notice notice) {}

      @Override
      public void onRequest(Remote from, Request request, Body bodyOrNull, Responder responder) {}
    };
  }
}
