package holdfast.peer.chunk;

import holdfast.model.ChunkId;
import holdfast.model.NodeId;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerFault;
import holdfast.placement.PeerEntry;
import holdfast.placement.PoolMap;
import holdfast.port.Transport;
import java.util.BitSet;
import java.util.List;
import java.util.Set;

/**
 * Translates a pool map for this peer: which partitions are its own, and where copies may be found.
 */
public final class OwnedPartitions {
  private final Leadership leadership;
  private final Heartbeats heartbeats;
  private final Transport transport;
  private final Set<PeerFault> faults;
  private BitSet firstOwned;

  public OwnedPartitions(
      Leadership leadership, Heartbeats heartbeats, Transport transport, Set<PeerFault> faults) {
    this.leadership = leadership;
    this.heartbeats = heartbeats;
    this.transport = transport;
    this.faults = faults;
  }

  /** The partitions this peer owns under the map; the transport learns where the peers are. */
  public BitSet adopt(PoolMap map) {
    for (PeerEntry peer : map.peers()) {
      transport.learn(peer.node(), List.of(peer.address()));
    }
    var ours = new BitSet();
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      if (map.owns(leadership.self(), partition)) {
        ours.set(partition);
      }
    }
    if (faults.contains(PeerFault.REPAIR_BY_FIRST_MAP) && !ours.isEmpty()) {
      firstOwned = firstOwned == null ? ours : firstOwned;
      return firstOwned;
    }
    return ours;
  }

  /** Who may have a chunk, live owners first; never this peer. */
  public List<NodeId> sources(ChunkId chunk) {
    return leadership.map().orElseThrow().readers(chunk.partition()).stream()
        .filter(node -> !node.equals(leadership.self()))
        .filter(node -> !heartbeats.isSuspect(node))
        .toList();
  }

  /** How many others that are up own the chunk. */
  public int liveOwners(ChunkId chunk) {
    var map = leadership.map().orElseThrow();
    return (int)
        map.owners(chunk.partition()).stream()
            .filter(node -> !node.equals(leadership.self()))
            .filter(node -> map.peer(node).map(p -> p.state().isLive()).orElse(false))
            .count();
  }
}
