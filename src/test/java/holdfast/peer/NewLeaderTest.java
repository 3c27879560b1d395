package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.placement.PoolSettings;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a new leader decides before its predecessor's last entries are applied here: nothing that
 * these may change.
 */
class NewLeaderTest {
  private static final long STEP_NS = SimWorld.MS / 20;

  private SimCluster cluster;
  private SimClient client;
  private long beganNs;

  private void start(long seed) {
    cluster = SimCluster.of(3).seed(seed).settings(3, 2, 60_000).build();
    beganNs = cluster.world().nowNs();
    cluster.start();
    client = cluster.client();
    cluster.get(client.open());
    cluster.run(5 * SimWorld.S);
  }

  private static byte[] bytes(long seed) {
    byte[] bytes = new byte[200];
    new SplittableRandom(seed).nextBytes(bytes);
    return bytes;
  }

  private static void done(OperationResult result) {
    assertInstanceOf(OperationResult.Done.class, result, result::toString);
  }

  /** In steps that are shorter than anything on the network. */
  private <T> T getAtOnce(CompletableFuture<T> future) {
    for (int i = 0; i < 100_000 && !future.isDone(); i++) {
      cluster.run(STEP_NS);
    }
    return future.join();
  }

  /** The leader leaves in good order; returns the next one as soon as it leads. */
  private SimPeer handOver() {
    SimPeer before = cluster.leader().orElseThrow();
    before.stopCleanly();
    for (int i = 0; i < 100_000; i++) {
      cluster.run(STEP_NS);
      for (SimPeer peer : cluster.peers()) {
        if (peer != before && peer.isUp() && peer.access().isLeader()) {
          assertFalse(peer.access().isCurrent(), "it was too late for this test");
          return peer;
        }
      }
    }
    throw new AssertionError("nobody took over");
  }

  /** Asks a peer now, without the time that it takes to get there. */
  private CompletableFuture<Reply> ask(SimPeer peer, Request request) {
    var replied = new CompletableFuture<Reply>();
    peer.loop()
        .post(
            () ->
                peer.access().ask(client.id(), request, (reply, none) -> replied.complete(reply)));
    return replied;
  }

  private static List<Request.SetPool.Setting> setting(String name, String value) {
    return List.of(new Request.SetPool.Setting(name, value));
  }

  private PoolSettings settings() {
    return cluster.leader().orElseThrow().access().map().orElseThrow().settings();
  }

  /** All peers have begun to count at the same time. */
  private void untilJustAfterTheForcesOfEachSecond() {
    long sinceNs = (cluster.world().nowNs() - beganNs) % SimWorld.S;
    cluster.run(SimWorld.S - sinceNs + 50 * SimWorld.MS);
  }

  /** A file that hasn't been seen there yet is still to be renamed. */
  private static boolean isThere(SimPeer peer, String name) {
    var lookup = new Query.Lookup(SimClient.ROOT, SimClient.entry(name));
    boolean isCurrent = peer.access().isCurrent();
    return !isCurrent || peer.access().namespace().query(lookup) instanceof Answer.Entry;
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void aRenameOverAFileForcesItsSourceThoughTheLeaderHasNotSeenItYet(long seed) {
    start(seed);
    byte[] now = bytes(seed);
    ChunkId chunk = SimClient.nameOf(now);
    done(cluster.get(client.put("f", bytes(-seed))));
    cluster.run(3 * SimWorld.S);
    untilJustAfterTheForcesOfEachSecond();

    var author = new ClientId(seed, 1);
    var open = new Request.OpenSession(author, SimClient.DATA_KEY);
    assertInstanceOf(Reply.Session.class, getAtOnce(ask(cluster.leader().orElseThrow(), open)));

    done(getAtOnce(client.put("tmp", now)));
    SimPeer next = handOver();
    var rename = new Request.Change(author, 1, 1, client.renaming("tmp", "f"), null, false);
    CompletableFuture<Reply> replied = ask(next, rename);
    for (int i = 0; i < 10_000 && isThere(next, "tmp"); i++) {
      cluster.run(STEP_NS);
    }

    // A power cut would leave that and not more, answered or not.
    long copies = cluster.peers().stream().filter(p -> p.store().isForced(chunk)).count();
    assertTrue(copies >= 2, "copies on disk: was=" + copies);
    Reply reply = cluster.get(replied);
    done(assertInstanceOf(Reply.Changed.class, reply, reply::toString).result());
    assertArrayEquals(now, cluster.get(client.get("f")));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void aSettingIsNotUndoneByTheNextOne(long seed) {
    start(seed);

    getAtOnce(client.service().setPool(setting("replicas", "2"), client.deadline()));
    SimPeer next = handOver();
    Reply reply = getAtOnce(ask(next, new Request.SetPool(setting("down-out", "7m"))));
    assertInstanceOf(Reply.Done.class, reply, reply::toString);

    assertEquals(420_000, settings().downOutMs());
    assertEquals(2, settings().replicas());
  }

  /** Both begin with the settings as they are, and write all of them. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void norByOneThatComesAtTheSameTime(long seed) {
    start(seed);
    SimClient other = cluster.client();
    cluster.get(other.open());

    var first = client.service().setPool(setting("replicas", "2"), client.deadline());
    var second = other.service().setPool(setting("down-out", "7m"), other.deadline());
    getAtOnce(first);
    getAtOnce(second);

    assertEquals(420_000, settings().downOutMs());
    assertEquals(2, settings().replicas());
  }

  private static long term(SimPeer peer) {
    return peer.access().core().orElseThrow().term();
  }

  /** An older map may take a peer for down, and one copy for enough. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void nobodySaysThatItsMapIsNewBeforeThePredecessorsIsThere(long seed) {
    start(seed);
    getAtOnce(client.service().setPool(setting("replicas", "2"), client.deadline()));
    long ledTerm = term(cluster.leader().orElseThrow());
    long index = cluster.leader().orElseThrow().access().map().orElseThrow().version().index();

    SimPeer before = cluster.leader().orElseThrow();
    before.stopCleanly();

    for (int i = 0; i < 10_000; i++) {
      cluster.run(STEP_NS);
      for (SimPeer peer : cluster.peers()) {
        boolean isNew = peer.access().map().orElseThrow().version().index() >= index;
        boolean isOfNext = peer.isUp() && peer != before && term(peer) > ledTerm;
        assertTrue(isNew || !isOfNext || !peer.access().isFresh(), peer::toString);
      }
    }
  }
}
