package holdfast.peer.chunk;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.OperationResult;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What a peer behind a slow link costs, on simulated time. */
class SlowOwnerTest {
  private static final int CHUNK_BYTES = 64 << 10;

  /** A chunk takes 6.5 s. */
  private static final long SLOW_BYTES_PER_MS = 10;

  /** All chunks of a test take less than a second. */
  private static final long A_BIT_SLOW_BYTES_PER_MS = 5_000;

  private static final long WITHOUT_IT_NS = 10 * SimWorld.S;

  private static byte[] content(int seed) {
    byte[] bytes = new byte[CHUNK_BYTES];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static SimPeer follower(SimCluster cluster) {
    SimPeer leader = cluster.leader().orElseThrow();
    return cluster.peers().stream().filter(peer -> peer != leader).findFirst().orElseThrow();
  }

  private static List<CompletableFuture<OperationResult>> write(SimClient client, int count) {
    var writes = new ArrayList<CompletableFuture<OperationResult>>();
    for (int i = 0; i < count; i++) {
      writes.add(client.put("f" + i, content(i)));
    }
    return writes;
  }

  @Test
  void writesGoOnWithoutAnOwnerThatIsBehindAndItsCopiesAreRepaired() {
    var cluster = SimCluster.of(3).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.await("whole", 30 * SimWorld.S, cluster::isWhole);
    SimPeer slow = follower(cluster);
    cluster.network().slow(slow.id(), SLOW_BYTES_PER_MS);

    var writes = write(client, 40);
    cluster.await(
        "all but what went to the slow one first",
        WITHOUT_IT_NS,
        () -> writes.stream().filter(CompletableFuture::isDone).count() >= 25);

    assertTrue(slow.store().chunkCount() < 25, "the slow one lacks copies");
    cluster.await(
        "all", 300 * SimWorld.S, () -> writes.stream().allMatch(CompletableFuture::isDone));
    for (var write : writes) {
      assertInstanceOf(OperationResult.Done.class, cluster.get(write));
    }
    cluster.await("repaired", 1_200 * SimWorld.S, () -> slow.store().chunkCount() >= 40);
  }

  /** The third copy of a chunk is always a moment behind the second. */
  @Test
  void whoIsAMomentBehindGetsEveryCopyAtOnce() {
    var cluster = SimCluster.of(3).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.await("whole", 30 * SimWorld.S, cluster::isWhole);

    cluster.network().slow(follower(cluster).id(), A_BIT_SLOW_BYTES_PER_MS);
    var writes = write(client, 60);
    cluster.await(
        "all", 20 * SimWorld.S, () -> writes.stream().allMatch(CompletableFuture::isDone));
    cluster.run(SimWorld.S);

    for (SimPeer peer : cluster.peers()) {
      assertTrue(peer.store().chunkCount() >= 60, "nothing is left to repair, at " + peer);
    }
  }

  @Test
  void ofTwoPeersASlowOneMakesWritesSlowAndFailsNone() {
    var cluster = SimCluster.of(2).settings(2, 2, 60_000).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.await("whole", 30 * SimWorld.S, cluster::isWhole);
    cluster.network().slow(follower(cluster).id(), SLOW_BYTES_PER_MS);

    var writes = write(client, 4);
    cluster.await(
        "all", 120 * SimWorld.S, () -> writes.stream().allMatch(CompletableFuture::isDone));

    for (var write : writes) {
      assertInstanceOf(OperationResult.Done.class, cluster.get(write));
    }
    assertTrue(cluster.isWhole());
  }
}
