package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.pool.PoolService;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.CompletionException;
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

  @Test
  void aPairGoesOnWhenItsFollowerDies() {
    var cluster = SimCluster.of(2).oneHost().start();
    var client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("a", bytes(1, 1_000)));
    SimPeer leader = cluster.leader().orElseThrow();
    cluster.peers().stream().filter(peer -> peer != leader).forEach(SimPeer::kill);

    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("b", bytes(2, 1_000))));
    assertArrayEquals(bytes(1, 1_000), cluster.get(client.get("a")));
    var status = cluster.get(client.service().status(client.deadline()));
    assertTrue(status.safe(), status.summary());
    assertTrue(status.summary().contains("one copy"), status.summary());
  }

  @Test
  void whoIsLeftOfAPairWithoutItsLeaderReadsMarkedStaleAndRefusesChanges() {
    var cluster = SimCluster.of(2).oneHost().start();
    var client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("a", bytes(1, 1_000)));
    cluster.run(SimWorld.S);
    cluster.leader().orElseThrow().kill();

    assertArrayEquals(bytes(1, 1_000), cluster.get(client.get("a")));
    assertTrue(cluster.get(client.lookup("a")).stale());
    var refused =
        assertThrows(CompletionException.class, () -> cluster.get(client.makeDirectory("d")));
    var why = assertInstanceOf(HoldfastException.class, refused.getCause());
    assertEquals(ErrorCode.NO_QUORUM, why.code());
    assertTrue(why.getMessage().contains("can be read"), why.getMessage());
  }

  @Test
  void anEmptyDirectoryNeverFoundsThePoolAgain() {
    var cluster = SimCluster.of(3).start();
    var client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("a", bytes(1, 1_000)));
    cluster.peers().forEach(SimPeer::kill);
    cluster.peer(0).replaceDisk();
    cluster.peer(0).start();
    cluster.run(30 * SimWorld.S);
    assertTrue(cluster.leader().isEmpty());

    cluster.peer(1).start();
    cluster.peer(2).start();

    cluster.await("whole again", 60 * SimWorld.S, cluster::isWhole);
    assertArrayEquals(bytes(1, 1_000), cluster.get(client.get("a")));
  }

  @Test
  void aForcedChangeIsOnDiskWhereItWasWritten() {
    var cluster = SimCluster.of(3).start();
    var client = cluster.client();
    cluster.get(client.open());
    byte[] content = bytes(1, 500);
    var chunk = SimClient.nameOf(content);
    var inline = new PoolService.InlineChunk(chunk, content);
    var done =
        client
            .service()
            .change(client.create("a", content, chunk), inline, true, client.deadline());

    assertInstanceOf(OperationResult.Done.class, cluster.get(done));
    SimPeer lost = cluster.leader().orElseThrow();
    lost.losePower();
    assertArrayEquals(content, cluster.get(client.get("a")));
    lost.start();
    cluster.await("whole again", 60 * SimWorld.S, cluster::isWhole);
  }

  @Test
  void whatTheMajorityHasForcedAlreadyIsAnsweredWithoutAnotherChange() {
    var cluster = SimCluster.of(3).start();
    var client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("a", bytes(1, 500)));
    cluster.run(10 * SimWorld.S);

    for (int i = 0; i < 3; i++) {
      long startNs = client.loop().nowNs();
      cluster.get(client.service().forceLog(client.deadline()));

      // It waited for the next index to be forced, which in an idle pool never came.
      assertTrue(client.loop().nowNs() - startNs < SimWorld.S);
    }
  }

  @Test
  void aPeerWhoseLogFailsStopsAndComesBackAsANewIncarnation() {
    var cluster = SimCluster.of(3).start();
    var client = cluster.client();
    cluster.get(client.open());
    SimPeer broken = cluster.leader().orElseThrow();
    broken.store().failLog();
    cluster.get(client.put("a", bytes(1, 100)));

    assertEquals(ErrorCode.STORE_FAILED, broken.stoppedBy().code());
    broken.kill();
    broken.store().repair();
    broken.start();
    cluster.await("whole again", 60 * SimWorld.S, cluster::isWhole);
    assertArrayEquals(bytes(1, 100), cluster.get(client.get("a")));
  }
}
