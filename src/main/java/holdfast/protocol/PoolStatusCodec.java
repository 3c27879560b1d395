package holdfast.protocol;

import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/** Encodes and decodes the pool status as docs/protocol.md lays it out. */
final class PoolStatusCodec {
  private static final int TEXT_MAX_BYTES = 1_024;

  private PoolStatusCodec() {}

  static void write(ByteWriter out, PoolStatus s) {
    s.pool().write(out);
    out.bool(s.safe()).text(s.summary()).bool(s.stale());
    out.u8(s.replicas()).u8(s.minCopies()).u64(s.downOutMs());
    Fields.list(out, s.peers(), PoolStatus.PEERS_MAX, PoolStatusCodec::writePeer);
    out.u64(s.copies().chunks()).u64(s.copies().missing()).u64(s.copies().unreadable());
    out.bool(s.repair().active()).u64(s.repair().bytesLeft()).u64(s.repair().secondsLeft());
    out.text(s.log().leader()).u64(s.log().index()).bool(s.log().forked());
    s.log().lineage().write(out);
    out.u32(s.conflicts());
  }

  static PoolStatus read(ByteReader in) {
    return new PoolStatus(
        PoolId.read(in),
        in.bool(),
        in.text(TEXT_MAX_BYTES),
        in.bool(),
        in.u8(),
        in.u8(),
        in.u64(),
        Fields.list(in, PoolStatus.PEERS_MAX, PoolStatusCodec::readPeer),
        new PoolStatus.Copies(in.u64(), in.u64(), in.u64()),
        new PoolStatus.Repair(in.bool(), in.u64(), in.u64()),
        new PoolStatus.Log(in.text(TEXT_MAX_BYTES), in.u64(), in.bool(), LogId.read(in)),
        in.u32());
  }

  private static void writePeer(ByteWriter out, PoolStatus.Peer p) {
    p.node().write(out);
    out.text(p.address()).text(p.state());
    out.u64(p.capacityBytes()).u64(p.usedBytes()).u64(p.chunks()).bool(p.voter());
    out.bool(p.recovering()).u32(p.logsAside());
  }

  private static PoolStatus.Peer readPeer(ByteReader in) {
    return new PoolStatus.Peer(
        NodeId.read(in),
        in.text(TEXT_MAX_BYTES),
        in.text(TEXT_MAX_BYTES),
        in.u64(),
        in.u64(),
        in.u64(),
        in.bool(),
        in.bool(),
        in.u32());
  }
}
