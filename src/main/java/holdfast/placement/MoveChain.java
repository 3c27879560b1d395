package holdfast.placement;

import holdfast.model.ChunkId;
import java.util.Arrays;

/**
 * Finds chains of moves from a peer above its quota to one below, the cheapest first, so that few
 * copies are made: to give a partition to a peer that didn't own it costs a copy, to take it from
 * one that didn't own it either saves that one. Usually a chain is one move; more where failure
 * domains stand between the two, or where a partition that has moved already can move on.
 *
 * <p>Successive shortest paths (Ahuja, Magnanti, Orlin, Network Flows, 9.7) over the peers: exact
 * where each peer is its own domain. Where peers share domains, two moves of one chain may touch
 * the same partition and forbid each other: then it is near.
 */
final class MoveChain {
  /** More than any chain has links: a copy counts more than all of them. */
  private static final int COPY = 256;

  private static final int UNREACHED = Integer.MAX_VALUE;

  private final Assignment assignment;
  private final int peerCount;

  /** Partitions that may go from one peer to another, by what that costs, -1 to 1, plus 1. */
  private final short[][][] ways;

  private final int[] costs;
  private final int[] previousPeer;

  MoveChain(Assignment assignment) {
    this.assignment = assignment;
    this.peerCount = assignment.peerCount();
    this.ways = new short[3][peerCount][peerCount];
    this.costs = new int[peerCount];
    this.previousPeer = new int[peerCount];
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      count(partition, 1);
    }
  }

  private void count(int partition, int change) {
    for (int place = 0; place < assignment.copies(); place++) {
      int from = assignment.owner(partition, place);
      for (int to = 0; to < peerCount; to++) {
        if (assignment.mayOwn(partition, place, to)) {
          ways[assignment.cost(partition, from, to) + 1][from][to] += (short) change;
        }
      }
    }
  }

  /** Makes the moves of one chain; false if there is nothing to even out or no way to. */
  boolean apply() {
    findChains();
    int end = -1;
    for (int peer = 0; peer < peerCount; peer++) {
      if (assignment.surplus(peer) < 0
          && costs[peer] != UNREACHED
          && (end < 0 || costs[peer] < costs[end])) {
        end = peer;
      }
    }
    return end >= 0 && moveAlong(end);
  }

  /** The cheapest chain to each peer from any above its quota (Bellman and Ford). */
  private void findChains() {
    Arrays.fill(costs, UNREACHED);
    Arrays.fill(previousPeer, -1);
    for (int peer = 0; peer < peerCount; peer++) {
      if (assignment.surplus(peer) > 0) {
        costs[peer] = 0;
      }
    }
    boolean hasChanged = true;
    for (int links = 1; hasChanged && links < peerCount; links++) {
      hasChanged = false;
      for (int from = 0; from < peerCount; from++) {
        hasChanged |= costs[from] != UNREACHED && extend(from);
      }
    }
  }

  /** Whether a chain to some peer became cheaper by going over {@code from}. */
  private boolean extend(int from) {
    boolean hasChanged = false;
    for (int to = 0; to < peerCount; to++) {
      int step = cheapest(from, to);
      if (step != UNREACHED && costs[from] + step < costs[to] && !leadsOver(from, to)) {
        costs[to] = costs[from] + step;
        previousPeer[to] = from;
        hasChanged = true;
      }
    }
    return hasChanged;
  }

  private int cheapest(int from, int to) {
    for (int cost = -1; cost <= 1; cost++) {
      if (ways[cost + 1][from][to] > 0) {
        return cost * COPY + 1;
      }
    }
    return UNREACHED;
  }

  /** Whether the chain to {@code end} has the peer in it: no chain may bite its tail. */
  private boolean leadsOver(int end, int peer) {
    int at = end;
    while (at >= 0 && at != peer) {
      at = previousPeer[at];
    }
    return at == peer;
  }

  /** Moves from the end of the chain on, so that each link is checked against what then holds. */
  private boolean moveAlong(int end) {
    boolean hasMoved = false;
    for (int to = end; previousPeer[to] >= 0; to = previousPeer[to]) {
      if (!moveCheapest(previousPeer[to], to)) {
        return hasMoved;
      }
      hasMoved = true;
    }
    return hasMoved;
  }

  private boolean moveCheapest(int from, int to) {
    for (int cost = -1; cost <= 1; cost++) {
      for (int partition = 0;
          ways[cost + 1][from][to] > 0 && partition < ChunkId.PARTITION_COUNT;
          partition++) {
        int place = assignment.place(partition, from);
        if (place >= 0
            && assignment.cost(partition, from, to) == cost
            && assignment.mayOwn(partition, place, to)) {
          count(partition, -1);
          assignment.move(partition, place, to);
          count(partition, 1);
          return true;
        }
      }
    }
    return false;
  }
}
