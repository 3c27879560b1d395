package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Invalidation;
import holdfast.peer.view.PeerFault;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimNetwork.Weather;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How long leases last on networks, and machines, that are slow; on simulated time. */
class LeaseLengthTest {
  private static final Weather SLOW = new Weather(60 * SimWorld.MS, 180 * SimWorld.MS, 0, 0, 0, 0);

  /** A short lease runs out in the way of one message, now and then. */
  private static final Weather SLOWER =
      new Weather(150 * SimWorld.MS, 300 * SimWorld.MS, 0, 0, 0, 0);

  /** Notes its leases; confirms at once. */
  private static final class Listener implements PoolService.Watcher {
    long untilNs;
    int leaseCount;
    int endCount;

    @Override
    public void onChanges(boolean all, List<Invalidation> changes, Runnable confirm) {
      confirm.run();
    }

    @Override
    public void onLease(long reliedUntilNs, long newUntilNs) {
      untilNs = newUntilNs;
      leaseCount++;
    }

    @Override
    public void onLeaseEnding() {
      endCount++;
    }

    @Override
    public void onOutcomeUnknown() {}

    @Override
    public void onSessionLost() {}
  }

  private static SimClient open(SimCluster cluster, Listener listener) {
    SimClient client = cluster.client();
    client.service().watch(listener);
    cluster.get(client.open());
    cluster.await("lease", 10 * SimWorld.S, () -> listener.leaseCount > 0);
    return client;
  }

  private static int inLogMs(SimCluster cluster) {
    return cluster.leader().map(leader -> leader.access().leaseMs()).orElse(-1);
  }

  @Test
  void inAQuietNetworkALeaseIsASecond() {
    var cluster = SimCluster.of(3).start();
    var listener = new Listener();
    SimClient client = open(cluster, listener);

    cluster.run(20 * SimWorld.S);

    assertEquals(1_000, inLogMs(cluster));
    assertEquals(0, listener.endCount);
    assertTrue(listener.untilNs - client.loop().nowNs() <= SimWorld.S);
  }

  @Test
  void whereRoundTripsAreLongLeasesLastLongEnoughForThem() {
    var cluster = SimCluster.of(3).start();
    var listener = new Listener();
    SimClient client = open(cluster, listener);
    cluster.network().weather(SLOW);
    cluster.await("longer lease", 20 * SimWorld.S, () -> inLogMs(cluster) > 1_000);
    cluster.run(5 * SimWorld.S);

    int endedBefore = listener.endCount;
    cluster.run(60 * SimWorld.S);

    assertEquals(endedBefore, listener.endCount, "no lease runs out any more");
    assertTrue(listener.untilNs - client.loop().nowNs() > SimWorld.S);
  }

  @Test
  void whenTheNetworkIsQuickAgainSoAreLeases() {
    var cluster = SimCluster.of(3).start();
    var listener = new Listener();
    SimClient client = open(cluster, listener);
    cluster.network().weather(SLOWER);
    cluster.await("longer lease", 30 * SimWorld.S, () -> inLogMs(cluster) > 1_000);

    cluster.network().weather(Weather.FAIR);
    cluster.await("short lease", 90 * SimWorld.S, () -> inLogMs(cluster) == 1_000);

    cluster.run(5 * SimWorld.S);
    assertTrue(listener.untilNs - client.loop().nowNs() <= SimWorld.S);
  }

  @Test
  void aNewLeaderWaitsForTheLongestLeaseThatAnyBeforeItGranted() {
    assertFalse(isChangedWithinALongLease(SimCluster.of(3).start()));
  }

  @Test
  void aLeaseThatTheLogDoesNotKnowIsFoundOut() {
    var faulty = SimCluster.of(3).fault(PeerFault.LEASE_NOT_IN_LOG.name()).start();

    assertTrue(isChangedWithinALongLease(faulty));
  }

  /** The leader dies at the moment in which a client with a long lease is cut off. */
  private static boolean isChangedWithinALongLease(SimCluster cluster) {
    var told = new Listener();
    SimClient cutOff = open(cluster, told);
    SimClient author = open(cluster, new Listener());
    cluster.network().weather(SLOWER);
    cluster.await(
        "long lease",
        60 * SimWorld.S,
        () -> told.untilNs - cutOff.loop().nowNs() > 3_000 * SimWorld.MS);
    cluster.network().weather(Weather.FAIR);
    for (SimPeer peer : cluster.peers()) {
      cluster.network().cutBoth(cutOff.id(), peer.id());
    }
    cluster.leader().orElseThrow().stopCleanly();

    var change = author.makeDirectory("d");
    cluster.await("changed", 10 * SimWorld.S, change::isDone);

    cluster.get(change).orThrow();
    return cutOff.loop().nowNs() - told.untilNs < 0;
  }
}
