package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.FileLock;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.LockFamily;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ErrorCode;
import holdfast.peer.view.PeerFault;
import holdfast.port.UnansweredException;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What clients are told of each other's changes, and who waits for whom, on simulated time. */
class LeaseManagerTest {
  /** More than a lease, and than what an idle pool needs for one change. */
  private static final long LEASE_AND_MORE_NS = 1_300 * SimWorld.MS;

  private static final long SHORT_NS = 300 * SimWorld.MS;
  private static final long SESSION_OVER_NS = 20 * SimWorld.S;

  private final SimCluster cluster = SimCluster.of(3).start();

  /** Notes what it is told; confirms when it is asked to. */
  private static final class Listener implements PoolService.Watcher {
    final List<Invalidation> changes = new ArrayList<>();
    final List<Runnable> unconfirmed = new ArrayList<>();
    boolean isConfirming = true;
    int allCount;
    int lostCount;
    int unknownCount;
    int leasesWhenUnknown;
    int leaseCount;
    long leaseUntilNs;
    int leaseEndCount;

    @Override
    public void onChanges(boolean all, List<Invalidation> told, Runnable confirm) {
      allCount += all ? 1 : 0;
      changes.addAll(told);
      unconfirmed.add(confirm);
      if (isConfirming) {
        confirm();
      }
    }

    void confirm() {
      List.copyOf(unconfirmed).forEach(Runnable::run);
      unconfirmed.clear();
    }

    @Override
    public void onLease(long reliedUntilNs, long untilNs) {
      leaseUntilNs = untilNs;
      leaseCount++;
    }

    @Override
    public void onLeaseEnding() {
      leaseEndCount++;
    }

    @Override
    public void onOutcomeUnknown() {
      unknownCount++;
      leasesWhenUnknown = leaseCount;
    }

    @Override
    public void onSessionLost() {
      lostCount++;
    }
  }

  /** A client that was told once that anything may have changed, and has a lease since. */
  private SimClient openAndWait(Listener listener) {
    return openAndWait(cluster, listener);
  }

  private static SimClient openAndWait(SimCluster cluster, Listener listener) {
    SimClient client = cluster.client();
    client.service().watch(listener);
    cluster.get(client.open());
    cluster.await("lease", 5 * SimWorld.S, () -> listener.leaseCount > 0);
    assertEquals(1, listener.allCount);
    return client;
  }

  private long sessions() {
    return cluster.leader().orElseThrow().access().sessionCount();
  }

  @Test
  void aChangeIsAcknowledgedWhenTheOtherClientHasConfirmedIt() {
    var told = new Listener();
    openAndWait(told);
    var author = openAndWait(new Listener());
    told.isConfirming = false;

    var change = author.makeDirectory("d");
    cluster.await("told", SHORT_NS, () -> !told.unconfirmed.isEmpty());
    cluster.run(SHORT_NS);
    assertFalse(change.isDone());
    told.confirm();
    cluster.run(SHORT_NS);

    assertTrue(change.isDone());
    assertInstanceOf(OperationResult.Done.class, cluster.get(change));
    var name = new Invalidation.OfEntry(SimClient.ROOT, SimClient.entry("d"));
    assertTrue(told.changes.contains(name), () -> "told of " + told.changes);
  }

  @Test
  void nobodyWaitsLongerThanALeaseForAClientThatDoesNotConfirm() {
    var told = new Listener();
    openAndWait(told);
    var author = openAndWait(new Listener());
    told.isConfirming = false;

    var change = author.makeDirectory("d");
    cluster.run(LEASE_AND_MORE_NS);

    assertTrue(change.isDone());
    assertTrue(told.leaseEndCount > 0, "it was to give up what relies on its lease before");
    var next = author.makeDirectory("e");
    cluster.run(SHORT_NS);
    assertTrue(next.isDone(), "without a lease nobody waits for it");
  }

  @Test
  void nobodyWaitsLongerThanALeaseForAClientThatIsCutOff() {
    var told = new Listener();
    SimClient cutOff = openAndWait(told);
    var author = openAndWait(new Listener());
    cluster.peers().forEach(peer -> cluster.network().cutBoth(cutOff.id(), peer.id()));

    var change = author.makeDirectory("d");
    cluster.run(LEASE_AND_MORE_NS);

    assertTrue(change.isDone());
    assertTrue(told.leaseEndCount > 0);
    cluster.network().mend();
    int leases = told.leaseCount;
    cluster.await("lease again", 10 * SimWorld.S, () -> told.leaseCount > leases);
    var name = new Invalidation.OfEntry(SimClient.ROOT, SimClient.entry("d"));
    assertTrue(told.allCount > 1 || told.changes.contains(name), "it must hear of it after all");
  }

  @Test
  void anAuthorIsNotToldOfItsOwnChangesAndAloneNeverWaits() {
    var own = new Listener();
    var author = openAndWait(own);

    var change = author.makeDirectory("d");
    cluster.run(SHORT_NS);

    assertTrue(change.isDone());
    assertEquals(List.of(), own.changes);
  }

  @Test
  void aNewLeaderTellsEachClientThatAnythingMayHaveChanged() {
    var told = new Listener();
    openAndWait(told);
    var author = openAndWait(new Listener());
    SimPeer leader = cluster.leader().orElseThrow();
    leader.kill();

    assertInstanceOf(OperationResult.Done.class, cluster.get(author.makeDirectory("d")));

    cluster.await("told by the new leader", 10 * SimWorld.S, () -> told.allCount > 1);
    assertEquals(0, told.lostCount, "its session is the pool's, not the leader's");
  }

  private CompletableFuture<OperationResult> lock(SimClient client, long file, LockMode mode) {
    var lock = FileLock.whole(LockFamily.RECORD, mode, 1, 2);
    return client
        .service()
        .change(new Operation.SetLock(file, lock, 3), null, false, client.deadline());
  }

  private long makeFile(SimClient client) {
    return cluster.get(client.put("f", new byte[] {1})).orThrow().attributes().inode();
  }

  @Test
  void whoWasRefusedALockIsToldOfItsReleaseAndNobodyWaitsUntilThatIsConfirmed() {
    var told = new Listener();
    SimClient waiting = openAndWait(told);
    SimClient holder = openAndWait(new Listener());
    long file = makeFile(holder);
    cluster.get(lock(holder, file, LockMode.EXCLUSIVE)).orThrow();
    cluster.get(lock(holder, file, LockMode.NONE)).orThrow();
    cluster.get(lock(holder, file, LockMode.EXCLUSIVE)).orThrow();
    assertFalse(told.changes.contains(new Invalidation.OfLocks(file)), "it hasn't asked for one");
    var refused =
        assertInstanceOf(
            OperationResult.Failed.class, cluster.get(lock(waiting, file, LockMode.SHARED)));
    assertEquals(ErrorCode.LOCKED, refused.code());
    told.isConfirming = false;

    var released = lock(holder, file, LockMode.NONE);
    cluster.await("told", SHORT_NS, () -> told.changes.contains(new Invalidation.OfLocks(file)));
    cluster.await("released", SHORT_NS, released::isDone);

    cluster.get(lock(waiting, file, LockMode.SHARED)).orThrow();
  }

  @Test
  void theLocksOfASilentClientAreFreeWithin15SecondsAndWhoWaitsIsTold() {
    var told = new Listener();
    SimClient waiting = openAndWait(told);
    SimClient holder = openAndWait(new Listener());
    long file = makeFile(holder);
    cluster.get(lock(holder, file, LockMode.EXCLUSIVE)).orThrow();
    cluster.get(lock(waiting, file, LockMode.EXCLUSIVE));

    cluster.peers().forEach(peer -> cluster.network().cutBoth(holder.id(), peer.id()));

    cluster.await(
        "told", 15 * SimWorld.S, () -> told.changes.contains(new Invalidation.OfLocks(file)));
    cluster.get(lock(waiting, file, LockMode.EXCLUSIVE)).orThrow();
    cluster.network().mend();
    var late = cluster.get(lock(holder, file, LockMode.EXCLUSIVE));
    assertEquals(ErrorCode.NO_SESSION, ((OperationResult.Failed) late).code());
  }

  /** Told again with every Watch until something else changed, it asked for the lock as often. */
  @Test
  void whoWaitsIsToldOnceThatASessionHasEnded() {
    var told = new Listener();
    SimClient waiting = openAndWait(told);
    SimClient leaving = openAndWait(new Listener());
    SimClient staying = openAndWait(new Listener());
    long file = makeFile(staying);
    cluster.get(lock(leaving, file, LockMode.SHARED)).orThrow();
    cluster.get(lock(staying, file, LockMode.SHARED)).orThrow();
    cluster.get(lock(waiting, file, LockMode.EXCLUSIVE));

    cluster.peers().forEach(peer -> cluster.network().cutBoth(leaving.id(), peer.id()));
    cluster.await(
        "told", 15 * SimWorld.S, () -> told.changes.contains(new Invalidation.OfLocks(file)));
    long laterNs = waiting.loop().nowNs() + SimWorld.S;
    cluster.await("later", 2 * SimWorld.S, () -> waiting.loop().nowNs() >= laterNs);

    long count = told.changes.stream().filter(new Invalidation.OfLocks(file)::equals).count();
    assertEquals(1, count);
  }

  @Test
  void locksOutliveTheirLeader() {
    SimClient holder = openAndWait(new Listener());
    SimClient other = openAndWait(new Listener());
    long file = makeFile(holder);
    cluster.get(lock(holder, file, LockMode.EXCLUSIVE)).orThrow();

    cluster.leader().orElseThrow().kill();

    var refused = cluster.get(lock(other, file, LockMode.SHARED));
    assertEquals(ErrorCode.LOCKED, ((OperationResult.Failed) refused).code());
    cluster.get(lock(holder, file, LockMode.NONE)).orThrow();
    cluster.get(lock(other, file, LockMode.SHARED)).orThrow();
  }

  /** Its late success was told to nobody, and its author went on believing what it knew before. */
  @Test
  void anAuthorWithoutAnAnswerReliesOnNothingUntilItKnowsThatItsChangeIsOver() {
    var told = new Listener();
    SimClient author = openAndWait(told);
    cluster.peers().forEach(peer -> cluster.network().cutBoth(author.id(), peer.id()));
    var made = author.makeDirectory("d", Deadline.in(author.loop()::nowNs, SHORT_NS));
    cluster.await("failed", SimWorld.S, made::isCompletedExceptionally);
    assertEquals(1, told.unknownCount);

    cluster.run(SHORT_NS);
    assertEquals(told.leasesWhenUnknown, told.leaseCount);
    cluster.network().mend();
    cluster.await("lease", 10 * SimWorld.S, () -> told.leaseCount > told.leasesWhenUnknown);

    assertEquals(0, told.lostCount, "settled within its session");
    cluster.run(5 * SimWorld.S);
    assertEquals(1, told.unknownCount);
  }

  @Test
  void aNewLeaderHonoursTheLeasesOfTheOneBefore() {
    assertFalse(isChangedWithinALeaseOfTheLeaderBefore(cluster));
  }

  @Test
  void aLeaderThatForgetsThemIsFoundOut() {
    var faulty = SimCluster.of(3).fault(PeerFault.FORGET_LEASES.name()).start();

    assertTrue(isChangedWithinALeaseOfTheLeaderBefore(faulty));
  }

  /** The leader hands over and goes, at the moment in which a client with a lease is cut off. */
  private static boolean isChangedWithinALeaseOfTheLeaderBefore(SimCluster cluster) {
    var told = new Listener();
    SimClient cutOff = openAndWait(cluster, told);
    SimClient author = openAndWait(cluster, new Listener());
    cluster.peers().forEach(peer -> cluster.network().cutBoth(cutOff.id(), peer.id()));
    cluster.leader().orElseThrow().stopCleanly();

    var change = author.makeDirectory("d");
    cluster.await("changed", 5 * SimWorld.S, change::isDone);

    assertInstanceOf(OperationResult.Done.class, cluster.get(change));
    return cutOff.loop().nowNs() - told.leaseUntilNs < 0;
  }

  @Test
  void theSessionOfASilentClientEndsAndItOpensAnotherWhenItIsBack() {
    var told = new Listener();
    SimClient silent = openAndWait(told);
    openAndWait(new Listener());
    assertEquals(2, sessions());
    cluster.peers().forEach(peer -> cluster.network().cutBoth(silent.id(), peer.id()));

    cluster.run(SESSION_OVER_NS);
    assertEquals(1, sessions());
    cluster.network().mend();

    cluster.await("another session", 20 * SimWorld.S, () -> told.lostCount == 1);
    assertInstanceOf(OperationResult.Done.class, cluster.get(silent.makeDirectory("d")));
    assertEquals(2, sessions());
  }

  /** It was taken for one that never happened, and done again over what others had done since. */
  @Test
  void whatBecameOfAChangeIsToldThoughItsSessionIsOver() {
    var own = new Listener();
    SimClient author = openAndWait(own);
    SimClient other = openAndWait(new Listener());
    cluster.peers().forEach(peer -> cluster.network().cut(peer.id(), author.id()));
    var made = author.makeDirectory("d", Deadline.in(author.loop()::nowNs, SHORT_NS));
    cluster.await("failed", SimWorld.S, made::isCompletedExceptionally);
    var outcome = UnansweredException.outcomeOf(made);
    cluster.peers().forEach(peer -> cluster.network().cutBoth(author.id(), peer.id()));
    cluster.run(SESSION_OVER_NS);
    var found = cluster.get(other.lookup("d")).answer();
    long inode = assertInstanceOf(Answer.Entry.class, found).entry().attributes().inode();

    cluster.network().mend();
    cluster.await("another session", 20 * SimWorld.S, () -> own.lostCount == 1);
    cluster.await("what became of it", 20 * SimWorld.S, outcome::isDone);

    assertEquals(inode, cluster.get(outcome).orThrow().attributes().inode());
  }
}
