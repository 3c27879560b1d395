package holdfast.peer.chunk;

import holdfast.model.NodeId;
import java.util.HashMap;
import java.util.Map;

/**
 * Counts, for each peer, the copies that are on their way to it, and those of them that lag: their
 * writes were answered without them some time ago. These are bounded, since each keeps a body in
 * memory, and a slow peer would take all places. <i>Event: one of three machines is behind 5
 * Mbit/s; within seconds all bodies waited for it, and a copy onto the two others went at its pace,
 * and failed.</i> Loop thread.
 */
final class Laggards {
  /** Most of them at once. A quarter of the places for clients' bodies. */
  static final int COPIES_MAX = 4;

  private static final class Counts {
    int copies;
    int lagging;
  }

  private final Map<NodeId, Counts> counts = new HashMap<>();

  /** A copy is on its way there. */
  void begin(NodeId node) {
    counts.computeIfAbsent(node, of -> new Counts()).copies++;
  }

  /** It lags from now on; false if too many do: then it is left to repair. */
  boolean lag(NodeId node) {
    Counts of = counts.get(node);
    if (of.lagging >= COPIES_MAX) {
      return false;
    }
    of.lagging++;
    return true;
  }

  /** It is there, or has failed. */
  void end(NodeId node, boolean wasLagging) {
    Counts of = counts.get(node);
    of.copies--;
    of.lagging -= wasLagging ? 1 : 0;
    if (of.copies == 0) {
      counts.remove(node);
    }
  }

  /** Whether no write that can do without this peer should begin with it. */
  boolean isBehind(NodeId node) {
    Counts of = counts.get(node);
    return of != null && of.lagging > 0 && of.copies >= COPIES_MAX;
  }
}
