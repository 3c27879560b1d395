package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Role;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.sim.FileStore;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimStore;
import holdfast.sim.SimWorld;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The log of a pool is begun, and led, a moment before the pool is founded in it. What ends the
 * founding peer in between ends no pool: the peer once failed at every start from then on.
 */
class BeforeFoundingTest {
  private static final byte[] CONTENT = new byte[] {1, 2, 3};

  private static SimCluster cluster(int peerCount, SimStore.Maker store) {
    return SimCluster.of(peerCount).seed(5).settings(1, 1, 60_000).store(store).build();
  }

  /** Runs until the founding peer leads a log in which nothing is founded. */
  private static void awaitUnfounded(SimCluster cluster, SimPeer founder) {
    cluster.await("it leads", 10 * SimWorld.S, () -> isLeading(founder));
    assertFalse(founder.access().isReady(), "it was founded too soon for this test");
  }

  private static boolean isLeading(SimPeer peer) {
    return peer.access().core().filter(core -> core.role() == Role.LEADER).isPresent();
  }

  private static LogId log(SimPeer peer) {
    return peer.access().core().orElseThrow().logId();
  }

  private static void assertUsable(SimCluster cluster, SimPeer founder) {
    SimClient client = cluster.client();
    cluster.get(client.open());
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("a", CONTENT)));
    cluster.get(client.service().forceLog(client.deadline()));
    cluster.run(2 * SimWorld.S);
    assertTrue(cluster.get(client.service().status(client.deadline())).peers().size() > 0);

    founder.losePower();
    founder.start();

    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("b", CONTENT)));
    assertArrayEquals(CONTENT, cluster.get(client.get("a")));
  }

  @Test
  void aPowerCutBeforeThePoolIsFoundedCostsNothing() {
    SimCluster cluster = cluster(1, SimStore::inMemory);
    SimPeer founder = cluster.peer(0);
    founder.start();
    awaitUnfounded(cluster, founder);
    LogId before = log(founder);

    founder.losePower();
    founder.start();

    assertUsable(cluster, founder);
    assertNotEquals(before, log(founder), "too little was lost for this test");
  }

  /** The founding is written by then, and may be lost. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void aPowerCutRightAfterThePoolIsFoundedCostsNothing(long seed) {
    SimCluster cluster = SimCluster.of(1).seed(seed).settings(1, 1, 60_000).build();
    SimPeer founder = cluster.peer(0);
    founder.start();
    cluster.await("founded", 10 * SimWorld.S, () -> founder.access().isReady());

    founder.losePower();
    founder.start();

    assertUsable(cluster, founder);
  }

  /**
   * The next log begins with a state in which nothing is founded, and is read at the next start.
   */
  @Test
  void aNextLogThatBeginsBeforeThePoolIsFoundedIsReadAtTheNextStart() {
    SimCluster cluster = cluster(1, SimStore::inMemory);
    SimPeer founder = cluster.peer(0);
    founder.start();
    awaitUnfounded(cluster, founder);
    LogId before = log(founder);
    founder.losePower();
    founder.start();
    cluster.await(
        "the next log begins",
        10 * SimWorld.S,
        () -> isLeading(founder) && !log(founder).equals(before));
    assertFalse(founder.access().isReady(), "it was founded too soon for this test");

    founder.kill();
    founder.start();

    assertUsable(cluster, founder);
  }

  @Test
  void aForceThatFailsBeforeThePoolIsFoundedCostsNoMoreThanAStart() {
    SimCluster cluster = cluster(1, FileStore::make);
    SimPeer founder = cluster.peer(0);
    founder.start();
    awaitUnfounded(cluster, founder);
    ((FileStore) founder.store()).disk().failForceOf("log-");
    cluster.await("it stops", 10 * SimWorld.S, () -> founder.stoppedBy() != null);
    assertEquals(ErrorCode.STORE_FAILED, founder.stoppedBy().code());

    founder.kill();
    founder.start();

    assertUsable(cluster, founder);
  }

  @Test
  void othersJoinThePoolThatIsFoundedAfterAPowerCut() {
    SimCluster cluster = cluster(3, SimStore::inMemory);
    SimPeer founder = cluster.peer(0);
    founder.start();
    awaitUnfounded(cluster, founder);
    List.of(cluster.peer(1), cluster.peer(2)).forEach(SimPeer::start);

    founder.losePower();
    founder.start();

    cluster.await("all are listed", 60 * SimWorld.S, cluster::isWhole);
    assertUsable(cluster, founder);
  }
}
