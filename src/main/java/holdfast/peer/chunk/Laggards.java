package holdfast.peer.chunk;

import holdfast.model.NodeId;
import java.util.HashMap;
import java.util.Map;

/**
 * Counts, for each peer, the writes that were answered without its copy and go on with it: bounded,
 * since each keeps a body in memory, and a slow peer would take all places. <i>Event: one of three
 * machines is behind 5 Mbit/s; within seconds all bodies waited for it, and a copy onto the two
 * others went at its pace, and failed.</i> Loop thread.
 */
final class Laggards {
  /** Most of them at once. A quarter of the places for clients' bodies. */
  static final int COPIES_MAX = 4;

  private final Map<NodeId, Integer> counts = new HashMap<>();

  /** One more, unless there are too many: then its copy is left to repair. */
  boolean enter(NodeId node) {
    if (isBehind(node)) {
      return false;
    }
    counts.merge(node, 1, Integer::sum);
    return true;
  }

  /** One less. */
  void leave(NodeId node) {
    counts.computeIfPresent(node, (of, count) -> count == 1 ? null : count - 1);
  }

  /** Whether no write that can do without this peer should begin with it. */
  boolean isBehind(NodeId node) {
    return counts.getOrDefault(node, 0) >= COPIES_MAX;
  }
}
