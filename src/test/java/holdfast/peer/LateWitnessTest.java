package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import holdfast.metadata.op.OperationResult;
import holdfast.sim.MemoryLog;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An older folder meets first a peer that knows little of it, and later one that knows more. */
class LateWitnessTest {
  private static final byte[] CONTENT = new byte[] {1, 2, 3};

  private static void restart(SimCluster cluster, SimPeer peer) {
    peer.kill();
    cluster.run(SimWorld.S);
    peer.start();
    cluster.run(3 * SimWorld.S);
    cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());
  }

  /** The first makes it take a number that the second knows as taken. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void anOlderFolderCountsAgainThoughItsSecondWitnessKnowsALaterRun(long seed) {
    var cluster = SimCluster.of(5).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    SimPeer old = cluster.peer(1);
    SimPeer first = cluster.peer(2);
    MemoryLog.Platter backup = old.store().backup();
    restart(cluster, old);
    first.kill();
    for (int i = 0; i < 3; i++) {
      restart(cluster, old);
    }
    cluster.get(client.put("after", CONTENT, true));
    cluster.run(3 * SimWorld.S);
    old.kill();
    old.store().putBack(backup);
    old.forgetMark();
    for (SimPeer second : List.of(cluster.peer(0), cluster.peer(3), cluster.peer(4))) {
      cluster.network().cutBoth(second.id(), old.id());
      cluster.network().cutBoth(second.id(), first.id());
    }

    old.start();
    first.start();
    cluster.await("found out", 10 * SimWorld.S, () -> old.access().isRecovering());
    cluster.run(5 * SimWorld.S);
    cluster.network().mend();
    cluster.await("made good", 60 * SimWorld.S, () -> !old.access().isRecovering());

    cluster.await("it has its vote again", 60 * SimWorld.S, cluster::isWhole);
    first.kill();
    cluster.peer(3).kill();
    cluster.run(SimWorld.S);
    cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("later", CONTENT)));
    assertArrayEquals(CONTENT, cluster.get(client.get("after")));
  }

  /** Its number is new to all: only how far it was tells, and the first overtakes that. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void anOlderFolderIsFoundOutThoughItsLaterRunIsHeardOfBeforeIt(long seed) {
    var cluster = SimCluster.of(5).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    cluster.run(2 * SimWorld.S);
    SimPeer second = cluster.leader().orElseThrow();
    List<SimPeer> others = cluster.peers().stream().filter(peer -> peer != second).toList();
    SimPeer old = others.get(0);
    SimPeer first = others.get(1);
    first.kill();
    MemoryLog.Platter backup = old.store().backup();
    for (int i = 0; i < 20; i++) {
      cluster.get(client.put("f" + i, CONTENT));
    }
    cluster.get(client.service().forceLog(client.deadline()));
    cluster.run(3 * SimWorld.S);
    old.kill();
    others.get(2).kill();
    others.get(3).kill();
    old.store().putBack(backup);
    old.forgetMark();
    cluster.network().cutBoth(second.id(), old.id());
    cluster.network().cutBoth(second.id(), first.id());

    old.start();
    first.start();
    cluster.run(5 * SimWorld.S);
    cluster.network().mendBoth(second.id(), first.id());
    cluster.run(8 * SimWorld.S);
    cluster.network().mendBoth(second.id(), old.id());

    cluster.await("found out", 10 * SimWorld.S, () -> old.access().isRecovering());
    others.get(2).start();
    others.get(3).start();
    cluster.await("made good", 60 * SimWorld.S, () -> !old.access().isRecovering());
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    for (int i = 0; i < 20; i++) {
      assertArrayEquals(CONTENT, cluster.get(client.get("f" + i)), "f" + i);
    }
  }
}
