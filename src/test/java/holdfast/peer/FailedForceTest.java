package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.pool.PoolService;
import holdfast.metadata.Unsettled;
import holdfast.metadata.op.OperationResult;
import holdfast.protocol.PoolStatus;
import holdfast.sim.FileStore;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimDisk;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** One force of chunks fails: what can be read is neither lost nor called safe. */
class FailedForceTest {
  private static final String SEGMENTS = "chunks-";

  private SimCluster cluster;
  private SimClient client;

  private void start(int peerCount, int replicas) {
    cluster =
        SimCluster.of(peerCount)
            .seed(31)
            .settings(replicas, 1, 60_000)
            .store(FileStore::make)
            .start();
    client = cluster.client();
    cluster.get(client.open());
  }

  private static byte[] bytes(int seed, int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    new SplittableRandom(seed).nextBytes(bytes);
    return bytes;
  }

  private static void done(OperationResult result) {
    assertInstanceOf(OperationResult.Done.class, result, result::toString);
  }

  private void put(String name, byte[] content) {
    done(cluster.get(client.put(name, content)));
  }

  private void replace(String name, byte[] content, boolean isForced) {
    done(cluster.get(client.replace(name, content, isForced)));
  }

  private static SimDisk disk(SimPeer peer) {
    return ((FileStore) peer.store()).disk();
  }

  private Unsettled unsettled() {
    return cluster.leader().orElseThrow().access().namespace().unsettled();
  }

  private void awaitSettled() {
    cluster.await("all is settled", 10 * SimWorld.S, () -> unsettled().count() == 0);
  }

  private void failForces() {
    assertTrue(unsettled().count() > 0, "it was settled too soon for this test");
    cluster.peers().forEach(peer -> disk(peer).failForceOf(SEGMENTS));
  }

  private void awaitFailed() {
    cluster.await(
        "a force fails",
        5 * SimWorld.S,
        () -> cluster.peers().stream().noneMatch(peer -> disk(peer).isForcePlanted()));
  }

  private void assertKept(String name, byte[] content) {
    cluster.run(10 * SimWorld.S);
    assertTrue(unsettled().revertedCount() == 0, "it was reverted");
    assertArrayEquals(content, cluster.get(client.get(name)));
  }

  /** And is on disk when that is over. */
  private void assertOutlivesPower(String name, byte[] content) {
    awaitSettled();
    cluster.peers().forEach(SimPeer::losePower);
    cluster.peers().forEach(SimPeer::start);
    cluster.await("a leader", 20 * SimWorld.S, () -> cluster.leader().isPresent());
    assertArrayEquals(content, cluster.get(client.get(name)));
  }

  @Test
  void whatWasForcedBeforeIsNotUndone() {
    start(1, 1);
    put("f", bytes(1, 300));
    awaitSettled();
    replace("f", bytes(2, 200), true);

    failForces();
    put("g", bytes(3, 100));

    awaitFailed();
    assertKept("f", bytes(2, 200));
    assertOutlivesPower("f", bytes(2, 200));
  }

  @Test
  void whatWasForcedBeforeIsNotUndoneByTheNextStart() {
    start(1, 1);
    put("f", bytes(1, 300));
    awaitSettled();
    replace("f", bytes(2, 200), true);
    failForces();
    put("g", bytes(3, 100));
    awaitFailed();

    cluster.peer(0).kill();
    cluster.peer(0).start();

    cluster.await("a leader", 20 * SimWorld.S, () -> cluster.leader().isPresent());
    assertKept("f", bytes(2, 200));
    assertOutlivesPower("f", bytes(2, 200));
  }

  @Test
  void whatWasOnlyClosedIsNotUndoneWhileItCanBeRead() {
    start(1, 1);
    put("f", bytes(1, 300));
    awaitSettled();
    replace("f", bytes(2, 200), false);

    failForces();

    awaitFailed();
    assertKept("f", bytes(2, 200));
    assertOutlivesPower("f", bytes(2, 200));
  }

  /** Each chunk is at one peer, and some are not at the leader. */
  @Test
  void anotherPeerThatCanReadItDoesNotDenyIt() {
    int files = 8;
    start(2, 1);
    for (int i = 0; i < files; i++) {
      put("f" + i, bytes(i, 300));
    }
    awaitSettled();
    for (int i = 0; i < files; i++) {
      replace("f" + i, bytes(100 + i, 200), true);
    }

    failForces();
    for (int i = 0; i < files; i++) {
      put("g" + i, bytes(200 + i, 100));
    }

    awaitFailed();
    for (int i = 0; i < files; i++) {
      assertKept("f" + i, bytes(100 + i, 200));
    }
    awaitSettled();
  }

  @Test
  void whatReadsAsSomethingElseIsGivenUp() {
    start(1, 1);
    put("f", bytes(1, 300));
    awaitSettled();
    SimDisk disk = disk(cluster.peer(0));
    long endBytes = disk.sizeBytes(SEGMENTS + "0000000000000001.seg");
    replace("f", bytes(2, 200), false);

    failForces();
    disk.flipBit(SEGMENTS + "0000000000000001.seg", (endBytes + 100) * Byte.SIZE);

    cluster.await("reverted", 20 * SimWorld.S, () -> unsettled().revertedCount() > 0);
    assertFalse(disk.isForcePlanted());
    assertArrayEquals(bytes(1, 300), cluster.get(client.get("f")));
  }

  /** The leader forces what came with the operation: nobody else sees that force fail. */
  @Test
  void whatNoLongerCountsAsHeldIsToldAtOnceAndFetched() {
    int files = 300;
    start(2, 2);
    for (int i = 0; i < files; i++) {
      put("f" + i, bytes(i, 300));
    }
    awaitSettled();
    cluster.await("safe", 60 * SimWorld.S, () -> status().safe());
    cluster.run(3 * SimWorld.S); // nothing is left to be forced
    SimPeer leader = cluster.leader().orElseThrow();
    int chunkCount = leader.store().chunkCount();

    disk(leader).failForceOf(SEGMENTS);
    byte[] last = bytes(files, 300);
    done(
        cluster.get(
            client
                .service()
                .change(
                    client.create("last", last, SimClient.nameOf(last)),
                    new PoolService.InlineChunk(SimClient.nameOf(last), last),
                    true,
                    client.deadline())));

    assertFalse(disk(leader).isForcePlanted());
    var status = status();
    assertFalse(status.safe(), status::summary);
    cluster.await(
        "whole again",
        10 * SimWorld.S,
        () -> leader.store().chunkCount() == chunkCount + 1 && status().safe());
  }

  private PoolStatus status() {
    return cluster.get(client.service().status(client.deadline()));
  }
}
