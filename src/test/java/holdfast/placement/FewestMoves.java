package holdfast.placement;

import holdfast.model.ChunkId;
import holdfast.model.NodeId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The fewest moves from one owner table to any table in which each peer owns as many partitions as
 * in another one, and each partition has owners of different domains where there are enough: a flow
 * of least cost from partitions over domains to peers, where keeping an owner costs nothing and a
 * new one costs 1. Successive shortest paths (Ahuja, Magnanti, Orlin, Network Flows, 9.7).
 */
final class FewestMoves {
  private static final int SOURCE = 0;
  private static final int SINK = 1;

  private final List<int[]> edges = new ArrayList<>(); // from, to, capacity left, cost
  private final List<List<Integer>> edgesOf = new ArrayList<>();

  private FewestMoves() {}

  /** {@code domains} tells of each owner in {@code after} what it fails together with. */
  static int between(OwnerTable before, OwnerTable after, Map<NodeId, String> domains) {
    var graph = new FewestMoves();
    graph.node();
    graph.node();
    Map<NodeId, Integer> peers = new HashMap<>();
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      after.owners(partition).forEach(owner -> peers.computeIfAbsent(owner, x -> graph.node()));
    }
    peers.forEach((peer, node) -> graph.edge(node, SINK, after.partitionCount(peer), 0));
    // Partitions with the same owners before are alike.
    Map<Set<NodeId>, Integer> groups = new HashMap<>();
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      groups.merge(new HashSet<>(before.owners(partition)), 1, Integer::sum);
    }
    int copies = after.owners(0).size();
    // Where there are fewer domains than copies, each has one copy at least: one of them may have
    // all the others. Exact up to three copies; a lower bound where more are to be spread.
    int perDomain = copies - Math.min(copies, new HashSet<>(domains.values()).size()) + 1;
    groups.forEach(
        (owners, count) -> {
          int group = graph.node();
          graph.edge(SOURCE, group, count * copies, 0);
          // So many of a domain in all partitions that are alike.
          Map<String, Integer> inDomain = new HashMap<>();
          peers.forEach(
              (peer, node) -> {
                int domain =
                    inDomain.computeIfAbsent(
                        domains.get(peer),
                        name -> {
                          int made = graph.node();
                          graph.edge(group, made, count * perDomain, 0);
                          return made;
                        });
                graph.edge(domain, node, count, owners.contains(peer) ? 0 : 1);
              });
        });
    return graph.cost();
  }

  private int node() {
    edgesOf.add(new ArrayList<>());
    return edgesOf.size() - 1;
  }

  private void edge(int from, int to, int capacity, int cost) {
    edgesOf.get(from).add(edges.size());
    edges.add(new int[] {from, to, capacity, cost});
    edgesOf.get(to).add(edges.size());
    edges.add(new int[] {to, from, 0, -cost});
  }

  private int cost() {
    int total = 0;
    int[] cameBy = new int[edgesOf.size()];
    for (int cost = shortest(cameBy); cost >= 0; cost = shortest(cameBy)) {
      int units = Integer.MAX_VALUE;
      for (int at = SINK; at != SOURCE; at = edges.get(cameBy[at])[0]) {
        units = Math.min(units, edges.get(cameBy[at])[2]);
      }
      for (int at = SINK; at != SOURCE; at = edges.get(cameBy[at])[0]) {
        edges.get(cameBy[at])[2] -= units;
        edges.get(cameBy[at] ^ 1)[2] += units;
      }
      total += units * cost;
    }
    return total;
  }

  /** Cost of the cheapest path with room left, -1 if there is none. */
  private int shortest(int[] cameBy) {
    int[] costs = new int[edgesOf.size()];
    Arrays.fill(costs, Integer.MAX_VALUE);
    boolean[] isQueued = new boolean[costs.length];
    costs[SOURCE] = 0;
    var queue = new ArrayDeque<>(List.of(SOURCE));
    while (!queue.isEmpty()) {
      int at = queue.poll();
      isQueued[at] = false;
      for (int number : edgesOf.get(at)) {
        int[] edge = edges.get(number);
        if (edge[2] > 0 && costs[at] + edge[3] < costs[edge[1]]) {
          costs[edge[1]] = costs[at] + edge[3];
          cameBy[edge[1]] = number;
          if (!isQueued[edge[1]]) {
            isQueued[edge[1]] = true;
            queue.add(edge[1]);
          }
        }
      }
    }
    return costs[SINK] == Integer.MAX_VALUE ? -1 : costs[SINK];
  }
}
