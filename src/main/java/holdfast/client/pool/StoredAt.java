package holdfast.client.pool;

import holdfast.model.ChunkId;
import holdfast.model.NodeId;
import holdfast.util.BoundedMap;
import java.util.List;
import java.util.Map;

/**
 * The peers that wrote the chunks this client stored last, for the fsync that forces them. Loop
 * only.
 */
final class StoredAt {
  /** Most chunks remembered: 256 GiB of full ones. Forgotten ones are looked up in the map. */
  static final int CHUNKS_MAX = 65_536;

  private final Map<ChunkId, List<NodeId>> holders = BoundedMap.of(CHUNKS_MAX);

  void stored(ChunkId chunk, List<NodeId> by) {
    holders.put(chunk, List.copyOf(by));
  }

  /** The holders, or null when not remembered. */
  List<NodeId> ofOrNull(ChunkId chunk) {
    return holders.get(chunk);
  }
}
