package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.OperationResult;
import holdfast.model.HoldfastException;
import holdfast.model.LogId;
import holdfast.sim.FileStore;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A peer that starts again loads what it holds before anything else. It once took the leader's
 * heartbeat for a first join when that lasted, and reset its log, term and vote.
 */
class RestartTest {
  private static final byte[] CONTENT = new byte[] {1, 2, 3};

  /** Enough for a snapshot. */
  private static final int FILE_COUNT = 150;

  private static SimPeer other(SimCluster cluster, SimPeer... but) {
    var left = new ArrayList<>(cluster.peers());
    left.removeAll(List.of(but));
    return left.getFirst();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void whatOnlyThisPeerAndTheDeadLeaderHoldIsThereHoweverLongItLoads(long seed) {
    var cluster = SimCluster.of(3).seed(seed).store(FileStore::make).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    for (int i = 0; i < FILE_COUNT; i++) {
      cluster.get(client.put("f" + i, CONTENT));
    }
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    cluster.run(3 * SimWorld.S);
    SimPeer leader = cluster.leader().orElseThrow();
    SimPeer slow = other(cluster, leader);
    SimPeer apart = other(cluster, leader, slow);
    cluster.peers().stream()
        .filter(peer -> peer != apart)
        .forEach(peer -> cluster.network().cutBoth(apart.id(), peer.id()));
    cluster.network().cutBoth(apart.id(), client.id());
    for (int i = 0; i < 10; i++) {
      assertInstanceOf(
          OperationResult.Done.class, cluster.get(client.put("acknowledged" + i, CONTENT)));
    }

    ((FileStore) slow.store()).delaySnapshots(700 * SimWorld.MS);
    slow.kill();
    cluster.run(50 * SimWorld.MS);
    slow.start();
    cluster.run(1_200 * SimWorld.MS);
    boolean wasLoading = !slow.access().isReady();
    leader.kill();
    cluster.network().mend();
    cluster.run(8 * SimWorld.S); // Who has forgotten would elect the one that never knew.
    leader.start();
    cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());

    // A change needs a leader; until there is one, reads may be stale.
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("after", CONTENT)));
    for (int i = 0; i < 10; i++) {
      assertArrayEquals(CONTENT, cluster.get(client.get("acknowledged" + i)), "acknowledged" + i);
    }
    assertTrue(wasLoading, "the snapshot was loaded too soon for this test");
  }

  @Test
  void aPeerThatIsKilledWhileItLoadsHasLostNothing() {
    var cluster = SimCluster.of(3).seed(11).store(FileStore::make).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    for (int i = 0; i < FILE_COUNT; i++) {
      cluster.get(client.put("f" + i, CONTENT));
    }
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    SimPeer slow = other(cluster, cluster.leader().orElseThrow());
    long applied = slow.access().appliedIndex();
    LogId log = slow.access().core().orElseThrow().logId();
    ((FileStore) slow.store()).delaySnapshots(900 * SimWorld.MS);
    for (int round = 0; round < 8; round++) {
      slow.kill();
      slow.start();
      cluster.run(round * 250 * SimWorld.MS);
    }
    ((FileStore) slow.store()).delaySnapshots(0);
    slow.kill();
    cluster.peers().stream()
        .filter(peer -> peer != slow)
        .forEach(peer -> cluster.network().cutBoth(slow.id(), peer.id()));
    slow.start();
    cluster.await("loaded", 20 * SimWorld.S, () -> slow.access().core().isPresent());

    assertEquals(log, slow.access().core().orElseThrow().logId());
    assertTrue(slow.access().core().orElseThrow().lastIndex() >= applied);
    assertFalse(slow.access().isRecovering());
  }

  @Test
  void aLogBeginsOnlyInADirectoryThatHasNone() {
    var cluster = SimCluster.of(1).seed(12).start();
    SimPeer peer = cluster.peer(0);

    var refused =
        assertThrows(CompletionException.class, () -> cluster.get(peer.beginLog(new LogId(1, 1))));

    var why = assertInstanceOf(HoldfastException.class, refused.getCause());
    assertTrue(why.getMessage().startsWith("begin log: expected=none"), why.getMessage());
  }
}
