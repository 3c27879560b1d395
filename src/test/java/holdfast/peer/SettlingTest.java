package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.Unsettled;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ChunkId;
import holdfast.placement.PeerEntry;
import holdfast.placement.PeerState;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** A power cut takes chunks that the log names: every file has some content that it had. */
class SettlingTest {
  private static final long SETTLED_NS = 4 * SimWorld.S;
  private static final long EPOCH_NS = 601 * SimWorld.S;

  private final SimCluster cluster = SimCluster.of(3).seed(77).settings(3, 2, 60_000).start();
  private final SimClient client = cluster.client();

  SettlingTest() {
    cluster.get(client.open());
  }

  private static byte[] bytes(int seed, int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    new SplittableRandom(seed).nextBytes(bytes);
    return bytes;
  }

  private static void done(OperationResult result) {
    assertInstanceOf(OperationResult.Done.class, result, result::toString);
  }

  private void put(String name, byte[] content) {
    done(cluster.get(client.put(name, content)));
  }

  private void replace(String name, byte[] content, boolean isForced) {
    done(cluster.get(client.replace(name, content, isForced)));
  }

  private Unsettled unsettled() {
    return cluster.leader().orElseThrow().access().namespace().unsettled();
  }

  private void awaitSettled() {
    cluster.await("all is settled", 10 * SimWorld.S, () -> unsettled().count() == 0);
  }

  /** The log is on disk everywhere, these chunks are not, and all machines lose power. */
  private void cutPower(List<byte[]> unforced) {
    cluster.get(client.service().forceLog(client.deadline()));
    cluster.run(300 * SimWorld.MS); // the followers' forces too
    cluster.peers().forEach(peer -> lose(peer, unforced));
    cluster.run(SimWorld.S);
  }

  private static void lose(SimPeer peer, List<byte[]> unforced) {
    peer.losePower();
    unforced.forEach(content -> peer.store().drop(SimClient.nameOf(content)));
  }

  private void start() {
    cluster.peers().forEach(SimPeer::start);
  }

  private boolean isReverted() {
    return cluster
        .leader()
        .filter(leader -> leader.access().isReady())
        .map(leader -> leader.access().namespace().unsettled().revertedCount() > 0)
        .orElse(false);
  }

  @Test
  void aFileWhoseNewContentIsLostHasItsOldOneAndStatusSaysSo() {
    byte[] old = bytes(1, 300);
    byte[] now = bytes(2, 200);
    put("f", old);
    cluster.get(client.service().forceLog(client.deadline()));
    awaitSettled();
    replace("f", now, false);

    cutPower(List.of(now));
    start();

    cluster.await("reverted", 20 * SimWorld.S, this::isReverted);
    assertArrayEquals(old, cluster.get(client.get("f")));
    var status = cluster.get(client.service().status(client.deadline()));
    long inode = cluster.get(client.inode("f"));
    assertTrue(status.summary().contains("1 file has older content"), status.summary());
    assertTrue(status.summary().contains(String.valueOf(inode)), status.summary());
    replace("f", bytes(3, 100), false);
    status = cluster.get(client.service().status(client.deadline()));
    assertFalse(status.summary().contains("older content"), status.summary());
    assertArrayEquals(bytes(3, 100), cluster.get(client.get("f")));
  }

  @Test
  void aNewFileWhoseContentIsLostIsEmpty() {
    byte[] now = bytes(2, 200);
    put("f", now);

    cutPower(List.of(now));
    start();

    cluster.await("reverted", 20 * SimWorld.S, this::isReverted);
    assertArrayEquals(new byte[0], cluster.get(client.get("f")));
  }

  @Test
  void whatWasForcedStaysThoughItIsNotSettledYet() {
    byte[] forced = bytes(2, 200);
    byte[] now = bytes(3, 250);
    put("f", bytes(1, 300));
    awaitSettled();
    replace("f", forced, true);
    replace("f", now, false);

    assertTrue(unsettled().count() >= 2, "it was settled too soon for this test");
    cutPower(List.of(now));
    start();

    cluster.await("reverted", 20 * SimWorld.S, this::isReverted);
    assertArrayEquals(forced, cluster.get(client.get("f")));
  }

  private Attributes attributes(String name) {
    return ((Answer.Entry) cluster.get(client.lookup(name)).answer()).entry().attributes();
  }

  /** It stands on top of content that is undone, so it would be undone with it. */
  @Test
  void whatIsAcknowledgedAfterThePowerCutIsNotUndone() {
    byte[] expected = bytes(1, 300);
    put("f", expected);
    awaitSettled();
    byte[] lost = bytes(2, 50);
    done(cluster.get(client.patch(attributes("f"), 0, lost, false)));
    cutPower(List.of(lost));
    start();
    byte[] part = bytes(3, 40);
    OperationResult result;
    int tries = 0;
    do {
      result = cluster.get(client.patch(attributes("f"), 100, part, false));
    } while (result instanceof OperationResult.Failed && tries++ < 10);
    done(result);

    cluster.run(10 * SimWorld.S);
    System.arraycopy(part, 0, expected, 100, part.length);
    assertArrayEquals(expected, cluster.get(client.get("f")));
  }

  @Test
  void aPeerThatDoesNotAnswerMayHaveTheChunk() {
    byte[] now = bytes(2, 200);
    put("f", bytes(1, 300));
    awaitSettled();
    replace("f", now, false);
    cluster.get(client.service().forceLog(client.deadline()));
    SimPeer last = cluster.peer(2);

    cluster.peers().forEach(peer -> lose(peer, peer == last ? List.of() : List.of(now)));
    last.store().keep(SimClient.nameOf(now), now);
    cluster.peer(0).start();
    cluster.peer(1).start();
    cluster.run(5 * SimWorld.S);
    last.start();
    cluster.await("a leader", 20 * SimWorld.S, () -> cluster.leader().isPresent());
    cluster.network().cutBoth(last.id(), cluster.peer(0).id());
    cluster.network().cutBoth(last.id(), cluster.peer(1).id());
    cluster.run(20 * SimWorld.S);
    assertFalse(isReverted());

    cluster.network().mend();

    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    awaitSettled();
    assertFalse(isReverted());
    assertArrayEquals(now, cluster.get(client.get("f")));
  }

  private PeerState stateOf(SimPeer peer) {
    return cluster
        .leader()
        .flatMap(leader -> leader.access().map())
        .flatMap(map -> map.peer(peer.id()))
        .map(PeerEntry::state)
        .orElseThrow();
  }

  private void stop(SimPeer peer) {
    peer.stopCleanly();
    cluster.await(
        "it is away",
        10 * SimWorld.S,
        () -> !peer.isUp() && cluster.leader().isPresent() && stateOf(peer) == PeerState.AWAY);
  }

  @Test
  void whoWentBetweenAnUploadAndItsCommitMayHaveTheChunk() {
    byte[] now = bytes(2, 200);
    put("f", bytes(1, 300));
    awaitSettled();
    SimPeer away = cluster.peer(2);
    away.store().keep(SimClient.nameOf(now), now);

    stop(away);
    done(cluster.get(client.replaceByStored("f", now, true)));
    cluster.run(30 * SimWorld.S);

    assertFalse(isReverted());
    away.start();
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    awaitSettled();
    assertFalse(isReverted());
    assertArrayEquals(now, cluster.get(client.get("f")));
  }

  @Test
  void whoWasAwayBeforeIsNotWaitedFor() {
    byte[] now = bytes(2, 200);
    put("f", bytes(1, 300));
    awaitSettled();
    SimPeer away = cluster.peer(2);
    stop(away);
    for (int i = 0; i < 2; i++) {
      cluster.run(EPOCH_NS);
      put("epoch" + i, bytes(10 + i, 100)); // The client hears of it.
    }
    awaitSettled();
    replace("f", now, false);
    cluster.get(client.service().forceLog(client.deadline()));
    cluster.run(300 * SimWorld.MS);

    lose(cluster.peer(0), List.of(now));
    lose(cluster.peer(1), List.of(now));
    cluster.peer(0).start();
    cluster.peer(1).start();

    cluster.await("reverted", 30 * SimWorld.S, this::isReverted);
    assertArrayEquals(bytes(1, 300), cluster.get(client.get("f")));
    away.start();
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    assertArrayEquals(bytes(1, 300), cluster.get(client.get("f")));
  }

  @Test
  void aRenameOverAFileForcesItsSourceFirst() {
    for (int i = 0; i < 10; i++) {
      byte[] now = bytes(i, 200);
      ChunkId chunk = SimClient.nameOf(now);
      put("new", now);
      done(cluster.get(client.rename("new", "f")));

      // The first one replaces nothing.
      long copies = cluster.peers().stream().filter(p -> p.store().isForced(chunk)).count();
      assertTrue(i == 0 || copies >= 2, "copies on disk: was=" + copies + " of file " + i);
    }
  }

  @Test
  void anIdlePoolIsSettledAndProposesNothing() {
    put("f", bytes(1, 300));
    awaitSettled();
    cluster.run(SETTLED_NS);
    long before = cluster.leader().orElseThrow().access().appliedIndex();

    cluster.run(60 * SimWorld.S);

    assertEquals(before, cluster.leader().orElseThrow().access().appliedIndex());
  }

  @Test
  void aWritingPoolIsSettledOnceASecondAndNotMoreOften() {
    put("f", bytes(0, 300));
    awaitSettled();
    long before = cluster.leader().orElseThrow().access().appliedIndex();
    int writes = 200;
    long startNs = cluster.world().nowNs();
    for (int i = 1; i <= writes; i++) {
      replace("f", bytes(i, 300), false);
    }
    long seconds = 1 + (cluster.world().nowNs() - startNs) / SimWorld.S;

    long more = cluster.leader().orElseThrow().access().appliedIndex() - before - writes;

    assertTrue(more <= seconds + 1, more + " entries besides the writes in " + seconds + " s");
    assertTrue(unsettled().count() < writes, "nothing was settled");
  }
}
