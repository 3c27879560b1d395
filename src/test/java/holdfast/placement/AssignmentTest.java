package holdfast.placement;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.model.ChunkId;
import holdfast.model.NodeId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class AssignmentTest {
  private static Map<String, Long> capacityByDomain(List<PeerEntry> peers) {
    return peers.stream()
        .collect(
            Collectors.groupingBy(
                PeerEntry::failureDomain, Collectors.summingLong(PeerEntry::capacityBytes)));
  }

  private static void assertDomainsDistinct(OwnerTable table, List<PeerEntry> peers, int replicas) {
    Map<NodeId, String> domains = new HashMap<>();
    peers.forEach(peer -> domains.put(peer.node(), peer.failureDomain()));
    int domainCount = new HashSet<>(domains.values()).size();
    int copies = Math.min(replicas, peers.size());
    assertThat(table.copies()).isEqualTo(copies);
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      var owners = table.owners(partition);
      assertThat(new HashSet<>(owners)).hasSize(copies);
      assertThat(domains.keySet()).containsAll(owners);
      assertThat(owners.stream().map(domains::get).distinct().count())
          .isEqualTo(Math.min(copies, domainCount));
    }
  }

  private static boolean nobodyIsTooLarge(List<PeerEntry> peers, int replicas) {
    long total = peers.stream().mapToLong(PeerEntry::capacityBytes).sum();
    return capacityByDomain(peers).values().stream()
        .allMatch(capacity -> (double) capacity / total <= 1.0 / replicas);
  }

  /** Fill levels within 5 % of each other, but for the odd partition that can't be split. */
  private static void assertEvenlyFilled(OwnerTable table, List<PeerEntry> peers) {
    double total = peers.stream().mapToDouble(PeerEntry::capacityBytes).sum();
    int slots = table.copies() * ChunkId.PARTITION_COUNT;
    for (PeerEntry peer : peers) {
      double ideal = slots * (peer.capacityBytes() / total);
      assertThat((double) table.partitionCount(peer.node()))
          .isBetween(Math.min(ideal * 0.975, ideal - 2), Math.max(ideal * 1.025, ideal + 2));
    }
  }

  @Property(tries = 150)
  void ownersAreInDistinctDomainsAndEvenlyFilled(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 40) int count) {
    var random = new Random(seed);
    var peers = Pools.mixed(random, count);
    int replicas = 1 + random.nextInt(5);

    var table = Assignment.assign(OwnerTable.EMPTY, peers, replicas);

    assertDomainsDistinct(table, peers, replicas);
    if (nobodyIsTooLarge(peers, replicas)) {
      assertEvenlyFilled(table, peers);
    }
  }

  @Property(tries = 60)
  void changesAmongPeersOfTheirOwnDomainsMoveNoMoreThanTheyMust(
      @ForAll long seed, @ForAll @IntRange(min = 4, max = 24) int count) {
    var random = new Random(seed);
    var peers = new ArrayList<PeerEntry>();
    for (int i = 0; i < count; i++) {
      peers.add(Pools.peer(random, (3 + random.nextInt(5)) * (100L << 30), "host" + i));
    }

    assertChangesMoveLittle(random, peers, 1, 0);
  }

  /** Moves of one chain may be in each other's way in a partition. */
  @Property(tries = 60)
  void changesAmongPeersThatShareDomainsMoveLittleMoreThanTheyMust(
      @ForAll long seed, @ForAll @IntRange(min = 4, max = 24) int count) {
    var random = new Random(seed);

    assertChangesMoveLittle(random, new ArrayList<>(Pools.mixed(random, count)), 1.1, 16);
  }

  /** By what peers gain, 112 moves were needed; by their domains, more. */
  @Test
  void domainsCountInWhatHasToMove() {
    changesAmongPeersThatShareDomainsMoveLittleMoreThanTheyMust(383_950, 16);
  }

  private static void assertChangesMoveLittle(
      Random random, List<PeerEntry> peers, double factor, int more) {
    int replicas = 3;
    var table = Assignment.assign(OwnerTable.EMPTY, peers, replicas);
    for (int change = 0; change < 6; change++) {
      if (random.nextBoolean() && peers.size() > 3) {
        peers.remove(random.nextInt(peers.size()));
      } else {
        peers.add(Pools.peer(random, (3 + random.nextInt(5)) * (100L << 30), "new" + change));
      }
      var next = Assignment.assign(table, peers, replicas);

      assertDomainsDistinct(next, peers, replicas);
      if (nobodyIsTooLarge(peers, replicas)) {
        assertEvenlyFilled(next, peers);
      }
      int moves = next.movesFrom(table);
      int atLeast = gains(table, next);
      // The exact number takes its time: it is looked for where the easy one is exceeded.
      if (moves > atLeast) {
        int fewest = FewestMoves.between(table, next, domains(peers));
        assertThat(fewest).isGreaterThanOrEqualTo(atLeast);
        assertThat((double) moves).isLessThanOrEqualTo(fewest * factor + more);
      }
      table = next;
    }
  }

  private static Map<NodeId, String> domains(List<PeerEntry> peers) {
    return peers.stream().collect(Collectors.toMap(PeerEntry::node, PeerEntry::failureDomain));
  }

  /** What all peers gain together: no table like this one needs fewer moves. */
  private static int gains(OwnerTable before, OwnerTable after) {
    var nodes = new HashSet<NodeId>();
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      nodes.addAll(after.owners(partition));
    }
    return nodes.stream()
        .mapToInt(node -> Math.max(0, after.partitionCount(node) - before.partitionCount(node)))
        .sum();
  }

  @Test
  void aPeerThatJoinsEqualsGetsItsShareAndNothingElseMoves() {
    var random = new Random(7);
    var peers = new ArrayList<>(Pools.equal(random, 5));
    var before = Assignment.assign(OwnerTable.EMPTY, peers, 3);
    peers.addAll(List.of(Pools.peer(random, 1L << 40, "new")));

    var after = Assignment.assign(before, peers, 3);

    assertThat(after.partitionCount(peers.get(5).node())).isEqualTo(512);
    assertThat(after.movesFrom(before)).isEqualTo(512);
  }

  @Test
  void aPeerThatLeavesEqualsCostsWhatItHeldAndNothingElse() {
    var random = new Random(8);
    var peers = new ArrayList<>(Pools.equal(random, 6));
    var before = Assignment.assign(OwnerTable.EMPTY, peers, 3);
    int held = before.partitionCount(peers.get(2).node());
    peers.remove(2);

    var after = Assignment.assign(before, peers, 3);

    assertThat(after.movesFrom(before)).isEqualTo(held);
  }

  @Test
  void nothingMovesWhenNothingChanges() {
    var random = new Random(9);
    var peers = Pools.mixed(random, 20);
    var before = Assignment.assign(OwnerTable.EMPTY, peers, 3);

    assertThat(Assignment.assign(before, peers, 3).movesFrom(before)).isZero();
  }

  @Test
  void peersThatAreOutOrDrainingOwnNothingAndThoseDownOrAwayKeepTheirs() {
    var random = new Random(10);
    var peers = new ArrayList<>(Pools.equal(random, 6));
    var before = Assignment.assign(OwnerTable.EMPTY, peers, 3);
    peers.set(0, peers.get(0).withState(PeerState.OUT));
    peers.set(1, peers.get(1).withState(PeerState.DRAINING));
    peers.set(2, peers.get(2).withState(PeerState.DOWN));
    peers.set(3, peers.get(3).withState(PeerState.AWAY));

    var after = Assignment.assign(before, peers, 3);

    assertThat(after.partitionCount(peers.get(0).node())).isZero();
    assertThat(after.partitionCount(peers.get(1).node())).isZero();
    assertThat(after.partitionCount(peers.get(2).node())).isEqualTo(768);
    assertThat(after.partitionCount(peers.get(3).node())).isEqualTo(768);
  }

  @Test
  void primariesAreSpreadByCapacity() {
    var random = new Random(11);
    var peers = Pools.equal(random, 4);

    var table = Assignment.assign(OwnerTable.EMPTY, peers, 3);

    for (PeerEntry peer : peers) {
      int primaries = 0;
      for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
        primaries += table.owners(partition).get(0).equals(peer.node()) ? 1 : 0;
      }
      assertThat(primaries).isBetween(230, 282);
    }
  }

  @Test
  void theLargestPoolIsAssignedAndReassigned() {
    var random = new Random(12);
    var peers = new ArrayList<>(Pools.mixed(random, PoolMap.PEERS_MAX));
    var table = Assignment.assign(OwnerTable.EMPTY, peers, 3);
    assertDomainsDistinct(table, peers, 3);

    peers.remove(17);
    var next = Assignment.assign(table, peers, 3);

    assertDomainsDistinct(next, peers, 3);
    assertThat(next.movesFrom(table)).isLessThan(80);
  }

  @Test
  void onePeerOwnsEverythingOnceAndReplicasFollowThePeers() {
    var random = new Random(13);
    var peers = new ArrayList<>(Pools.equal(random, 1));
    var table = Assignment.assign(OwnerTable.EMPTY, peers, 3);
    assertThat(table.copies()).isEqualTo(1);
    peers.addAll(Pools.equal(random, 1));
    table = Assignment.assign(table, peers, 3);
    assertThat(table.copies()).isEqualTo(2);
    assertThat(Assignment.assign(table, List.of(), 3)).isEqualTo(OwnerTable.EMPTY);
  }
}
