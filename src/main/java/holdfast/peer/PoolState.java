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
record PoolState(LogId log, boolean isFounded, PoolMap map, long dataKeyId) {
  private static final int FORMAT = 1;

  /** Before the first command. */
  static PoolState initial(LogId log) {
    return new PoolState(
        log, false, PoolMap.empty(new MapVersion(log, 0), PoolSettings.DEFAULT), 0);
  }

  PoolState founded(long index, PoolSettings settings) {
    return new PoolState(log, true, PoolMap.empty(version(index), settings), 0);
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
    return dataKeyId != 0 ? this : new PoolState(log, isFounded, map, newDataKeyId);
  }

  private PoolState withMap(PoolMap newMap) {
    return new PoolState(log, isFounded, newMap, dataKeyId);
  }

  private MapVersion version(long index) {
    return new MapVersion(log, index);
  }

  /** For a snapshot. */
  byte[] toBytes() {
    var out = new ByteWriter(8 << 10).u32(FORMAT);
    log.write(out);
    out.bool(isFounded).u64(dataKeyId);
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
      throw new ByteReader.Malformed("read pool state: expected=format 1, was=" + format);
    }
    var log = LogId.read(in);
    boolean isFounded = in.bool();
    long dataKeyId = in.u64();
    var state = new PoolState(log, isFounded, PoolMap.read(in), dataKeyId);
    in.end();
    return state;
  }
}
