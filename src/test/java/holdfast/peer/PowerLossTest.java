package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.OperationResult;
import holdfast.model.LogId;
import holdfast.sim.FileStore;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimStore;
import holdfast.sim.SimWorld;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Machines that lose power: what was forced is there, and the pool goes on. */
class PowerLossTest {
  private static final int FILE_COUNT = 30;

  /** Longer than anything stays unforced. */
  private static final long FORCED_NS = 2 * SimWorld.S;

  private static byte[] bytes(int seed) {
    byte[] bytes = new byte[200 + seed];
    new SplittableRandom(seed).nextBytes(bytes);
    return bytes;
  }

  private static SimCluster cluster(int peerCount, long seed, boolean onFiles) {
    SimStore.Maker store = onFiles ? FileStore::make : SimStore::inMemory;
    return SimCluster.of(peerCount).seed(seed).settings(3, 2, 60_000).store(store).start();
  }

  private static SimClient filled(SimCluster cluster) {
    SimClient client = cluster.client();
    cluster.get(client.open());
    for (int i = 0; i < FILE_COUNT; i++) {
      assertInstanceOf(
          OperationResult.Done.class,
          cluster.get(
              i % 2 == 0 ? client.putInline("f" + i, bytes(i)) : client.put("f" + i, bytes(i))));
    }
    return client;
  }

  private static void assertAllThere(SimCluster cluster, SimClient client) {
    for (int i = 0; i < FILE_COUNT; i++) {
      assertArrayEquals(bytes(i), cluster.get(client.get("f" + i)), "f" + i);
    }
  }

  private static LogId log(SimPeer peer) {
    return peer.access().core().orElseThrow().logId();
  }

  @ParameterizedTest
  @CsvSource({
    "1,1,false",
    "2,2,false",
    "3,3,false",
    "5,4,false",
    "1,5,true",
    "2,6,true",
    "3,7,true",
    "4,8,true"
  })
  void aPoolThatLostPowerAsAWholeGoesOnInANewLogWithAllThatWasForced(
      int peerCount, long seed, boolean onFiles) {
    SimCluster cluster = cluster(peerCount, seed, onFiles);
    SimClient client = filled(cluster);
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    cluster.run(FORCED_NS);
    LogId before = log(cluster.peer(0));

    cluster.peers().forEach(SimPeer::losePower);
    cluster.run(SimWorld.S);
    cluster.peers().forEach(SimPeer::start);

    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("after", bytes(99))));
    assertAllThere(cluster, client);
    assertArrayEquals(bytes(99), cluster.get(client.get("after")));
    cluster.await("whole again", 60 * SimWorld.S, cluster::isWhole);
    List<LogId> logs = cluster.peers().stream().map(PowerLossTest::log).distinct().toList();
    assertEquals(1, logs.size());
    assertNotEquals(before, logs.getFirst());
    cluster.await(
        "nothing is kept aside",
        10 * SimWorld.S,
        () -> cluster.peers().stream().allMatch(peer -> peer.access().asideCount() == 0));
    assertTrue(cluster.peers().stream().noneMatch(peer -> peer.access().isRecovering()));
  }

  @Test
  void aPoolThatLosesPowerAgainAndAgainGoesOn() {
    SimCluster cluster = cluster(3, 21, true);
    SimClient client = filled(cluster);
    for (int round = 0; round < 6; round++) {
      cluster.run(FORCED_NS);
      cluster.peers().forEach(SimPeer::losePower);
      cluster.run(SimWorld.S / 2);
      for (SimPeer peer : cluster.peers()) {
        peer.start();
        cluster.run(round * 300 * SimWorld.MS);
      }
      assertInstanceOf(
          OperationResult.Done.class, cluster.get(client.put("round" + round, bytes(round))));
      assertAllThere(cluster, client);
    }
    cluster.run(FORCED_NS);
    for (int round = 0; round < 6; round++) {
      assertArrayEquals(bytes(round), cluster.get(client.get("round" + round)));
    }
  }

  @Test
  void onePeerOfThreeComesBackAsItselfInTheSameLog() {
    SimCluster cluster = cluster(3, 31, true);
    SimClient client = filled(cluster);
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    LogId before = log(cluster.peer(0));
    SimPeer leader = cluster.leader().orElseThrow();

    leader.losePower();
    cluster.run(SimWorld.S);
    leader.start();

    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("after", bytes(99))));
    cluster.await("whole again", 60 * SimWorld.S, cluster::isWhole);
    cluster.await("recovered", 10 * SimWorld.S, () -> !leader.access().isRecovering());
    assertTrue(cluster.peers().stream().allMatch(peer -> log(peer).equals(before)));
    assertAllThere(cluster, client);
  }

  @Test
  void aPairWhoseLeaderLostPowerGoesOnWhenItIsBack() {
    SimCluster cluster = cluster(2, 41, true);
    SimClient client = filled(cluster);
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    cluster.run(FORCED_NS);
    SimPeer leader = cluster.leader().orElseThrow();

    leader.losePower();
    cluster.run(5 * SimWorld.S);
    leader.start();

    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("after", bytes(99))));
    assertAllThere(cluster, client);
    cluster.await("whole again", 60 * SimWorld.S, cluster::isWhole);
  }

  @Test
  void aPeerThatWasOffDuringThePowerCutFollowsTheNewLog() {
    SimCluster cluster = cluster(4, 51, true);
    SimClient client = filled(cluster);
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    SimPeer off =
        cluster.peers().stream()
            .filter(
                peer ->
                    cluster
                        .leader()
                        .orElseThrow()
                        .access()
                        .core()
                        .orElseThrow()
                        .configuration()
                        .followers()
                        .stream()
                        .anyMatch(follower -> follower.node().equals(peer.id())))
            .findFirst()
            .orElseThrow();
    off.kill();
    cluster.run(FORCED_NS);
    cluster.peers().stream().filter(peer -> peer != off).forEach(SimPeer::losePower);
    cluster.run(SimWorld.S);
    cluster.peers().stream().filter(peer -> peer != off).forEach(SimPeer::start);
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("after", bytes(99))));

    off.start();

    cluster.await("whole again", 60 * SimWorld.S, cluster::isWhole);
    assertEquals(log(cluster.leader().orElseThrow()), log(off));
    assertAllThere(cluster, client);
    cluster.await("nothing is kept aside", 10 * SimWorld.S, () -> off.access().asideCount() == 0);
  }

  @Test
  void whoHoldsMoreThanTheVotersAndWasOutOfReachKeepsItAside() {
    SimCluster cluster = cluster(4, 61, true);
    SimClient client = filled(cluster);
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    cluster.run(FORCED_NS);
    SimPeer leader = cluster.leader().orElseThrow();
    SimPeer follower =
        cluster.peers().stream().filter(peer -> !isVoter(leader, peer)).findFirst().orElseThrow();
    // Acknowledged, and at once the voters lose power; the follower is off until they have gone on.
    int lost = 0;
    while (follower.access().asideCount() == 0 && lost < 40) {
      cluster.get(client.makeDirectory("d" + lost++));
      cluster.run(5 * SimWorld.MS);
      follower.kill();
      cluster.peers().stream().filter(peer -> peer != follower).forEach(SimPeer::losePower);
      cluster.run(SimWorld.S);
      cluster.peers().stream().filter(peer -> peer != follower).forEach(SimPeer::start);
      cluster.get(client.put("after" + lost, bytes(lost)));
      follower.start();
      cluster.await("whole again", 60 * SimWorld.S, cluster::isWhole);
      cluster.run(FORCED_NS);
    }

    assertTrue(follower.access().asideCount() > 0, "the voters lost nothing in 40 power cuts");
    var status = cluster.get(client.service().status(client.deadline()));
    assertFalse(status.safe(), status.summary());
    assertTrue(status.summary().contains("aside"), status.summary());
    assertAllThere(cluster, client);
    expectStillTold(cluster, client, follower);
  }

  /** What it keeps is in no other place, also while it is away, and whoever leads then. */
  private static void expectStillTold(SimCluster cluster, SimClient client, SimPeer keeper) {
    keeper.stopCleanly();
    cluster.run(20 * SimWorld.S);
    expectKeeperTold(cluster, client, keeper);
    List<SimPeer> others = cluster.peers().stream().filter(peer -> peer != keeper).toList();
    others.forEach(SimPeer::kill);
    others.forEach(SimPeer::start);
    cluster.run(20 * SimWorld.S);
    expectKeeperTold(cluster, client, keeper);
    keeper.start();
    cluster.run(20 * SimWorld.S);
    expectKeeperTold(cluster, client, keeper);
  }

  private static void expectKeeperTold(SimCluster cluster, SimClient client, SimPeer keeper) {
    var status = cluster.get(client.service().status(client.deadline()));
    assertFalse(status.safe(), status::summary);
    assertTrue(status.summary().contains(keeper.id().shortForm()), status::summary);
    assertTrue(
        status.peers().stream()
            .anyMatch(peer -> peer.node().equals(keeper.id()) && peer.logsAside() > 0));
  }

  private static boolean isVoter(SimPeer leader, SimPeer peer) {
    return leader.access().core().orElseThrow().configuration().voters().stream()
        .anyMatch(voter -> voter.node().equals(peer.id()));
  }
}
