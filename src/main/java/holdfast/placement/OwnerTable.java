package holdfast.placement;

import holdfast.model.ChunkId;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;

/** The owners of each of the 1,024 partitions, in order: the first live owner is the primary. */
final class OwnerTable {
  /** Nobody owns anything. */
  public static final OwnerTable EMPTY = new OwnerTable(List.of(), 0, new byte[0]);

  private final List<NodeId> nodes;
  private final int copies;

  /** An index into the nodes for each partition and copy; each partition has {@code copies}. */
  private final byte[] slots;

  OwnerTable(List<NodeId> nodes, int copies, byte[] slots) {
    this.nodes = List.copyOf(nodes);
    this.copies = copies;
    this.slots = slots;
  }

  /** Owners of each partition: the pool's replicas, or as many as there were peers. */
  public int copies() {
    return copies;
  }

  /** The owners of a partition in order; distinct. */
  public List<NodeId> owners(int partition) {
    var owners = new ArrayList<NodeId>(copies);
    for (int i = 0; i < copies; i++) {
      owners.add(nodes.get(slots[partition * copies + i] & 0xFF));
    }
    return owners;
  }

  /** Whether the node owns the partition. */
  public boolean owns(NodeId node, int partition) {
    for (int i = 0; i < copies; i++) {
      if (nodes.get(slots[partition * copies + i] & 0xFF).equals(node)) {
        return true;
      }
    }
    return false;
  }

  /** How many partitions the node owns. */
  public int partitionCount(NodeId node) {
    int index = nodes.indexOf(node);
    int count = 0;
    for (byte slot : slots) {
      count += (slot & 0xFF) == index ? 1 : 0;
    }
    return count;
  }

  /** How many (partition, owner) pairs are here and not in {@code previous}: copies to be made. */
  public int movesFrom(OwnerTable previous) {
    int moves = 0;
    for (int partition = 0; copies > 0 && partition < ChunkId.PARTITION_COUNT; partition++) {
      for (NodeId owner : owners(partition)) {
        moves += previous.copies == 0 || !previous.owns(owner, partition) ? 1 : 0;
      }
    }
    return moves;
  }

  void write(ByteWriter out) {
    out.u8(copies).u8(nodes.size());
    for (NodeId node : nodes) {
      node.write(out);
    }
    out.raw(slots);
  }

  static OwnerTable read(ByteReader in) {
    int copies = in.u8();
    int nodeCount = in.u8();
    var nodes = new ArrayList<NodeId>(nodeCount);
    for (int i = 0; i < nodeCount; i++) {
      nodes.add(NodeId.read(in));
    }
    if (copies > Math.min(PoolSettings.REPLICAS_MAX, nodeCount)
        || new HashSet<>(nodes).size() != nodeCount) {
      throw new ByteReader.Malformed("read owner table: was=" + copies + " of " + nodeCount);
    }
    byte[] slots = in.raw(copies * ChunkId.PARTITION_COUNT);
    for (int i = 0; i < slots.length; i++) {
      boolean isSound = (slots[i] & 0xFF) < nodeCount;
      for (int j = i - i % Math.max(1, copies); j < i; j++) {
        isSound &= slots[j] != slots[i];
      }
      if (!isSound) {
        throw new ByteReader.Malformed("read owner table: was=a bad owner at " + i);
      }
    }
    return new OwnerTable(nodes, copies, slots);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof OwnerTable table
        && copies == table.copies
        && nodes.equals(table.nodes)
        && Arrays.equals(slots, table.slots);
  }

  @Override
  public int hashCode() {
    return nodes.hashCode() * 31 + Arrays.hashCode(slots);
  }
}
