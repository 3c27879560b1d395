package holdfast.peer;

import holdfast.model.LogId;
import holdfast.placement.MapVersion;
import holdfast.placement.PeerEntry;
import holdfast.placement.PoolMap;
import holdfast.placement.PoolSettings;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Optional;

/**
 * What the log has made of the pool, apart from the namespace. Immutable; every change is a pure
 * function of the command and its index.
 *
 * @param isFounded whether the pool has begun: before that there is no namespace
 * @param dataKeyId the key clients seal with; 0 before the first client
 */
record PoolState(LogId log, boolean isFounded, PoolMap map, long dataKeyId, Lineage lineage) {
  /** Most bytes encoded. */
  static final int ENCODED_MAX_BYTES =
      PoolMap.ENCODED_MAX_BYTES + Lineage.ENCODED_MAX_BYTES + 1_024;

  private static final int FORMAT = 2;

  /** Before the first command. */
  static PoolState initial(LogId log) {
    return new PoolState(
        log, false, PoolMap.empty(new MapVersion(log, 0), PoolSettings.DEFAULT), 0, Lineage.FIRST);
  }

  PoolState founded(long index, PoolSettings settings) {
    return new PoolState(log, true, PoolMap.empty(version(index), settings), 0, lineage);
  }

  PoolState withPeer(long index, PeerEntry peer) {
    boolean isFull = map.peers().size() >= PoolMap.PEERS_MAX && map.peer(peer.node()).isEmpty();
    return isFull ? this : withMap(map.withPeer(version(index), peer));
  }

  PoolState withPeerState(long index, Command.SetPeerState command) {
    Optional<PeerEntry> peer = map.peer(command.node());
    if (peer.isEmpty() || peer.get().state() == command.state()) {
      return this;
    }
    return withMap(map.withPeer(version(index), peer.get().withState(command.state())));
  }

  PoolState withSettings(long index, PoolSettings settings) {
    return withMap(map.next(version(index), settings, map.peers()));
  }

  PoolState withDataKey(long newDataKeyId) {
    return dataKeyId != 0 ? this : new PoolState(log, isFounded, map, newDataKeyId, lineage);
  }

  /** An entry was applied. */
  PoolState withEntry(long index, long term) {
    Lineage with = lineage.with(index, term);
    return with == lineage ? this : new PoolState(log, isFounded, map, dataKeyId, with);
  }

  /**
   * The state with which another log goes on.
   *
   * @param baseIndex the index that stands for all that came before, in the next log
   */
  PoolState inLog(LogId next, long baseIndex, Lineage nextLineage) {
    var version = new MapVersion(next, baseIndex);
    var nextMap = new PoolMap(version, map.settings(), map.peers(), map.table());
    return new PoolState(next, isFounded, nextMap, dataKeyId, nextLineage);
  }

  private PoolState withMap(PoolMap newMap) {
    return new PoolState(log, isFounded, newMap, dataKeyId, lineage);
  }

  private MapVersion version(long index) {
    return new MapVersion(log, index);
  }

  /** For a snapshot. */
  byte[] toBytes() {
    var out = new ByteWriter(8 << 10).u32(FORMAT);
    log.write(out);
    out.bool(isFounded).u64(dataKeyId);
    lineage.write(out);
    map.write(out);
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
    boolean isFounded = in.bool();
    long dataKeyId = in.u64();
    var lineage = Lineage.read(in);
    var state = new PoolState(log, isFounded, PoolMap.read(in), dataKeyId, lineage);
    in.end();
    return state;
  }
}
