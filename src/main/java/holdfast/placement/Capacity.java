package holdfast.placement;

import holdfast.model.ChunkId;
import java.util.function.ToLongFunction;

/** Computes what the owner table can use of the peers' disks. */
final class Capacity {
  private Capacity() {}

  static long usableBytes(PoolMap map) {
    return limitBytes(map, PeerEntry::capacityBytes);
  }

  static long freeBytes(PoolMap map) {
    return limitBytes(map, entry -> Math.max(0, entry.capacityBytes() - entry.usedBytes()));
  }

  private static long limitBytes(PoolMap map, ToLongFunction<PeerEntry> roomBytes) {
    long limit = Long.MAX_VALUE;
    boolean isOwned = false;
    for (PeerEntry entry : map.peers()) {
      int partitions = map.table().partitionCount(entry.node());
      if (partitions > 0) {
        double room = (double) roomBytes.applyAsLong(entry);
        limit = Math.min(limit, (long) (room / partitions * ChunkId.PARTITION_COUNT));
        isOwned = true;
      }
    }
    return isOwned ? limit : 0;
  }
}
