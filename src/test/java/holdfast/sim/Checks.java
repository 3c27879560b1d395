package holdfast.sim;

import holdfast.consensus.RaftCore;
import holdfast.consensus.Role;
import holdfast.metadata.Namespace;
import holdfast.model.ChunkId;
import holdfast.model.NodeId;
import holdfast.placement.PoolMap;
import holdfast.protocol.PoolStatus;
import holdfast.util.Invariants;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** What must hold at any moment, and what must hold when all is well again. */
final class Checks {
  private final SimCluster cluster;
  private final Map<Long, NodeId> leaders = new HashMap<>();
  private final Map<Long, Long> committedTerms = new HashMap<>();
  private final Map<NodeId, Long> checkedIndex = new HashMap<>();
  private final Map<Long, byte[]> digests = new HashMap<>();

  Checks(SimCluster cluster) {
    this.cluster = cluster;
  }

  /** Raft's own invariants, over all peers that run. */
  void always() {
    for (SimPeer peer : cluster.livePeers()) {
      peer.access().core().ifPresent(core -> check(peer, core));
    }
  }

  private void check(SimPeer peer, RaftCore core) {
    if (core.role() == Role.ENDED) {
      return; // What it commits now belongs to the next log.
    }
    if (core.role() == Role.LEADER) {
      NodeId other = leaders.putIfAbsent(core.term(), peer.id());
      if (other != null && !other.equals(peer.id())) {
        throw fail("two leaders in term " + core.term());
      }
    }
    long from = checkedIndex.getOrDefault(peer.id(), 0L);
    // Downwards: another log begins at far higher indexes.
    for (long index = core.commitIndex(); index > from; index--) {
      long term = termOrZero(core, index);
      if (term == 0) {
        break;
      }
      Long before = committedTerms.putIfAbsent(index, term);
      if (before != null && before != term) {
        throw fail("entry " + index + " committed with terms " + before + ", " + term);
      }
    }
    checkedIndex.put(peer.id(), core.commitIndex());
  }

  /** What the core itself holds, written or not; 0 where a snapshot took the entry's place. */
  private static long termOrZero(RaftCore core, long index) {
    try {
      return core.snapshotMeta(index).term();
    } catch (Invariants.Violation e) {
      return 0;
    }
  }

  /** Peers that have applied as much hold the same; dear, so now and then only. */
  void sameStates() {
    for (SimPeer peer : cluster.livePeers()) {
      if (peer.access().core().isPresent() && peer.access().isReady()) {
        byte[] digest = peer.access().digest();
        byte[] before = digests.putIfAbsent(peer.access().appliedIndex(), digest);
        if (before != null && !Arrays.equals(before, digest)) {
          throw fail("states differ at index " + peer.access().appliedIndex());
        }
      }
    }
  }

  /** A status that says safe, asked for when {@code before} was the state, must be right. */
  void checkStatus(PoolStatus status, Namespace before, PoolMap mapThen) {
    if (!status.safe()) {
      return;
    }
    var leader = cluster.leader();
    if (leader.isEmpty() || !leader.get().access().map().orElseThrow().equals(mapThen)) {
      return;
    }
    Namespace now = leader.get().access().namespace();
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      for (Iterator<ChunkId> i = before.referencedChunks(partition); i.hasNext(); ) {
        ChunkId chunk = i.next();
        if (now.references(chunk)) {
          int copies = copies(chunk, liveOwners(mapThen, partition));
          int wanted = wanted(mapThen);
          if (copies < wanted) {
            throw fail("status says safe, chunk " + chunk + " has " + copies + " of " + wanted);
          }
        }
      }
    }
  }

  /** When all is well: every chunk is at each of its owners. */
  void everyChunkIsWhole() {
    var leader = cluster.leader().orElseThrow();
    PoolMap map = leader.access().map().orElseThrow();
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      Iterator<ChunkId> chunks = leader.access().namespace().referencedChunks(partition);
      while (chunks.hasNext()) {
        ChunkId chunk = chunks.next();
        int copies = copies(chunk, map.owners(partition));
        if (copies < wanted(map)) {
          throw fail("chunk " + chunk + " has " + copies + " of " + wanted(map) + " copies");
        }
      }
    }
  }

  private static int wanted(PoolMap map) {
    long up = map.peers().stream().filter(peer -> peer.state().isLive()).count();
    return (int) Math.min(map.settings().replicas(), up);
  }

  private static List<NodeId> liveOwners(PoolMap map, int partition) {
    return map.owners(partition).stream()
        .filter(node -> map.peer(node).map(p -> p.state().isLive()).orElse(false))
        .toList();
  }

  private int copies(ChunkId chunk, List<NodeId> nodes) {
    return (int)
        cluster.peers().stream()
            .filter(peer -> nodes.contains(peer.id()) && peer.store().holds(chunk))
            .count();
  }

  CheckFailure fail(String what) {
    return new CheckFailure(replay(what));
  }

  /** A message with how to see it again. */
  String replay(String what) {
    return what
        + "; replay with -Dseed="
        + cluster.options().seed()
        + " -Dtrace=true, last notes:\n"
        + cluster.world().trace().tail();
  }
}
