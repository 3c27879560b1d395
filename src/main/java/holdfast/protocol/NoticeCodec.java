package holdfast.protocol;

import holdfast.consensus.RaftMessageCodec;
import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.List;

/** Encodes and decodes notices: types 128 to 255 of docs/protocol.md. */
final class NoticeCodec {
  private NoticeCodec() {}

  static int typeOf(Notice notice) {
    return switch (notice) {
      case Notice.Consensus n -> 128;
      case Notice.Heartbeat n -> 129;
      case Notice.Goodbye n -> 130;
      case Notice.KnownRuns n -> 131;
      case Notice.Twin n -> 132;
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
        n.mark().write(out);
        Fields.list(out, n.reached(), Notice.Heartbeat.REACHED_MAX, (to, node) -> node.write(to));
      }
      case Notice.Goodbye n -> {}
      case Notice.KnownRuns n -> {
        out.u32(n.known().size());
        for (Notice.KnownRun known : n.known()) {
          known.write(out);
        }
      }
      case Notice.Twin n -> n.second().write(out);
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
              in.u32(),
              RunMark.read(in),
              Fields.list(in, Notice.Heartbeat.REACHED_MAX, NodeId::read));
      case 130 -> new Notice.Goodbye();
      case 131 -> readKnownRuns(in);
      case 132 -> new Notice.Twin(InstanceId.read(in));
      default -> throw new MessageCodec.UnknownType(type);
    };
  }

  private static Notice readKnownRuns(ByteReader in) {
    int count = in.count(Notice.KnownRuns.KNOWN_MAX);
    List<Notice.KnownRun> known = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      known.add(Notice.KnownRun.read(in));
    }
    return new Notice.KnownRuns(known);
  }
}
