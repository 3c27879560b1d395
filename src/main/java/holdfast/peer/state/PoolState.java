package holdfast.peer.state;

import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.placement.MapVersion;
import holdfast.placement.PeerEntry;
import holdfast.placement.PoolMap;
import holdfast.placement.PoolSettings;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Collections;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The replicated state apart from the namespace: map, settings, data key, lineage. Immutable; every
 * change is a pure function of the command and its index.
 *
 * @param isPoolCreated whether the pool has begun: before that there is no namespace
 * @param dataKeyId the key clients seal with; 0 before the first client
 * @param absences since when peers of the map have been away or out
 * @param leaseMs no cache lease that may last still was given for longer
 */
public record PoolState(
    LogId log,
    boolean isPoolCreated,
    PoolMap map,
    long dataKeyId,
    Lineage lineage,
    SortedMap<NodeId, Absence> absences,
    int leaseMs) {
  /** Most bytes encoded. */
  static final int ENCODED_MAX_BYTES =
      PoolMap.ENCODED_MAX_BYTES
          + Lineage.ENCODED_MAX_BYTES
          + PoolMap.PEERS_MAX * (NodeId.BYTES + Absence.BYTES)
          + 1_024;

  private static final int FORMAT = 5;

  /** Freezes who is gone. */
  public PoolState {
    absences = Collections.unmodifiableSortedMap(new TreeMap<>(absences));
  }

  /** Before the first command. */
  static PoolState initial(LogId log) {
    var map = PoolMap.empty(new MapVersion(log, 0), PoolSettings.DEFAULT);
    return new PoolState(
        log, false, map, 0, Lineage.FIRST, new TreeMap<>(), Command.SetLease.SHORTEST_MS);
  }

  PoolState created(long index, PoolSettings settings) {
    return new PoolState(
        log, true, PoolMap.empty(version(index), settings), 0, lineage, absences, leaseMs);
  }

  PoolState withPeer(long index, PeerEntry peer) {
    boolean isFull = map.peers().size() >= PoolMap.PEERS_MAX && map.peer(peer.node()).isEmpty();
    return isFull ? this : withPeer(map.withPeer(version(index), peer), peer, Absence.since(0, 0));
  }

  /**
   * @param now an absence that begins with this
   */
  PoolState withPeerState(long index, Command.SetPeerState command, Absence now) {
    Optional<PeerEntry> peer = map.peer(command.node());
    if (peer.isEmpty() || peer.get().state() == command.state()) {
      return this;
    }
    PeerEntry next = peer.get().withState(command.state());
    return withPeer(map.withPeer(version(index), next), next, now);
  }

  private PoolState withPeer(PoolMap newMap, PeerEntry peer, Absence now) {
    var gone = new TreeMap<>(absences);
    switch (peer.state()) {
      case AWAY, OUT -> gone.putIfAbsent(peer.node(), now);
      case UP, SUSPECT, DRAINING, DOWN -> gone.remove(peer.node());
    }
    return new PoolState(log, isPoolCreated, newMap, dataKeyId, lineage, gone, leaseMs);
  }

  /**
   * An epoch has begun.
   *
   * @param tick the last operation of the namespace before it
   */
  PoolState withEpoch(long epoch, long tick) {
    var gone = new TreeMap<>(absences);
    gone.replaceAll((node, absence) -> absence.atEpoch(epoch, tick));
    return new PoolState(log, isPoolCreated, map, dataKeyId, lineage, gone, leaseMs);
  }

  PoolState withSettings(long index, PoolSettings settings) {
    return withMap(map.next(version(index), settings, map.peers()));
  }

  PoolState withDataKey(long newDataKeyId) {
    return dataKeyId != 0
        ? this
        : new PoolState(log, isPoolCreated, map, newDataKeyId, lineage, absences, leaseMs);
  }

  /** Cache leases may be so long from now on, or none is longer any more. */
  PoolState withLease(int newLeaseMs) {
    return new PoolState(log, isPoolCreated, map, dataKeyId, lineage, absences, newLeaseMs);
  }

  /** An entry was applied. */
  PoolState withEntry(long index, long term) {
    Lineage with = lineage.with(index, term);
    return with == lineage
        ? this
        : new PoolState(log, isPoolCreated, map, dataKeyId, with, absences, leaseMs);
  }

  /**
   * The state with which another log goes on.
   *
   * @param baseIndex the index that stands for all that came before, in the next log
   */
  PoolState inLog(LogId next, long baseIndex, Lineage nextLineage) {
    var version = new MapVersion(next, baseIndex);
    var nextMap = new PoolMap(version, map.settings(), map.peers(), map.table());
    return new PoolState(next, isPoolCreated, nextMap, dataKeyId, nextLineage, absences, leaseMs);
  }

  private PoolState withMap(PoolMap newMap) {
    return new PoolState(log, isPoolCreated, newMap, dataKeyId, lineage, absences, leaseMs);
  }

  private MapVersion version(long index) {
    return new MapVersion(log, index);
  }

  /** For a snapshot. */
  public byte[] toBytes() {
    var out = new ByteWriter(8 << 10).u32(FORMAT);
    log.write(out);
    out.bool(isPoolCreated).u64(dataKeyId).u16(leaseMs);
    lineage.write(out);
    map.write(out);
    out.u8(absences.size());
    absences.forEach(
        (node, absence) -> {
          node.write(out);
          absence.write(out);
        });
    return out.toBytes();
  }

  /**
   * Reads what {@link #toBytes} made.
   *
   * @throws ByteReader.Malformed if it is none
   */
  static PoolState of(byte[] bytes) {
    var in = new ByteReader(bytes);
    int format = in.u32();
    if (format != FORMAT) {
      throw new ByteReader.Malformed(
          "read pool state: expected=format " + FORMAT + ", was=" + format);
    }
    var log = LogId.read(in);
    boolean isPoolCreated = in.bool();
    long dataKeyId = in.u64();
    int leaseMs = Command.SetLease.check(in.u16());
    var lineage = Lineage.read(in);
    var map = PoolMap.read(in);
    int goneCount = in.u8();
    var gone = new TreeMap<NodeId, Absence>();
    for (int i = 0; i < goneCount; i++) {
      gone.put(NodeId.read(in), Absence.read(in));
    }
    in.end();
    return new PoolState(log, isPoolCreated, map, dataKeyId, lineage, gone, leaseMs);
  }
}
