package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ChunkLoss;
import holdfast.protocol.PoolStatus;
import holdfast.sim.FileStore;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimDisk;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import holdfast.storage.Disk;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Peers whose chunk files were damaged: what is lost is told, and fetched where there is more. */
class DamagedPeerTest {
  private static final String SEGMENT = "chunks-0000000000000001.seg";
  private static final int FILE_COUNT = 12;
  private static final int FILE_BYTES = 3_000;

  private static final int SECTOR_BYTES = 512;

  /** Enough for a snapshot. */
  private static final int MORE_FILES = 150;

  private static final int RECORD_HEADER_BYTES = 56;

  private static byte[] bytes(int seed) {
    byte[] bytes = new byte[FILE_BYTES];
    new SplittableRandom(seed).nextBytes(bytes);
    return bytes;
  }

  private static SimCluster filled(int peerCount, long seed) {
    var cluster =
        SimCluster.of(peerCount).seed(seed).settings(3, 2, 60_000).store(FileStore::make).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    for (int i = 0; i < FILE_COUNT; i++) {
      cluster.get(client.put("f" + i, bytes(i)));
    }
    cluster.await("safe", 60 * SimWorld.S, () -> status(cluster).safe());
    cluster.run(2 * SimWorld.S);
    return cluster;
  }

  private static PoolStatus status(SimCluster cluster) {
    SimClient client = cluster.clients().getFirst();
    return cluster.get(client.service().status(client.deadline()));
  }

  private static SimDisk disk(SimPeer peer) {
    return ((FileStore) peer.store()).disk();
  }

  private static void flip(SimDisk disk, long byteAt) {
    disk.flipBit(SEGMENT, byteAt * 8 + 3);
  }

  /** Where the record with this number begins. */
  private static long record(int number) {
    return 64 + (long) number * (RECORD_HEADER_BYTES + FILE_BYTES);
  }

  private static int readable(SimCluster cluster) {
    SimClient client = cluster.clients().getFirst();
    int count = 0;
    for (int i = 0; i < FILE_COUNT; i++) {
      var asked = client.get("f" + i);
      cluster.await("an answer", 60 * SimWorld.S, asked::isDone);
      if (!asked.isCompletedExceptionally()) {
        assertArrayEquals(bytes(i), asked.join());
        count++;
      }
    }
    return count;
  }

  @Test
  void flippedBitInARecordsHeaderCostsALonePeerNothing() {
    var cluster = filled(1, 1);
    SimPeer peer = cluster.peer(0);
    peer.kill();
    for (int number = 2; number < 6; number++) {
      flip(disk(peer), record(number) + 7 * number);
    }

    peer.start();

    cluster.await("safe", 60 * SimWorld.S, () -> status(cluster).safe());
    assertEquals(FILE_COUNT, readable(cluster));
  }

  @Test
  void whatIsLostOfALonePeerIsMissingAndNotSafe() {
    var cluster = filled(1, 2);
    SimPeer peer = cluster.peer(0);
    peer.kill();
    flip(disk(peer), record(3) + RECORD_HEADER_BYTES + 100);
    flip(disk(peer), record(5) + RECORD_HEADER_BYTES + 100);

    peer.start();

    cluster.await("told", 60 * SimWorld.S, () -> status(cluster).copies().missing() == 2);
    assertFalse(status(cluster).safe());
    flip(disk(peer), record(3) + RECORD_HEADER_BYTES + 100);
    flip(disk(peer), record(5) + RECORD_HEADER_BYTES + 100);
    peer.kill();
    peer.start();
    cluster.await("safe", 60 * SimWorld.S, () -> status(cluster).safe());
    assertEquals(FILE_COUNT, readable(cluster));
  }

  /** Nothing but damage can have taken it: no machine lost power. */
  @ParameterizedTest
  @ValueSource(strings = {"body", "end", "file"})
  void whatIsDamagedAMomentAfterAnFsyncIsMissingAndNotUndone(String what) {
    var cluster = filled(1, 4);
    SimPeer peer = cluster.peer(0);
    putAndForce(cluster);
    assertTrue(peer.access().namespace().unsettled().count() > 0);
    peer.kill();
    damageLast(peer, what);

    peer.start();

    boolean isAllGone = what.equals("file");
    awaitMissing(cluster, isAllGone ? FILE_COUNT + 1 : 1);
    assertEquals(0, peer.access().namespace().unsettled().revertedCount());
    assertEquals(isAllGone ? 0 : FILE_COUNT, readable(cluster));
  }

  /** A start that is over before it has settled anything has told nobody. */
  @ParameterizedTest
  @ValueSource(strings = {"body", "end"})
  void damageIsRememberedThoughTheStartThatFoundItEnds(String what) {
    var cluster = filled(1, 6);
    SimPeer peer = cluster.peer(0);
    putAndForce(cluster);
    peer.kill();
    damageLast(peer, what);
    peer.start();
    peer.kill();

    peer.start();

    awaitMissing(cluster, 1);
    assertEquals(0, peer.access().namespace().unsettled().revertedCount());
    assertEquals(FILE_COUNT, readable(cluster));
    cluster.run(20 * SimWorld.S);
    assertEquals(
        ChunkLoss.NONE, ((FileStore) peer.store()).chunkLoss(), "settled, and so forgotten");
  }

  /** Two had it, and it was damaged at both; the third was away, and denies it truthfully. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void whoWasAwayDoesNotMakeDamageAPowerCut(int away) {
    var cluster = filled(3, 7 + away);
    cluster.peer(away).stopCleanly();
    cluster.await("a leader", 60 * SimWorld.S, () -> cluster.leader().isPresent());
    cluster.run(5 * SimWorld.S);
    putAndForce(cluster);
    var others = cluster.peers().stream().filter(SimPeer::isUp).toList();
    others.forEach(SimPeer::kill);
    others.forEach(peer -> damageLast(peer, "body"));

    cluster.peers().forEach(SimPeer::start);

    awaitMissing(cluster, 1);
    cluster.await("all are back", 60 * SimWorld.S, cluster::isWhole);
    for (SimPeer peer : cluster.peers()) {
      assertEquals(0, peer.access().namespace().unsettled().revertedCount());
    }
    assertEquals(FILE_COUNT, readable(cluster));
  }

  /**
   * Two find damage, and what it took can't be settled before the third is back. They start once
   * more: what they have of the state then is a snapshot from before, in which all is settled.
   */
  @Test
  void damageIsRememberedThoughTheStateIsStillOldAtTheNextStart() {
    var cluster = filled(3, 11);
    SimClient client = cluster.clients().getFirst();
    for (int i = 0; i < MORE_FILES; i++) {
      cluster.get(client.put("more" + i, bytes(100 + i)));
    }
    cluster.run(5 * SimWorld.S);
    SimPeer away = cluster.peer(2);
    away.stopCleanly();
    cluster.run(5 * SimWorld.S);
    putAndForce(cluster);
    var others = cluster.peers().stream().filter(peer -> peer != away).toList();
    others.forEach(peer -> assertTrue(hasSnapshot(peer), "too few files for a snapshot"));
    others.forEach(SimPeer::kill);
    others.forEach(peer -> damageLast(peer, "body"));
    for (int i = 0; i < 3; i++) {
      others.forEach(SimPeer::start);
      cluster.run(20 * SimWorld.S);
      others.forEach(SimPeer::kill);
    }

    cluster.peers().forEach(SimPeer::start);

    awaitMissing(cluster, 1);
    for (SimPeer peer : cluster.peers()) {
      assertEquals(0, peer.access().namespace().unsettled().revertedCount());
    }
  }

  private static boolean hasSnapshot(SimPeer peer) {
    return disk(peer).list().stream().anyMatch(name -> name.endsWith(".snap"));
  }

  /** No start finds it: who reads it does, before it is settled. */
  @Test
  void whatAReadFindsDamagedIsMissingAndNotUndone() {
    var cluster = filled(1, 12);
    SimPeer peer = cluster.peer(0);
    putAndForce(cluster);
    damageLast(peer, "body");
    SimClient client = cluster.clients().getFirst();

    var asked = client.get("new");

    cluster.await("an answer", 60 * SimWorld.S, asked::isDone);
    assertTrue(asked.isCompletedExceptionally());
    awaitMissing(cluster, 1);
    assertEquals(0, peer.access().namespace().unsettled().revertedCount());
    assertEquals(
        ChunkLoss.NONE, ((FileStore) peer.store()).chunkLoss(), "settled, and so forgotten");
  }

  /** It leaves zeros, or nothing: what it took is undone, and what was flipped isn't. */
  @Test
  void aFlippedBitIsNoPowerCutEvenAfterOne() {
    var cluster = filled(1, 13);
    SimPeer peer = cluster.peer(0);
    SimClient client = cluster.clients().getFirst();
    cluster.get(client.put("new", bytes(FILE_COUNT)));
    cluster.run(3 * SimWorld.S);
    cluster.get(client.replace("new", bytes(FILE_COUNT + 1), true));
    assertTrue(peer.access().namespace().unsettled().count() > 0);
    peer.losePower();
    damageLast(peer, "body");

    peer.start();

    awaitMissing(cluster, 1);
    assertEquals(0, peer.access().namespace().unsettled().revertedCount());
    assertEquals(FILE_COUNT, readable(cluster));
  }

  /** The first start after a power cut ends before it has settled what that took. */
  @Test
  void whatAPowerCutTookIsUndoneThoughTheFirstStartEnds() {
    var cluster = filled(1, 10);
    SimClient client = cluster.clients().getFirst();
    SimPeer peer = cluster.peer(0);
    byte[] old = bytes(FILE_COUNT);
    cluster.get(client.put("new", old));
    cluster.run(3 * SimWorld.S);
    cluster.get(client.replace("new", bytes(FILE_COUNT + 1), false));
    cluster.get(client.service().forceLog(client.deadline()));
    peer.losePower();
    damageLast(peer, "hole"); // as a power cut leaves what wasn't forced
    peer.start();
    cluster.await("it leads", 20 * SimWorld.S, () -> peer.access().isLeader());
    peer.kill();

    peer.start();

    cluster.await("safe", 60 * SimWorld.S, () -> status(cluster).safe());
    assertArrayEquals(old, cluster.get(client.get("new")));
    cluster.run(20 * SimWorld.S);
    assertEquals(
        ChunkLoss.NONE, ((FileStore) peer.store()).chunkLoss(), "settled, and so forgotten");
  }

  private static void putAndForce(SimCluster cluster) {
    SimClient client = cluster.clients().getFirst();
    cluster.get(client.put("new", bytes(FILE_COUNT)));
    cluster.get(client.service().forceLog(client.deadline()));
  }

  private static void damageLast(SimPeer peer, String what) {
    SimDisk disk = disk(peer);
    if (what.equals("end")) {
      cut(disk, SEGMENT, disk.sizeBytes(SEGMENT) - 1);
    } else if (what.equals("file")) {
      disk.delete(SEGMENT);
      disk.forceDirectory();
    } else if (what.equals("hole")) {
      zero(disk, disk.sizeBytes(SEGMENT) - FILE_BYTES / 2);
    } else {
      flip(disk, disk.sizeBytes(SEGMENT) - FILE_BYTES / 2);
    }
  }

  private static void awaitMissing(SimCluster cluster, int files) {
    int count = files * cluster.peers().size(); // of all peers, once all have looked
    cluster.await("told", 60 * SimWorld.S, () -> status(cluster).copies().missing() == count);
    cluster.run(20 * SimWorld.S);
    assertFalse(status(cluster).safe());
    SimClient client = cluster.clients().getFirst();
    var asked = client.get("new");
    cluster.await("an answer", 60 * SimWorld.S, asked::isDone);
    assertTrue(asked.isCompletedExceptionally());
  }

  private static void zero(SimDisk disk, long offset) {
    try (var file = disk.open(SEGMENT, Disk.Mode.WRITE)) {
      file.write(offset, ByteBuffer.allocate(SECTOR_BYTES));
      file.force();
    }
  }

  private static void cut(SimDisk disk, String name, long sizeBytes) {
    try (var file = disk.open(name, Disk.Mode.WRITE)) {
      file.truncate(sizeBytes);
      file.force();
    }
  }

  /** It looks as if the process had died while it wrote: its machine knows better. */
  @Test
  void aLogThatLacksItsEndAMomentAfterAnFsyncIsFoundOut() {
    var cluster = filled(1, 5);
    SimClient client = cluster.clients().getFirst();
    SimPeer peer = cluster.peer(0);
    cluster.get(client.put("new", bytes(FILE_COUNT)));
    cluster.run(SimWorld.S);
    cluster.get(client.replace("new", bytes(FILE_COUNT + 1), true));
    peer.kill();
    SimDisk disk = disk(peer);
    String log =
        disk.list().stream()
            .filter(name -> name.endsWith(".seg"))
            .filter(name -> name.startsWith("log-"))
            .max(String::compareTo)
            .orElseThrow();
    cut(disk, log, disk.sizeBytes(log) - 1);

    peer.start();

    cluster.run(10 * SimWorld.S);
    assertTrue(peer.access().isRecovering());
    assertFalse(peer.access().isLeader());
  }

  /** A power cut takes what wasn't forced: how much that can be its folder knows. */
  @Test
  void aLogThatLacksWhatWasForcedSecondsBeforeAPowerCutIsFoundOut() {
    var cluster = filled(1, 14);
    SimPeer peer = cluster.peer(0);
    cluster.run(10 * SimWorld.S);
    peer.losePower();
    SimDisk disk = disk(peer);
    String log =
        disk.list().stream()
            .filter(name -> name.startsWith("log-") && name.endsWith(".seg"))
            .max(String::compareTo)
            .orElseThrow();
    cut(disk, log, disk.sizeBytes(log) - 200);

    peer.start();

    cluster.run(10 * SimWorld.S);
    assertTrue(peer.access().isRecovering());
    assertFalse(peer.access().isLeader());
  }

  @Test
  void removedSegmentIsFetchedFromTheOtherPeers() {
    var cluster = filled(3, 3);
    SimPeer peer = cluster.peer(1);
    peer.kill();
    disk(peer).delete(SEGMENT);
    disk(peer).forceDirectory();

    peer.start();

    cluster.await("a leader", 60 * SimWorld.S, cluster::isWhole);
    cluster.await(
        "its chunks are back",
        120 * SimWorld.S,
        () -> peer.store().chunkCount() == FILE_COUNT && status(cluster).safe());
    assertEquals(FILE_COUNT, readable(cluster));
  }

  @Test
  void chunkThatCannotBeReadIsToldAtOnce() {
    var cluster = filled(1, 4);
    SimPeer peer = cluster.peer(0);
    try (var file = disk(peer).open(SEGMENT, Disk.Mode.WRITE)) {
      file.truncate(record(FILE_COUNT - 1));
      int readable = readable(cluster);
      assertEquals(FILE_COUNT - 1, readable);

      var status = status(cluster);

      assertFalse(status.safe(), status.summary());
      assertEquals(1, status.copies().missing());
    }
  }
}
