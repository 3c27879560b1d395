package holdfast.client.pool;

import holdfast.model.NodeId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Estimates how long each peer would take to store a chunk: from how long it took lately, and from
 * how long what it has now has lasted. So the quickest target takes a chunk and hands it on.
 * <i>Event: one of three machines is behind 5 Mbit/s; a third of a large copy went through it, at
 * its pace.</i> Loop only.
 */
final class StoreTimes {
  /** What a peer took so long ago says nothing any more: it is tried again, with one chunk. */
  static final long FORGOTTEN_NS = 300_000_000_000L;

  /** A failure counts as so much longer. */
  private static final long FAILED_NS = 2_500_000_000L;

  /** More than anything that is known. */
  private static final double UNKNOWN_NS = 1e18;

  /** Weight of what was measured last: one part in so many. */
  private static final int SMOOTHING = 4;

  private static final class Times {
    /** In the order in which they began. */
    final Deque<Store> open = new ArrayDeque<>();

    long openBytes;

    /** Of what has ended; 0: nothing is known. */
    double nsPerByte;

    long endedNs;
  }

  /** One chunk on its way to a peer. */
  record Store(NodeId to, long bytes, long beganNs) {}

  private final Map<NodeId, Times> times = new HashMap<>();

  /** A chunk is sent there. */
  Store begin(NodeId to, long bytes, long nowNs) {
    var store = new Store(to, Math.max(1, bytes), nowNs);
    Times of = times.computeIfAbsent(to, node -> new Times());
    of.open.add(store);
    of.openBytes += store.bytes();
    return store;
  }

  /** It was stored there, or not: a peer that fails at once is no quick one. */
  void end(Store store, boolean isStored, long nowNs) {
    Times of = times.get(store.to());
    if (of != null && of.open.remove(store)) {
      long tookNs = nowNs - store.beganNs();
      double took = (double) (isStored ? tookNs : tookNs + FAILED_NS) / store.bytes();
      of.nsPerByte = isKnown(of, nowNs) ? of.nsPerByte + (took - of.nsPerByte) / SMOOTHING : took;
      of.endedNs = nowNs;
      of.openBytes -= store.bytes();
    }
  }

  /** The first of those that would be done first; the list isn't empty. */
  NodeId quickest(List<NodeId> targets, long bytes, long nowNs) {
    NodeId quickest = targets.getFirst();
    double leastNs = Double.MAX_VALUE;
    for (NodeId target : targets) {
      double ns = estimateNs(target, bytes, nowNs);
      if (ns < leastNs) {
        leastNs = ns;
        quickest = target;
      }
    }
    return quickest;
  }

  /** Of whom nothing is known gets one chunk, and then only what nobody else is known to take. */
  private double estimateNs(NodeId node, long bytes, long nowNs) {
    Times of = times.get(node);
    if (of == null) {
      return 0;
    }
    double nsPerByte = isKnown(of, nowNs) ? of.nsPerByte : 0;
    if (of.open.isEmpty()) {
      return nsPerByte * bytes;
    }
    if (nsPerByte == 0) {
      return UNKNOWN_NS + of.openBytes;
    }
    Store oldest = of.open.getFirst();
    double atLeast = (double) (nowNs - oldest.beganNs()) / of.openBytes;
    return Math.max(nsPerByte, atLeast) * (of.openBytes + bytes);
  }

  private static boolean isKnown(Times of, long nowNs) {
    return of.nsPerByte > 0 && nowNs - of.endedNs < FORGOTTEN_NS;
  }
}
