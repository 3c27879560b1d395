package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.protocol.Notice;
import holdfast.protocol.RunMark;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a peer is told of its own folder while its log is begun, changed or marked is judged before
 * it takes part again, not with the next look a second later.
 */
class ToldMeanwhileTest {
  private static final long STEP_NS = SimWorld.MS / 20;

  private static boolean isIn(SimPeer peer, LogId log) {
    return peer.access().core().filter(core -> core.logId().equals(log)).isPresent();
  }

  /** Says that another process of the peer had this number. */
  private static void tell(SimCluster cluster, SimPeer peer, long run) {
    var mark = new RunMark(run, new InstanceId(0, 9), LogId.NONE, 0, 0);
    SimPeer witness = cluster.peer((peer.number() + 1) % cluster.peers().size());
    var told = new Notice.KnownRuns(List.of(new Notice.KnownRun(peer.id(), mark, 0)));
    peer.access().hear(witness.id(), told);
  }

  private static boolean isFoundOut(SimCluster cluster, long run) {
    return cluster.world().trace().tail().contains("run " + run + " of it was at");
  }

  private static void awaitBeginning(SimCluster cluster, SimPeer peer, boolean isBeginning) {
    long untilNs = cluster.world().nowNs() + 30 * SimWorld.S;
    while (peer.access().isBeginning() != isBeginning) {
      assertTrue(cluster.world().nowNs() < untilNs, "nothing begins");
      cluster.run(STEP_NS);
    }
  }

  /** Tells while it is busy; what it was told must be found out before it is anything else. */
  private static void assertFoundOutBeforeItTakesPart(SimCluster cluster, SimPeer peer, long run) {
    tell(cluster, peer, run);
    assertFalse(isFoundOut(cluster, run), "nothing was under way");

    awaitBeginning(cluster, peer, false);

    assertTrue(isFoundOut(cluster, run), "it takes part");
    assertTrue(peer.access().isRecovering());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void whatIsToldWhileALossIsMarked(long seed) {
    var cluster = SimCluster.of(3).seed(seed).start();
    cluster.run(3 * SimWorld.S);
    SimPeer old = cluster.peer(1);
    tell(cluster, old, 1_000);
    assertTrue(isFoundOut(cluster, 1_000));

    assertFoundOutBeforeItTakesPart(cluster, old, 2_000);

    cluster.await("made good", 60 * SimWorld.S, () -> !old.access().isRecovering());
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void whatIsToldWhileTheFirstLogBegins(long seed) {
    var cluster = SimCluster.of(3).seed(seed).build();
    cluster.peer(0).start();
    cluster.await("founded", 10 * SimWorld.S, () -> cluster.leader().isPresent());
    SimPeer old = cluster.peer(1);
    old.start();
    awaitBeginning(cluster, old, true);

    assertFoundOutBeforeItTakesPart(cluster, old, 1_000);

    cluster.peer(2).start();
    cluster.await("made good", 60 * SimWorld.S, () -> !old.access().isRecovering());
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
  }

  /** Once the founder of the next log, once who follows it. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void whatIsToldWhileTheNextLogBegins(long seed) {
    for (boolean isFounder : List.of(true, false)) {
      var cluster = SimCluster.of(3).seed(seed).start();
      SimClient client = cluster.client();
      cluster.get(client.open());
      cluster.run(3 * SimWorld.S);
      LogId before = cluster.peer(0).access().core().orElseThrow().logId();
      cluster.peers().forEach(SimPeer::losePower);
      cluster.peers().forEach(SimPeer::start);
      SimPeer old = awaitSwitch(cluster, before, isFounder);

      assertFoundOutBeforeItTakesPart(cluster, old, RunMark.RUN_MAX / 2);

      cluster.await("made good", 120 * SimWorld.S, () -> !old.access().isRecovering());
      cluster.await("whole", 120 * SimWorld.S, cluster::isWhole);
    }
  }

  /** Runs until a peer leaves this log; its founder is the first one. */
  private static SimPeer awaitSwitch(SimCluster cluster, LogId before, boolean isFounder) {
    cluster.await(
        "all are in the log that ends",
        10 * SimWorld.S,
        () -> cluster.peers().stream().allMatch(peer -> isIn(peer, before)));
    long untilNs = cluster.world().nowNs() + 30 * SimWorld.S;
    while (cluster.world().nowNs() < untilNs) {
      boolean isPoolCreated = cluster.peers().stream().anyMatch(peer -> !isIn(peer, before));
      for (SimPeer peer : cluster.peers()) {
        if (peer.access().isBeginning() && isPoolCreated != isFounder && isIn(peer, before)) {
          return peer;
        }
      }
      cluster.run(STEP_NS);
    }
    throw new AssertionError("the log doesn't end");
  }
}
