package holdfast.protocol;

import holdfast.consensus.RaftMessageCodec;
import holdfast.model.LogId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/** Types 128 to 255: notices. */
final class NoticeCodec {
  private NoticeCodec() {}

  static int typeOf(Notice notice) {
    return switch (notice) {
      case Notice.Consensus n -> 128;
      case Notice.Heartbeat n -> 129;
      case Notice.Goodbye n -> 130;
    };
  }

  static void write(ByteWriter out, Notice notice) {
    switch (notice) {
      case Notice.Consensus n -> RaftMessageCodec.write(n.message(), out);
      case Notice.Heartbeat n -> {
        out.u64(n.incarnation())
            .u64(n.capacityBytes())
            .u64(n.usedBytes())
            .u64(n.chunkCount())
            .u64(n.mapIndex())
            .u64(n.appliedIndex())
            .u64(n.missingChunks())
            .u64(n.missingBytes())
            .bool(n.checked())
            .u64(n.unreadableChunks())
            .u32(n.loadPermille())
            .u64(n.uptimeMs());
        n.log().write(out);
        out.bool(n.recovering()).u32(n.asideLogs());
      }
      case Notice.Goodbye n -> {}
    }
  }

  static Notice read(int type, ByteReader in) {
    return switch (type) {
      case 128 -> new Notice.Consensus(RaftMessageCodec.read(in));
      case 129 ->
          new Notice.Heartbeat(
              in.u64(),
              in.u64(),
              in.u64(),
              in.u64(),
              in.u64(),
              in.u64(),
              in.u64(),
              in.u64(),
              in.bool(),
              in.u64(),
              in.u32(),
              in.u64(),
              LogId.read(in),
              in.bool(),
              in.u32());
      case 130 -> new Notice.Goodbye();
      default -> throw new MessageCodec.UnknownType(type);
    };
  }
}
