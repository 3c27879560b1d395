package holdfast.placement;

import holdfast.model.ChunkId;
import holdfast.model.NodeId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Computes the owner table: distinct failure domains first, as many as exist; then load by
 * capacity; then the fewest moves from the table before.
 *
 * <p>What can stay stays. Empty places go to whoever is farthest below its quota and allowed there.
 * What is uneven then is evened out along the cheapest chains of moves.
 */
final class Assignment {
  /**
   * Chains tried at most: each brings two peers nearer to their quotas, so copies times partitions
   * are enough, but for those that break off where domains are shared.
   */
  private static final int CHAINS_MAX = 8 * ChunkId.PARTITION_COUNT;

  private final List<PeerEntry> peers;
  private final int copies;
  private final int[] domains;
  private final int domainCount;

  /** Owners of each partition as indexes into the peers; -1 is an empty place. */
  private final int[][] owners;

  /** Whether the peer owned the partition before. */
  private final boolean[][] wasOwner;

  private final int[] counts;
  private final int[] quotas;

  private Assignment(OwnerTable previous, List<PeerEntry> peers, int copies) {
    this.peers = peers;
    this.copies = copies;
    this.domains = new int[peers.size()];
    Map<String, Integer> domainIndexes = new HashMap<>();
    for (int i = 0; i < domains.length; i++) {
      var domain = peers.get(i).failureDomain();
      domains[i] = domainIndexes.computeIfAbsent(domain, d -> domainIndexes.size());
    }
    this.domainCount = domainIndexes.size();
    this.counts = new int[peers.size()];
    this.wasOwner = new boolean[ChunkId.PARTITION_COUNT][peers.size()];
    int[][] kept = keep(previous);
    long[] capacities = peers.stream().mapToLong(PeerEntry::capacityBytes).toArray();
    this.quotas = Quotas.of(capacities, domains, domainCount, counts, copies);
    this.owners = shorten(kept);
  }

  /**
   * The table for these peers.
   *
   * @param peers each once; those that are out or draining get nothing
   * @param replicas owners of each partition wanted
   */
  public static OwnerTable assign(OwnerTable previous, List<PeerEntry> peers, int replicas) {
    var assignable = new ArrayList<PeerEntry>();
    for (PeerEntry peer : peers) {
      if (peer.state().isAssignable()) {
        assignable.add(peer);
      }
    }
    if (assignable.isEmpty()) {
      return OwnerTable.EMPTY;
    }
    assignable.sort((left, right) -> left.node().compareTo(right.node()));
    int copies = Math.min(replicas, assignable.size());
    var assignment = new Assignment(previous, assignable, copies);
    assignment.fill();
    assignment.even();
    assignment.spreadPrimaries(previous);
    return assignment.table();
  }

  /** The owners of each partition that are still peers; their number may be any. */
  private int[][] keep(OwnerTable previous) {
    Map<NodeId, Integer> indexes = new HashMap<>();
    for (int i = 0; i < peers.size(); i++) {
      indexes.put(peers.get(i).node(), i);
    }
    int[][] kept = new int[ChunkId.PARTITION_COUNT][];
    for (int partition = 0; partition < kept.length; partition++) {
      var left = new ArrayList<Integer>();
      for (NodeId owner : previous.owners(partition)) {
        Integer index = indexes.get(owner);
        if (index != null) {
          left.add(index);
          counts[index]++;
          wasOwner[partition][index] = true;
        }
      }
      kept[partition] = left.stream().mapToInt(i -> i).toArray();
    }
    return kept;
  }

  /** Drops owners that are too many or share a domain where they need not; pads with -1. */
  private int[][] shorten(int[][] kept) {
    int[][] result = new int[kept.length][];
    for (int partition = 0; partition < kept.length; partition++) {
      var left = new ArrayList<Integer>();
      for (int owner : kept[partition]) {
        left.add(owner);
      }
      while (left.size() > copies || !leavesRoom(left)) {
        Integer worst = worst(left);
        left.remove(worst);
        counts[worst]--;
      }
      while (left.size() < copies) {
        left.add(-1);
      }
      result[partition] = left.stream().mapToInt(i -> i).toArray();
    }
    return result;
  }

  /** Whether the owners can be completed to as many domains as possible. */
  private boolean leavesRoom(List<Integer> left) {
    int distinct = distinctDomains(left.stream().mapToInt(i -> i).toArray());
    return distinct + (copies - left.size()) >= Math.min(copies, domainCount);
  }

  /** Of those who share a domain, or of all if none do: who is farthest above its quota. */
  private Integer worst(List<Integer> left) {
    boolean anyShares = distinctDomains(left.stream().mapToInt(i -> i).toArray()) < left.size();
    Integer worst = null;
    for (Integer candidate : left) {
      boolean shares = left.stream().filter(i -> domains[i] == domains[candidate]).count() > 1;
      if (anyShares && !shares) {
        continue;
      }
      if (worst == null || surplus(candidate) > surplus(worst)) {
        worst = candidate;
      }
    }
    return worst;
  }

  /** Partitions the peer has above its quota; negative if below. */
  int surplus(int peer) {
    return counts[peer] - quotas[peer];
  }

  private int distinctDomains(int[] set) {
    int distinct = 0;
    for (int i = 0; i < set.length; i++) {
      boolean isFirst = set[i] >= 0;
      for (int j = 0; isFirst && j < i; j++) {
        isFirst = set[j] < 0 || domains[set[j]] != domains[set[i]];
      }
      distinct += isFirst ? 1 : 0;
    }
    return distinct;
  }

  private void fill() {
    for (int partition = 0; partition < owners.length; partition++) {
      for (int place = 0; place < copies; place++) {
        if (owners[partition][place] < 0) {
          int peer = neediest(partition, place);
          owners[partition][place] = peer;
          counts[peer]++;
        }
      }
    }
  }

  private int neediest(int partition, int place) {
    int best = -1;
    double bestNeed = 0;
    for (int peer = 0; peer < quotas.length; peer++) {
      if (!mayOwn(partition, place, peer)) {
        continue;
      }
      double need = (quotas[peer] - counts[peer]) / (double) Math.max(1, quotas[peer]);
      boolean isBetter = best < 0 || need > bestNeed;
      boolean isTie = best >= 0 && need == bestNeed;
      if (isBetter || isTie && rank(peer, partition) > rank(best, partition)) {
        best = peer;
        bestNeed = need;
      }
    }
    return best;
  }

  private long rank(int peer, int partition) {
    return StandIns.hash(peers.get(peer).node(), partition);
  }

  /** Whether the peer may stand in that place, given the partition's other owners. */
  boolean mayOwn(int partition, int place, int peer) {
    int[] set = owners[partition];
    int free = 0;
    int distinct = 1;
    for (int i = 0; i < set.length; i++) {
      if (i == place) {
        continue;
      }
      if (set[i] == peer) {
        return false;
      }
      if (set[i] < 0) {
        free++;
        continue;
      }
      boolean isNew = domains[set[i]] != domains[peer];
      for (int j = 0; isNew && j < i; j++) {
        isNew = j == place || set[j] < 0 || domains[set[j]] != domains[set[i]];
      }
      distinct += isNew ? 1 : 0;
    }
    return distinct + free >= Math.min(copies, domainCount);
  }

  private void even() {
    var chain = new MoveChain(this);
    int chains = 0;
    while (chains < CHAINS_MAX && chain.apply()) {
      chains++;
    }
  }

  int peerCount() {
    return quotas.length;
  }

  int copies() {
    return copies;
  }

  int owner(int partition, int place) {
    return owners[partition][place];
  }

  /** The place of the owner in that partition, -1 if it owns none. */
  int place(int partition, int owner) {
    for (int place = 0; place < copies; place++) {
      if (owners[partition][place] == owner) {
        return place;
      }
    }
    return -1;
  }

  /** Copies to be made more, -1 to 1, if the partition goes from one peer to the other. */
  int cost(int partition, int from, int to) {
    return (wasOwner[partition][from] ? 1 : 0) - (wasOwner[partition][to] ? 1 : 0);
  }

  void move(int partition, int place, int to) {
    counts[owners[partition][place]]--;
    owners[partition][place] = to;
    counts[to]++;
  }

  /** Reorders owners, which moves no data, so that each is primary of its share. */
  private void spreadPrimaries(OwnerTable previous) {
    int[] primaries = new int[quotas.length];
    for (int[] set : owners) {
      primaries[set[0]]++;
    }
    for (int partition = 0; partition < owners.length; partition++) {
      int[] set = owners[partition];
      int best = 0;
      for (int place = 1; place < copies; place++) {
        boolean hasData =
            previous.copies() == 0
                || previous.owns(peers.get(set[place]).node(), partition)
                || !previous.owns(peers.get(set[0]).node(), partition);
        if (hasData
            && primaryLoad(primaries, set[place], 1)
                < primaryLoad(primaries, set[best], best == 0 ? 0 : 1)) {
          best = place;
        }
      }
      primaries[set[0]]--;
      primaries[set[best]]++;
      int first = set[0];
      set[0] = set[best];
      set[best] = first;
    }
  }

  private double primaryLoad(int[] primaries, int peer, int more) {
    return (primaries[peer] + more) / (double) Math.max(1, quotas[peer]);
  }

  private OwnerTable table() {
    byte[] slots = new byte[copies * owners.length];
    for (int partition = 0; partition < owners.length; partition++) {
      for (int place = 0; place < copies; place++) {
        slots[partition * copies + place] = (byte) owners[partition][place];
      }
    }
    return new OwnerTable(peers.stream().map(PeerEntry::node).toList(), copies, slots);
  }
}
