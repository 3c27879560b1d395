package holdfast.placement;

import holdfast.model.NodeId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;

/**
 * Orders the peers that step in for owners that are down: for each partition by weighted rendezvous
 * hashing, so that it changes little as peers come and go.
 */
final class StandIns {
  private record Ranked(PeerEntry peer, double score) {}

  private StandIns() {}

  static List<NodeId> targets(PoolMap map, int partition) {
    var targets = new ArrayList<NodeId>();
    var domains = new HashSet<String>();
    for (NodeId owner : ownersOf(map, partition)) {
      var peer = map.peer(owner);
      if (peer.isPresent() && peer.get().state().isLive()) {
        targets.add(owner);
        domains.add(peer.get().failureDomain());
      }
    }
    var others = new ArrayList<>(ranked(map, partition));
    others.removeIf(peer -> peer.state() != PeerState.UP || targets.contains(peer.node()));
    while (targets.size() < map.settings().replicas() && !others.isEmpty()) {
      int best = 0;
      while (best < others.size() && domains.contains(others.get(best).failureDomain())) {
        best++;
      }
      var next = others.remove(best < others.size() ? best : 0);
      targets.add(next.node());
      domains.add(next.failureDomain());
    }
    return targets;
  }

  static List<NodeId> readers(PoolMap map, int partition) {
    var owners = ownersOf(map, partition);
    var live = new ArrayList<NodeId>();
    var gone = new ArrayList<NodeId>();
    for (NodeId owner : owners) {
      map.peer(owner).ifPresent(peer -> (peer.state().isLive() ? live : gone).add(peer.node()));
    }
    for (PeerEntry peer : ranked(map, partition)) {
      if (!owners.contains(peer.node())) {
        (peer.state().isLive() ? live : gone).add(peer.node());
      }
    }
    live.addAll(gone);
    return live;
  }

  private static List<NodeId> ownersOf(PoolMap map, int partition) {
    return map.table().owners(partition);
  }

  private static List<PeerEntry> ranked(PoolMap map, int partition) {
    var ranked = new ArrayList<Ranked>();
    for (PeerEntry peer : map.peers()) {
      ranked.add(new Ranked(peer, score(peer, partition)));
    }
    ranked.sort(
        Comparator.comparingDouble(Ranked::score)
            .reversed()
            .thenComparing(entry -> entry.peer().node()));
    var peers = new ArrayList<PeerEntry>(ranked.size());
    ranked.forEach(entry -> peers.add(entry.peer()));
    return peers;
  }

  /** Highest wins: each peer wins as often as its capacity's share. */
  private static double score(PeerEntry peer, int partition) {
    // Within (0, 1), never an end of it.
    double uniform = ((hash(peer.node(), partition) >>> 12) + 0.5) / (1L << 52);
    return Math.max(1, peer.capacityBytes()) / -StrictMath.log(uniform);
  }

  /** 64 well mixed bits of a node and a partition. */
  static long hash(NodeId node, int partition) {
    long hash = (partition + 1) * 0x9E3779B97F4A7C15L;
    for (long part : new long[] {node.a(), node.b(), node.c(), node.d()}) {
      hash = (hash ^ part) * 0xBF58476D1CE4E5B9L;
      hash ^= hash >>> 31;
      hash *= 0x94D049BB133111EBL;
      hash ^= hash >>> 29;
    }
    return hash;
  }
}
