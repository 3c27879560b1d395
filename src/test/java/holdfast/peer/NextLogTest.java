package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.OperationResult;
import holdfast.model.LogId;
import holdfast.protocol.RunMark;
import holdfast.sim.MemoryLog;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A folder that is from before a log ended has forgotten what it did in the next one. */
class NextLogTest {
  private static final byte[] CONTENT = new byte[] {1, 2, 3};
  private static final int FILE_COUNT = 10;

  private static LogId log(SimPeer peer) {
    return peer.access().core().orElseThrow().logId();
  }

  /** Until every peer is in another log than this one, and all is as before. */
  private static void awaitNext(SimCluster cluster, LogId before) {
    cluster.await("whole in the next log", 60 * SimWorld.S, cluster::isWhole);
    cluster.peers().forEach(peer -> assertNotEquals(before, log(peer)));
  }

  private static void assertNoLeaderFor(SimCluster cluster, long durationNs) {
    for (long ns = 0; ns < durationNs; ns += 100 * SimWorld.MS) {
      cluster.run(100 * SimWorld.MS);
      assertTrue(cluster.leader().isEmpty(), "somebody leads without who has all");
    }
  }

  private static void put(SimCluster cluster, SimClient client) {
    for (int i = 0; i < FILE_COUNT; i++) {
      assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("f" + i, CONTENT)));
    }
    cluster.get(client.service().forceLog(client.deadline()));
  }

  private static void assertAllThere(SimCluster cluster, SimClient client) {
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("after", CONTENT)));
    for (int i = 0; i < FILE_COUNT; i++) {
      assertArrayEquals(CONTENT, cluster.get(client.get("f" + i)), "f" + i);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void aFolderFromBeforeTheLogEndedElectsNobodyInTheNextOne(long seed) {
    var cluster = SimCluster.of(3).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.run(3 * SimWorld.S);
    SimPeer has = cluster.peer((int) (seed % 3));
    SimPeer old = cluster.peer((int) ((seed + 1) % 3));
    SimPeer off = cluster.peer((int) ((seed + 2) % 3));
    MemoryLog.Platter backup = old.store().backup();
    LogId before = log(old);
    cluster.peers().forEach(SimPeer::losePower);
    cluster.peers().forEach(SimPeer::start);
    awaitNext(cluster, before);
    cluster.run(3 * SimWorld.S); // Until what is known of others is saved.
    off.kill();
    put(cluster, client);

    has.kill();
    old.kill();
    old.store().putBack(backup);
    old.forgetMark();
    old.start();
    off.start();

    assertNoLeaderFor(cluster, 30 * SimWorld.S);
    assertEquals(List.of(log(off)), List.of(log(old)), "it follows the next log");
    assertTrue(old.access().isRecovering());
    has.start();
    cluster.await("made good", 60 * SimWorld.S, () -> !old.access().isRecovering());
    assertAllThere(cluster, client);
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
  }

  /**
   * Of three voters one goes, and has no vote any more; of another's folder only the key is left.
   * Its vote is needed, though it has no log to give one in: the others tell it in which it was.
   */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void aVoterOfWhichOnlyTheKeyIsLeftVotesAsOneThatLacksAll(long seed) {
    var cluster = SimCluster.of(3).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.run(3 * SimWorld.S);
    SimPeer has = cluster.peer((int) (seed % 3));
    SimPeer emptied = cluster.peer((int) ((seed + 1) % 3));
    SimPeer off = cluster.peer((int) ((seed + 2) % 3));
    off.kill();
    cluster.await("two voters", 10 * SimWorld.S, () -> voterCount(has) == 2);
    put(cluster, client);
    cluster.run(3 * SimWorld.S);

    has.kill();
    emptied.kill();
    emptied.store().putBack(emptied.store().backup().emptied());
    emptied.forgetMark();
    emptied.start();
    off.start();

    assertNoLeaderFor(cluster, 90 * SimWorld.S);
    String notes = cluster.world().trace().tail();
    assertTrue(notes.contains("was=no sign of [" + has.id().shortForm() + "]"), notes);
    has.start();
    cluster.await("a leader", 120 * SimWorld.S, () -> cluster.leader().isPresent());
    cluster.await("made good", 60 * SimWorld.S, () -> !emptied.access().isRecovering());
    assertAllThere(cluster, client);
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
  }

  private static int voterCount(SimPeer peer) {
    return peer.access().core().orElseThrow().configuration().voters().size();
  }

  /**
   * The machines know that, so each has lost its vote; nothing was lost of the next log, though.
   */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void whereAllFoldersAreOlderOneNextLogIsEnough(long seed) {
    var cluster = SimCluster.of(3).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    cluster.run(3 * SimWorld.S);
    LogId before = log(cluster.peer(0));
    List<MemoryLog.Platter> backups =
        cluster.peers().stream().map(p -> p.store().backup()).toList();
    put(cluster, client);
    cluster.run(3 * SimWorld.S);

    cluster.peers().forEach(SimPeer::kill);
    for (int i = 0; i < backups.size(); i++) {
      cluster.peer(i).store().putBack(backups.get(i));
      cluster.peer(i).start();
    }

    cluster.run(90 * SimWorld.S);
    awaitNext(cluster, before);
    LogId next = log(cluster.peer(0));
    assertTrue(cluster.peers().stream().noneMatch(peer -> peer.access().isRecovering()));
    cluster.run(150 * SimWorld.S);
    assertEquals(next, log(cluster.leader().orElseThrow()), "it goes on");
    assertArrayEquals(CONTENT, cluster.get(client.get("before")));
  }

  /** It is asked for no vote in the next log, and still mustn't count before it has all again. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void anOlderFolderWithoutAVoteIsMadeGoodInTheNextLog(long seed) {
    var cluster = SimCluster.of(4).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.run(3 * SimWorld.S);
    List<MemoryLog.Platter> backups =
        cluster.peers().stream().map(p -> p.store().backup()).toList();
    LogId before = log(cluster.peer(0));
    cluster.peers().forEach(SimPeer::losePower);
    cluster.peers().forEach(SimPeer::start);
    awaitNext(cluster, before);
    put(cluster, client);
    cluster.run(3 * SimWorld.S);
    SimPeer old = withoutAVote(cluster);

    old.kill();
    old.store().putBack(backups.get(old.number()));
    old.forgetMark();
    old.start();

    cluster.await("found out", 10 * SimWorld.S, () -> old.access().isRecovering());
    cluster.await("made good", 30 * SimWorld.S, () -> !old.access().isRecovering());
    assertAllThere(cluster, client);
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
  }

  private static SimPeer withoutAVote(SimCluster cluster) {
    var core = cluster.leader().orElseThrow().access().core().orElseThrow();
    return cluster.peers().stream()
        .filter(
            p -> core.configuration().followers().stream().anyMatch(f -> f.node().equals(p.id())))
        .findFirst()
        .orElseThrow();
  }

  /** Until the next one is on its disk a crash brings it back to the log that has ended. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void whoEndsALogSaysNoMoreOfItThanWasCommitted(long seed) {
    var cluster = SimCluster.of(3).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    put(cluster, client);
    LogId before = log(cluster.peer(0));
    cluster.peers().forEach(SimPeer::losePower);
    cluster.peers().forEach(SimPeer::start);
    cluster.await("loaded", 10 * SimWorld.S, () -> allLoaded(cluster));
    Map<SimPeer, Long> said = new HashMap<>();

    long untilNs = cluster.world().nowNs() + 30 * SimWorld.S;
    while (cluster.world().nowNs() < untilNs) {
      for (SimPeer peer : cluster.peers()) {
        RunMark mark = peer.access().mark();
        if (peer.access().isBeginning()) {
          assertEquals(before, mark.log());
          assertEquals(said.get(peer), mark.settledIndex(), "it ends the log");
          assertTrue(mark.settledIndex() < peer.access().core().orElseThrow().lastIndex());
          return;
        }
        said.put(peer, mark.settledIndex());
      }
      cluster.run(SimWorld.MS / 20);
    }
    throw new AssertionError("nobody was seen ending the log");
  }

  private static boolean allLoaded(SimCluster cluster) {
    return cluster.peers().stream()
        .allMatch(peer -> peer.access().core().isPresent() && !peer.access().isBeginning());
  }

  /** It was up all the time, so its run has the number that the folder's copy has. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void aVolumeFromBeforeTheLogEndedIsFoundOutThoughItsPeerNeverStartedAgain(long seed) {
    var cluster = SimCluster.of(3).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.run(3 * SimWorld.S);
    SimPeer has = cluster.peer((int) (seed % 3));
    SimPeer old = cluster.peer((int) ((seed + 1) % 3));
    SimPeer off = cluster.peer((int) ((seed + 2) % 3));
    MemoryLog.Platter backup = old.store().backup();
    LogId before = log(old);
    List.of(has, off).forEach(SimPeer::losePower);
    List.of(has, off).forEach(SimPeer::start);
    awaitNext(cluster, before);
    cluster.run(3 * SimWorld.S); // Until what is known of others is saved.
    off.kill();
    put(cluster, client);

    has.kill();
    old.kill();
    old.store().putBack(backup);
    old.forgetMark();
    old.start();
    old.kill(); // However often it starts before anybody sees it.
    old.start();
    off.start();

    assertNoLeaderFor(cluster, 30 * SimWorld.S);
    assertTrue(old.access().isRecovering());
    has.start();
    cluster.await("made good", 60 * SimWorld.S, () -> !old.access().isRecovering());
    assertAllThere(cluster, client);
    assertEquals(0, old.access().asideCount(), "all that it had is there");
  }

  /** Alone it had more than its partner; its volume is rolled back to less than that one has. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void whatAnOlderFolderHadAloneIsToldAlsoWhereItFollowsItsPartner(long seed) {
    var cluster = SimCluster.of(2).seed(seed).settings(2, 1, 60_000).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.run(3 * SimWorld.S);
    SimPeer old = cluster.leader().orElseThrow();
    SimPeer partner = cluster.peer(1 - old.number());
    MemoryLog.Platter backup = old.store().backup();
    cluster.get(client.put("both", CONTENT));
    cluster.run(3 * SimWorld.S);
    LogId before = log(old);
    partner.kill();
    put(cluster, client);
    cluster.run(3 * SimWorld.S);

    old.kill();
    old.store().putBack(backup);
    old.start();
    partner.start();

    cluster.run(90 * SimWorld.S);
    awaitNext(cluster, before);
    assertFalse(old.access().isRecovering());
    assertArrayEquals(CONTENT, cluster.get(client.get("both")));
    expectGivenUp(cluster, client);
    old.kill();
    old.start();
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    cluster.run(5 * SimWorld.S);
    expectGivenUp(cluster, client);
  }

  private static void expectGivenUp(SimCluster cluster, SimClient client) {
    var status = cluster.get(client.service().status(client.deadline()));
    assertFalse(status.safe(), status::summary);
    assertTrue(status.summary().contains("given up"), status::summary);
  }
}
