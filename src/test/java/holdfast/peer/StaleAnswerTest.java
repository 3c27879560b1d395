package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.model.ErrorCode;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a peer tells that can't reach a majority may be older than what a client has done. <i>Event:
 * the leader acknowledges a new file and dies before the other peer knows that it may apply it; the
 * mount hears that there is no such inode, takes the file for removed, and drops what is written to
 * it, with fsync(2) succeeding.</i>
 */
class StaleAnswerTest {
  private static final byte[] CONTENT = {1, 2, 3};

  private static void untilAnswered(SimCluster cluster, CompletableFuture<?> asked) {
    cluster.await("an answer or a failure", 30 * SimWorld.S, asked::isDone);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void whatWasAcknowledgedIsNeverSaidToBeAbsent(long seed) {
    var cluster = SimCluster.of(2).seed(seed).settings(2, 1, 60_000).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    cluster.run(2 * SimWorld.S);
    OperationResult created = cluster.get(client.put("f", CONTENT));
    long inode = assertInstanceOf(OperationResult.Done.class, created).attributes().inode();

    cluster.leader().orElseThrow().kill();
    CompletableFuture<PoolService.Answered> byInode =
        client.service().ask(new Query.GetAttributes(inode), client.deadline());
    CompletableFuture<PoolService.Answered> byName = client.lookup("f");
    CompletableFuture<PoolService.Answered> known = client.lookup("before");
    untilAnswered(cluster, byInode);
    untilAnswered(cluster, byName);
    untilAnswered(cluster, known);

    expectNotAbsent(byInode);
    expectNotAbsent(byName);
    assertInstanceOf(Answer.Entry.class, known.join().answer());
    assertTrue(known.join().stale(), "older content can be read meanwhile");
    cluster.peers().stream().filter(peer -> !peer.isUp()).forEach(SimPeer::start);
    cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());
    cluster.run(2 * SimWorld.S); // until the client has heard of it
    assertInstanceOf(Answer.Entry.class, cluster.get(client.lookup("f")).answer());
  }

  private static void expectNotAbsent(CompletableFuture<PoolService.Answered> asked) {
    if (!asked.isCompletedExceptionally()
        && asked.join().answer() instanceof Answer.Failed failed) {
      assertEquals(ErrorCode.NO_QUORUM, failed.code(), failed.text());
    }
  }
}
