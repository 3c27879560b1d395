package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.OperationResult;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PeerNodeTest {
  private static byte[] bytes(int seed, int length) {
    byte[] bytes = new byte[length];
    new SplittableRandom(seed).nextBytes(bytes);
    return bytes;
  }

  @Test
  void filesSurviveTheLeaderAndThePoolGoesOnWithoutIt() {
    var cluster = SimCluster.of(3).start();
    var client = cluster.client();
    cluster.get(client.open());
    byte[] first = bytes(1, 10_000);
    byte[] second = bytes(2, 500);

    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("a", first)));
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.putInline("b", second)));
    assertArrayEquals(first, cluster.get(client.get("a")));
    SimPeer leader = cluster.leader().orElseThrow();
    leader.kill();

    assertArrayEquals(second, cluster.get(client.get("b")));
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("c", bytes(3, 100))));
    assertArrayEquals(first, cluster.get(client.get("a")));
    assertNotEquals(leader, cluster.leader().orElseThrow());
  }

  @Test
  void copiesOfAPeerThatIsOutAreRestoredAndThenAnotherMayDie() {
    var cluster = SimCluster.of(4).settings(3, 2, 5_000).start();
    var client = cluster.client();
    cluster.get(client.open());
    for (int i = 0; i < 40; i++) {
      cluster.get(client.put("f" + i, bytes(i, 1_000 + i)));
    }
    cluster.await(
        "safe",
        20 * SimWorld.S,
        () -> cluster.get(client.service().status(client.deadline())).safe());
    cluster.peer(1).kill();
    cluster.await(
        "out and safe again",
        60 * SimWorld.S,
        () -> {
          var status = cluster.get(client.service().status(client.deadline()));
          return status.safe()
              && status.peers().stream().anyMatch(peer -> peer.state().equals("out"));
        });
    cluster.peer(2).kill();

    for (int i = 0; i < 40; i++) {
      assertArrayEquals(bytes(i, 1_000 + i), cluster.get(client.get("f" + i)));
    }
  }

  @Test
  void everythingAcknowledgedSurvivesTheKillingOfAllPeers() {
    var cluster = SimCluster.of(3).start();
    var client = cluster.client();
    cluster.get(client.open());
    for (int i = 0; i < 100; i++) {
      cluster.get(client.putInline("f" + i, bytes(i, 300)));
    }
    cluster.peers().forEach(SimPeer::kill);
    cluster.run(SimWorld.S);
    cluster.peers().forEach(SimPeer::start);

    for (int i = 0; i < 100; i++) {
      assertArrayEquals(bytes(i, 300), cluster.get(client.get("f" + i)));
    }
    cluster.await("whole again", 30 * SimWorld.S, cluster::isWhole);
    byte[] digest = cluster.peer(0).access().digest();
    cluster.run(SimWorld.S);
    assertTrue(cluster.peers().stream().allMatch(p -> Arrays.equals(digest, p.access().digest())));
    assertEquals(3, cluster.livePeers().size());
  }
}
