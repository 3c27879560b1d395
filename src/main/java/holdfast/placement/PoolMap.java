package holdfast.placement;

import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;

/**
 * The pool map: the peers of a pool and who owns which partition. Only the leader makes a new one;
 * every node that has one finds every chunk without asking.
 *
 * @param peers ascending by node id, at most {@value #PEERS_MAX}
 */
public record PoolMap(
    MapVersion version, PoolSettings settings, List<PeerEntry> peers, OwnerTable table) {
  /** Most peers of a pool. */
  public static final int PEERS_MAX = 255;

  /** Longest encoding, in bytes. */
  public static final int ENCODED_MAX_BYTES = 200 << 10;

  /** Checks number and order of the peers; throws {@link IllegalArgumentException}. */
  public PoolMap {
    peers = List.copyOf(peers);
    boolean isSound = peers.size() <= PEERS_MAX;
    for (int i = 1; i < peers.size(); i++) {
      isSound &= peers.get(i - 1).node().compareTo(peers.get(i).node()) < 0;
    }
    if (!isSound) {
      throw new IllegalArgumentException(
          "check pool map: expected=" + PEERS_MAX + " peers at most, each once and in order");
    }
  }

  /** A map without peers. */
  public static PoolMap empty(MapVersion version, PoolSettings settings) {
    return new PoolMap(version, settings, List.of(), OwnerTable.EMPTY);
  }

  /**
   * The map that follows: other settings or peers, in any order, each once; and the table that fits
   * them with the fewest moves.
   */
  public PoolMap next(MapVersion newVersion, PoolSettings newSettings, List<PeerEntry> newPeers) {
    var sorted = new ArrayList<>(newPeers);
    sorted.sort(Comparator.comparing(PeerEntry::node));
    var newTable = Assignment.assign(table, sorted, newSettings.replicas());
    return new PoolMap(newVersion, newSettings, sorted, newTable);
  }

  /** As {@link #next}, with one peer added or replaced. */
  public PoolMap withPeer(MapVersion newVersion, PeerEntry peer) {
    var newPeers = new ArrayList<>(peers);
    newPeers.removeIf(entry -> entry.node().equals(peer.node()));
    newPeers.add(peer);
    return next(newVersion, settings, newPeers);
  }

  /** The peer of that id. */
  public Optional<PeerEntry> peer(NodeId node) {
    for (PeerEntry entry : peers) {
      if (entry.node().equals(node)) {
        return Optional.of(entry);
      }
    }
    return Optional.empty();
  }

  /** The owners of a partition in order, whatever their state. */
  public List<NodeId> owners(int partition) {
    return table.owners(partition);
  }

  /** Whether the table lists the node as an owner. */
  public boolean owns(NodeId node, int partition) {
    return table.owns(node, partition);
  }

  /**
   * Where a partition's chunks are written now: its live owners in order, the first one being the
   * primary, then live stand-ins, up to the pool's replicas. Empty if no peer is live.
   */
  public List<NodeId> targets(int partition) {
    return StandIns.targets(this, partition);
  }

  /**
   * Where a partition's chunks may be read, most likely first: live owners, live others, then those
   * that are not live.
   */
  public List<NodeId> readers(int partition) {
    return StandIns.readers(this, partition);
  }

  /**
   * Whether a chunk that these nodes store may be acknowledged: {@code min-copies} failure domains
   * have it, or all live ones if those are fewer; with one domain live, as many of its peers.
   */
  public boolean suffices(Collection<NodeId> holders) {
    int livePeers = 0;
    int holdingPeers = 0;
    var liveDomains = new HashSet<String>();
    var holdingDomains = new HashSet<String>();
    for (PeerEntry entry : peers) {
      if (entry.state().isLive()) {
        livePeers++;
        liveDomains.add(entry.failureDomain());
      }
      if (holders.contains(entry.node())) {
        holdingPeers++;
        holdingDomains.add(entry.failureDomain());
      }
    }
    boolean countsDomains = liveDomains.size() > 1;
    int needed = Math.min(settings.minCopies(), countsDomains ? liveDomains.size() : livePeers);
    return (countsDomains ? holdingDomains.size() : holdingPeers) >= Math.max(1, needed);
  }

  /**
   * Bytes of file data that fit into the pool: chunks spread evenly over the partitions, so the
   * owner with the least room for its share sets the limit.
   */
  public long usableBytes() {
    return Capacity.usableBytes(this);
  }

  /** Bytes of file data that still fit, by what the peers last reported. */
  public long freeBytes() {
    return Capacity.freeBytes(this);
  }

  /** Appends the fields: {@value #ENCODED_MAX_BYTES} bytes at most. */
  public void write(ByteWriter out) {
    version.write(out);
    settings.write(out);
    out.u8(peers.size());
    for (PeerEntry entry : peers) {
      entry.write(out);
    }
    table.write(out);
  }

  /** As {@link #write}, into an array of its own. */
  public byte[] toBytes() {
    var out = new ByteWriter(8 << 10);
    write(out);
    return out.toBytes();
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no map
   */
  public static PoolMap read(ByteReader in) {
    var version = MapVersion.read(in);
    var settings = PoolSettings.read(in);
    int count = in.u8();
    var peers = new ArrayList<PeerEntry>(count);
    for (int i = 0; i < count; i++) {
      peers.add(PeerEntry.read(in));
    }
    var table = OwnerTable.read(in);
    try {
      return new PoolMap(version, settings, peers, table);
    } catch (IllegalArgumentException e) {
      throw new ByteReader.Malformed(e.getMessage());
    }
  }
}
