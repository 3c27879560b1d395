package holdfast.placement;

import holdfast.model.ChunkId;
import java.util.ArrayDeque;
import java.util.Arrays;

/**
 * The shortest chain of moves from a peer above its quota to one below: usually one move; more
 * where failure domains stand between the two.
 */
final class MoveChain {
  private final Assignment assignment;
  private final boolean onlyNew;
  private final int[] previousPeer;
  private final int[] partitionMoved;
  private final ArrayDeque<Integer> queue = new ArrayDeque<>();

  MoveChain(Assignment assignment, boolean onlyNew) {
    this.assignment = assignment;
    this.onlyNew = onlyNew;
    this.previousPeer = new int[assignment.peerCount()];
    this.partitionMoved = new int[assignment.peerCount()];
  }

  /** Makes the moves; false if there is nothing to even out or no way to. */
  boolean apply() {
    Arrays.fill(previousPeer, -2);
    for (int peer = 0; peer < assignment.peerCount(); peer++) {
      if (assignment.isAboveQuota(peer)) {
        previousPeer[peer] = -1;
        queue.add(peer);
      }
    }
    while (!queue.isEmpty()) {
      int end = expand(queue.remove());
      if (end >= 0) {
        return moveAlong(end);
      }
    }
    return false;
  }

  /** Finds who could take something over from the peer; returns one below its quota, or -1. */
  private int expand(int from) {
    for (int to = 0; to < assignment.peerCount(); to++) {
      if (previousPeer[to] != -2) {
        continue;
      }
      for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
        if (assignment.movable(partition, from, to, onlyNew) >= 0) {
          previousPeer[to] = from;
          partitionMoved[to] = partition;
          queue.add(to);
          break;
        }
      }
      if (previousPeer[to] == from && assignment.isBelowQuota(to)) {
        return to;
      }
    }
    return -1;
  }

  /** Moves from the end of the chain on, so that each link is checked against what then holds. */
  private boolean moveAlong(int end) {
    int to = end;
    boolean hasMoved = false;
    while (previousPeer[to] >= 0) {
      int from = previousPeer[to];
      int place = assignment.movable(partitionMoved[to], from, to, onlyNew);
      if (place < 0) {
        return hasMoved;
      }
      assignment.move(partitionMoved[to], place, to);
      hasMoved = true;
      to = from;
    }
    return hasMoved;
  }
}
