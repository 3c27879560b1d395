package holdfast.sim;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.OperationResult;
import holdfast.port.Body;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Machines that sleep, and what they know and do in the first moments afterwards. */
class SleepTest {
  private static final String NO_FAULT = null;
  private static final int RUNS = 20;

  private static SimCluster cluster(long seed, String faultOrNull) {
    return SimCluster.of(3).seed(seed).fault(faultOrNull).start();
  }

  /** A client whose session is open and has a lease. */
  private static SimClient client(SimCluster cluster) {
    SimClient client = cluster.client();
    cluster.get(client.open());
    return client;
  }

  private static void awaitAwake(SimCluster cluster, SimClient client) {
    cluster.await("the client wakes", 2 * 3_600 * SimWorld.S, () -> !client.loop().isAsleep());
  }

  @Test
  void aLeaderThatSleptServesNothingOldToItsOwnMachine() {
    int stale = 0;
    for (long seed = 1; seed <= RUNS; seed++) {
      stale += isStaleAtTheLeaderThatSlept(seed, NO_FAULT) ? 1 : 0;
    }

    assertThat(stale).isZero();
  }

  @Test
  void aLeaderWhoseClockStoodStillWould() {
    int stale = 0;
    for (long seed = 1; seed <= RUNS; seed++) {
      stale += isStaleAtTheLeaderThatSlept(seed, SimCluster.CLOCK_FAULT) ? 1 : 0;
    }

    // One or another is told by its successor a moment before it is asked.
    assertThat(stale).isGreaterThanOrEqualTo(RUNS - 3);
  }

  @Test
  void oneThatReadsWithoutAQuorumIsFoundOut() {
    int stale = 0;
    for (long seed = 1; seed <= RUNS; seed++) {
      stale += isStaleAtTheLeaderThatSlept(seed, "READ_WITHOUT_QUORUM") ? 1 : 0;
    }

    // Most step down before they are asked.
    assertThat(stale).isPositive();
  }

  /** Asked in the first instant by a client beside it, before it can hear of its successor. */
  private static boolean isStaleAtTheLeaderThatSlept(long seed, String faultOrNull) {
    var cluster = cluster(seed, faultOrNull);
    var beside = client(cluster);
    var elsewhere = client(cluster);
    cluster.get(beside.put("f", new byte[] {1}));
    cluster.run(2 * SimWorld.S);
    cluster.get(beside.lookup("f"));
    cluster.sleep(6 * SimWorld.S, List.of(cluster.leader().orElseThrow()), List.of(beside));
    var asked = new CompletableFuture<CompletableFuture<PoolService.Answered>>();
    beside.loop().post(() -> asked.complete(beside.lookup("f")));
    cluster.run(SimWorld.MS);
    assertThat(cluster.get(elsewhere.unlink("f"))).isInstanceOf(OperationResult.Done.class);
    assertThat(asked).isNotDone();

    var look = cluster.get(asked);
    cluster.run(700 * SimWorld.MS);

    return look.isDone()
        && !look.isCompletedExceptionally()
        && !look.join().stale()
        && look.join().answer() instanceof Answer.Entry;
  }

  @Test
  void aClientThatSleptAnswersNothingFromWhatItKnew() {
    int stale = 0;
    for (long seed = 1; seed <= RUNS; seed++) {
      stale += isStaleAtTheClientThatSlept(seed, NO_FAULT) ? 1 : 0;
    }

    assertThat(stale).isZero();
  }

  @Test
  void aClientWhoseClockStoodStillWould() {
    int stale = 0;
    for (long seed = 1; seed <= RUNS; seed++) {
      stale += isStaleAtTheClientThatSlept(seed, SimCluster.CLOCK_FAULT) ? 1 : 0;
    }

    assertThat(stale).isEqualTo(RUNS);
  }

  private static boolean isStaleAtTheClientThatSlept(long seed, String faultOrNull) {
    var cluster = cluster(seed, faultOrNull);
    var sleeper = client(cluster);
    var other = client(cluster);
    var cache = new NameCache(sleeper, new SplittableRandom(seed));
    sleeper.service().watch(cache);
    cluster.get(other.put("f", new byte[] {1}));
    cluster.run(2 * SimWorld.S);
    long ticket = cache.ticket();
    var found = (Answer.Entry) cluster.get(sleeper.lookup("f")).answer();
    cache.keep(ticket, "f", found.entry().attributes().inode());
    assertThat(cache.orNull("f")).isNotNull();

    cluster.sleep(3 * SimWorld.S, List.of(), List.of(sleeper));
    var isKnown = new CompletableFuture<Boolean>();
    sleeper.loop().post(() -> isKnown.complete(cache.orNull("f") != null));
    cluster.run(SimWorld.MS);
    assertThat(cluster.get(other.unlink("f"))).isInstanceOf(OperationResult.Done.class);
    assertThat(isKnown).isNotDone();

    return cluster.get(isKnown);
  }

  /** A laptop with a whole pool on it: nobody was silent, for nobody was listening. */
  @Test
  void whenEverybodySleptNobodyIsTakenForDeadAndNoSessionEnds() {
    var cluster = SimCluster.of(3).oneHost().downOutMs(60_000).start();
    var client = client(cluster);
    var sessions = new LostSessions();
    client.service().watch(sessions);
    cluster.get(client.put("f", new byte[] {1}));
    cluster.run(5 * SimWorld.S);
    long mapIndex = mapIndex(cluster);

    cluster.sleep(3_600 * SimWorld.S, cluster.peers(), List.of(client));
    awaitAwake(cluster, client);
    cluster.run(30 * SimWorld.S);

    assertThat(mapIndex(cluster)).as("the map: nobody went").isEqualTo(mapIndex);
    assertThat(sessions.lostCount).isZero();
    assertThat(cluster.get(client.lookup("f")).answer()).isInstanceOf(Answer.Entry.class);
  }

  /** Confirms everything, and counts sessions that ended. */
  private static final class LostSessions implements PoolService.Watcher {
    private int lostCount;

    @Override
    public void onChanges(boolean all, List<Invalidation> changes, Runnable confirm) {
      confirm.run();
    }

    @Override
    public void onLease(long reliedUntilNs, long untilNs) {}

    @Override
    public void onLeaseEnding() {}

    @Override
    public void onOutcomeUnknown() {}

    @Override
    public void onSessionLost() {
      lostCount++;
    }
  }

  private static long mapIndex(SimCluster cluster) {
    return cluster.leader().orElseThrow().access().map().orElseThrow().version().index();
  }

  @Test
  void anUploadThatTheMachineSleptThroughIsNotGivenUp() {
    var cluster = cluster(11, NO_FAULT);
    var sleeper = client(cluster);
    cluster.run(2 * SimWorld.S);
    cluster.peers().forEach(peer -> cluster.network().cutBoth(peer.id(), sleeper.id()));
    byte[] content = {1, 2, 3};
    var stored =
        sleeper.service().store(SimClient.nameOf(content), Body.whole(content), sleeper.deadline());
    cluster.run(SimWorld.S);

    cluster.sleep(600 * SimWorld.S, List.of(), List.of(sleeper));
    cluster.run(SimWorld.S);
    cluster.network().mend();
    awaitAwake(cluster, sleeper);
    cluster.await("the upload ends", 20 * SimWorld.S, stored::isDone);

    assertThat(stored).isCompleted();
  }
}
