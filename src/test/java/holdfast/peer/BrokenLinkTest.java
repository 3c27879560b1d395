package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.OperationResult;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Single links break, and nobody is dead: the pool goes on for everybody who reaches anybody. */
class BrokenLinkTest {
  private static final long CALL_NS = 10 * SimWorld.S;

  private SimCluster cluster;
  private SimClient client;

  private void start(int peerCount, long seed) {
    cluster = SimCluster.of(peerCount).seed(seed).settings(3, 2, 60_000).build();
    cluster.start();
    client = cluster.client();
    cluster.get(client.open());
    cluster.run(5 * SimWorld.S);
  }

  private void put(String name) {
    long startNs = cluster.world().nowNs();
    OperationResult result = cluster.get(client.put(name, name.getBytes()));
    assertInstanceOf(OperationResult.Done.class, result, result::toString);
    long tookNs = cluster.world().nowNs() - startNs;
    assertTrue(tookNs <= CALL_NS, () -> name + " took " + tookNs / SimWorld.MS + " ms");
  }

  private SimPeer leader() {
    return cluster.leader().orElseThrow();
  }

  private List<SimPeer> followers() {
    return cluster.peers().stream().filter(peer -> peer != leader()).toList();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void aClientThatReachesAnyPeerThatReachesTheLeaderWorks(long seed) {
    start(3, seed);
    SimPeer leader = leader();

    cluster.network().cutBoth(client.id(), leader.id());

    for (int i = 0; i < 10; i++) {
      put("f" + i);
      cluster.run(SimWorld.S);
    }
    assertEquals(leader, leader(), "nobody else had a reason to lead");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void aClientThatReachesOneFollowerOnlyWorks(long seed) {
    start(3, seed);
    cluster.network().cutBoth(client.id(), leader().id());
    cluster.network().cutBoth(client.id(), followers().getFirst().id());

    for (int i = 0; i < 5; i++) {
      put("f" + i);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void theLeaderHandsOverToWhoIsConnectedToMoreOfTheVoters(long seed) {
    start(3, seed);
    SimPeer before = leader();
    SimPeer cutOff = followers().getFirst();
    SimPeer between = followers().getLast();

    cluster.network().cutBoth(before.id(), cutOff.id());

    cluster.await(
        "the one in the middle leads",
        30 * SimWorld.S,
        () -> cluster.leader().filter(peer -> peer == between).isPresent());
    put("after");
    cluster.run(70 * SimWorld.S);
    assertEquals(between, leader(), "it has no reason to give it back");
    cluster.network().mend();
    cluster.run(70 * SimWorld.S);
    assertEquals(between, leader(), "nor once all are connected");
    assertTrue(cluster.isWhole());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void oneWayLossBetweenLeaderAndFollowerStopsNobody(long seed) {
    start(3, seed);
    SimPeer leader = leader();
    cluster.network().cut(leader.id(), followers().getFirst().id());

    for (int i = 0; i < 10; i++) {
      put("f" + i);
      cluster.run(SimWorld.S);
    }
    cluster.network().mend();
    cluster.await("all copies are there", 60 * SimWorld.S, cluster::isWhole);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void inAStarAllVoteAndEveryChunkHasItsCopies(long seed) {
    start(5, seed);
    SimPeer centre = followers().getFirst();
    for (SimPeer one : cluster.peers()) {
      for (SimPeer other : cluster.peers()) {
        if (one != other && one != centre && other != centre) {
          cluster.network().cutBoth(one.id(), other.id());
        }
      }
    }

    for (int i = 0; i < 10; i++) {
      put("f" + i);
      cluster.run(3 * SimWorld.S);
    }
    cluster.await("all copies are there", 120 * SimWorld.S, cluster::isWhole);
    assertEquals(centre, leader());
    assertEquals(5, leader().access().core().orElseThrow().configuration().voters().size());
  }
}
