package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.protocol.PoolStatus;
import holdfast.sim.MemoryLog;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a peer kept aside is gone with its folder, and is told though an older one is in place. */
class OlderKeeperTest {
  private SimCluster cluster;
  private SimClient client;
  private SimPeer keeper;

  /** The keeper's folder, of which all is in the pool, from before it had more. */
  private MemoryLog.Platter backup;

  private PoolStatus status() {
    return cluster.get(client.service().status(client.deadline()));
  }

  /** A peer without a vote is off while the voters lose what it has, and keeps that aside. */
  private void startWithKeeper(long seed) {
    cluster = SimCluster.of(4).seed(seed).start();
    client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("f", new byte[] {1, 2, 3}));
    cluster.run(3 * SimWorld.S);
    var voters = cluster.leader().orElseThrow().access().core().orElseThrow().configuration();
    keeper =
        cluster.peers().stream()
            .filter(p -> voters.voters().stream().noneMatch(v -> v.node().equals(p.id())))
            .findFirst()
            .orElseThrow();
    List<SimPeer> others = cluster.peers().stream().filter(peer -> peer != keeper).toList();
    for (int i = 0; i < 40 && keeper.access().asideCount() == 0; i++) {
      backup = keeper.store().backup();
      cluster.get(client.makeDirectory("d" + i));
      cluster.run(5 * SimWorld.MS);
      keeper.kill();
      others.forEach(SimPeer::losePower);
      cluster.run(SimWorld.S);
      others.forEach(SimPeer::start);
      cluster.get(client.put("after" + i, new byte[] {4}));
      keeper.start();
      cluster.await("whole again", 60 * SimWorld.S, cluster::isWhole);
      cluster.run(3 * SimWorld.S);
    }
    assertEquals(1, keeper.access().asideCount(), "the voters lost nothing");
    assertFalse(status().safe());
  }

  private void restart(MemoryLog.Platter folder) {
    keeper.kill();
    keeper.store().putBack(folder);
    keeper.start();
    cluster.await("whole again", 60 * SimWorld.S, cluster::isWhole);
    cluster.run(5 * SimWorld.S);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void whatANewerFolderKeptAsideIsToldThoughAnOlderOneTakesItsPlace(long seed) {
    startWithKeeper(seed);

    keeper.forgetMark();
    restart(backup);

    assertFalse(keeper.access().isRecovering());
    assertFalse(status().safe(), "nobody has what was kept aside");
    assertTrue(status().summary().contains("given up"), status()::summary);
    restart(keeper.store().backup());
    assertFalse(status().safe(), status()::summary);
    MemoryLog.Platter accepted = keeper.store().backup();
    accepted.deleteNotesOfGivenUp();
    restart(accepted);
    cluster.await("safe", 20 * SimWorld.S, () -> status().safe());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void whereTheNewestFolderIsPutBackNothingIsGivenUp(long seed) {
    startWithKeeper(seed);
    keeper.kill();
    MemoryLog.Platter newest = keeper.store().backup();
    List<SimPeer> others = cluster.peers().stream().filter(peer -> peer != keeper).toList();
    others.forEach(other -> cluster.network().cutBoth(other.id(), keeper.id()));
    keeper.store().putBack(backup);
    keeper.start();
    cluster.run(5 * SimWorld.S);

    cluster.network().mend();
    restart(newest);

    assertEquals(1, keeper.access().asideCount());
  }
}
