package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.OperationResult;
import holdfast.sim.FileStore;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimDisk;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Among three, one whose folder is damaged is filled by the others, as the member that it was. */
class DamagedFolderTest {
  private static final byte[] CONTENT = new byte[] {1, 2, 3};

  /** Enough for two snapshots. */
  private static final int FILE_COUNT = 320;

  private final SimCluster cluster = SimCluster.of(3).seed(21).store(FileStore::make).start();
  private final SimClient client = cluster.client();

  private void fill() {
    cluster.get(client.open());
    for (int i = 0; i < FILE_COUNT; i++) {
      cluster.get(client.put("f" + i, CONTENT));
    }
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    cluster.run(3 * SimWorld.S);
  }

  private SimPeer follower() {
    SimPeer leader = cluster.leader().orElseThrow();
    return cluster.peers().stream().filter(peer -> peer != leader).findFirst().orElseThrow();
  }

  private static void damage(SimPeer peer, Predicate<String> isMeant) {
    SimDisk disk = ((FileStore) peer.store()).disk();
    List<String> names = disk.list().stream().filter(isMeant).toList();
    assertFalse(names.isEmpty(), "files to damage among " + disk.list());
    names.forEach(name -> disk.flipBit(name, 8L * 30));
  }

  private void assertFilledAgain(SimPeer peer, int memberCount) {
    cluster.await("filled", 60 * SimWorld.S, () -> isFilled(peer));
    cluster.run(5 * SimWorld.S); // Until all are connected to it again.
    assertEquals(memberCount, memberCount());
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("after", CONTENT)));
    // What it holds now is enough for it to take part: with the other follower gone.
    SimPeer leader = cluster.leader().orElseThrow();
    cluster.peers().stream()
        .filter(other -> other != peer && other != leader)
        .limit(1) // It may lead itself by now.
        .forEach(SimPeer::kill);
    cluster.run(10 * SimWorld.S); // Until it is known to be down, two copies are asked for.
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("later", CONTENT)));
    for (int i = 0; i < FILE_COUNT; i += 7) {
      assertArrayEquals(CONTENT, cluster.get(client.get("f" + i)), "f" + i);
    }
  }

  private int memberCount() {
    var core = cluster.leader().orElseThrow().access().core().orElseThrow();
    return core.configuration().voters().size() + core.configuration().followers().size();
  }

  private boolean isFilled(SimPeer peer) {
    var core = peer.access().core();
    var leader = cluster.leader();
    return leader.isPresent()
        && core.isPresent()
        && !peer.access().isRecovering()
        && core.get().lastIndex() >= leader.get().access().appliedIndex();
  }

  @ParameterizedTest
  @ValueSource(strings = {"snap-", "snap-|log-", "log-", "log.state", "snap-|log.state", "log"})
  void aFollowerIsFilledAgain(String kinds) {
    fill();
    SimPeer peer = follower();
    int memberCount = memberCount();
    peer.kill();
    damage(peer, name -> name.matches("(" + kinds + ").*"));

    peer.start();

    assertFilledAgain(peer, memberCount);
  }

  @Test
  void aFollowerWhoseLogIsGoneAltogetherIsFilledAgain() {
    fill();
    SimPeer peer = follower();
    int memberCount = memberCount();
    peer.kill();
    SimDisk disk = ((FileStore) peer.store()).disk();
    List<String> names =
        disk.list().stream().filter(name -> name.matches("(snap-|log).*")).toList();
    assertTrue(names.size() > 3, names.toString());
    names.forEach(disk::delete);

    peer.start();

    assertFilledAgain(peer, memberCount);
  }
}
