package holdfast.peer.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.pool.PoolService;
import holdfast.metadata.Namespace;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimWorld;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whose session the leader ends and which files it removes, on simulated time. */
class SessionReaperTest {
  private static final long LOOK_NS = 2 * SimWorld.S;

  private final SimCluster cluster = SimCluster.of(3).start();

  /** A client that renews its lease, and confirms at once. */
  private static final class Confirming implements PoolService.Watcher {
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
    public void onSessionLost() {}
  }

  private SimClient open() {
    SimClient client = cluster.client();
    client.service().watch(new Confirming());
    cluster.get(client.open());
    return client;
  }

  private Namespace namespace() {
    return cluster.leader().orElseThrow().access().namespace();
  }

  private boolean hasOrphan() {
    return !namespace().unpinnedOrphans(1).isEmpty();
  }

  private void cutOff(SimClient client) {
    cluster.peers().forEach(peer -> cluster.network().cutBoth(client.id(), peer.id()));
  }

  @Test
  void aSessionEndsOnlyAfterItsClientWasSilentForTheWholeTimeout() {
    SimClient silent = open();
    open();
    cutOff(silent);

    cluster.run(SessionReaper.TIMEOUT_NS - LOOK_NS);
    assertEquals(2, namespace().sessionCount());
    cluster.run(2 * LOOK_NS);

    assertEquals(1, namespace().sessionCount());
  }

  @Test
  void aNewLeaderGivesEverybodyTheWholeTimeoutAgain() {
    SimClient silent = open();
    open();
    cutOff(silent);
    cluster.run(SessionReaper.TIMEOUT_NS - LOOK_NS);
    cluster.leader().orElseThrow().kill();
    cluster.await("leader", 10 * SimWorld.S, () -> cluster.leader().isPresent());

    cluster.run(SessionReaper.TIMEOUT_NS - LOOK_NS);
    assertEquals(2, namespace().sessionCount());
    cluster.run(2 * LOOK_NS);

    assertEquals(1, namespace().sessionCount());
  }

  @Test
  void aFileWithoutNameAndHolderIsRemovedWhenTwoLooksHaveSeenIt() {
    SimClient author = open();
    open();
    cluster.get(author.put("f", new byte[] {1})).orThrow();

    cluster.get(author.unlink("f")).orThrow();
    assertTrue(hasOrphan());
    cluster.run(SessionReaper.ORPHAN_NS - LOOK_NS);
    assertTrue(hasOrphan());

    cluster.await("removed", SessionReaper.ORPHAN_NS + 2 * LOOK_NS, () -> !hasOrphan());
  }

  @Test
  void aFileThatASilentClientHoldsIsRemovedAfterItsSession() {
    SimClient holder = open();
    open();
    cluster.get(holder.put("f", new byte[] {1})).orThrow();
    long inode = cluster.get(holder.inode("f"));
    var unlink = new Operation.Unlink(SimClient.ROOT, SimClient.entry("f"), true, 1);
    cluster.get(holder.service().change(unlink, null, false, holder.deadline())).orThrow();
    cluster.run(3 * SessionReaper.ORPHAN_NS);
    assertFalse(hasOrphan());
    assertTrue(isThere(inode));

    cutOff(holder);

    long atMostNs = SessionReaper.TIMEOUT_NS + 2 * SessionReaper.ORPHAN_NS + 3 * LOOK_NS;
    cluster.await("removed", atMostNs, () -> !isThere(inode));
  }

  private boolean isThere(long inode) {
    return namespace().query(new Query.GetAttributes(inode)) instanceof Answer.Inode;
  }
}
