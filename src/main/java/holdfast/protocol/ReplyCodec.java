package holdfast.protocol;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ChunkId;
import holdfast.model.ChunkLoss;
import holdfast.model.ErrorCode;
import holdfast.model.HostPort;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.placement.PoolMap;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Encodes and decodes replies: types 64 to 127 of docs/protocol.md. */
final class ReplyCodec {
  private static final int DIGEST_BYTES = 32;

  private ReplyCodec() {}

  static int typeOf(Reply reply) {
    return switch (reply) {
      case Reply.Done r -> 64;
      case Reply.Failure r -> 65;
      case Reply.Session r -> 66;
      case Reply.Answered r -> 67;
      case Reply.Changed r -> 68;
      case Reply.Stored r -> 69;
      case Reply.Chunk r -> 70;
      case Reply.Map r -> 71;
      case Reply.Status r -> 72;
      case Reply.Space r -> 73;
      case Reply.Joined r -> 74;
      case Reply.Summary r -> 75;
      case Reply.Chunks r -> 76;
      case Reply.Watched r -> 77;
      case Reply.Compared r -> 78;
    };
  }

  static void write(ByteWriter out, Reply reply) {
    switch (reply) {
      case Reply.Done r -> {}
      case Reply.Failure r -> {
        out.u16(r.code().wire()).v(cut(r.text()));
        Fields.optional(out, r.leaderOrNull(), ReplyCodec::writeLeader);
      }
      case Reply.Session r -> out.u64(r.epoch()).u64(r.mapIndex()).u8(r.sealingSuite());
      case Reply.Answered r -> {
        r.answer().write(out);
        out.bool(r.stale()).u64(r.index());
      }
      case Reply.Changed r -> {
        r.result().write(out);
        out.u64(r.index()).u64(r.epoch());
      }
      case Reply.Stored r -> {
        Fields.list(out, r.holders(), PoolStatus.PEERS_MAX, (o, node) -> node.write(o));
        out.u64(r.epoch());
      }
      case Reply.Chunk r -> {
        r.chunk().write(out);
        out.u32(r.offsetBytes()).u32(r.chunkLengthBytes());
      }
      case Reply.Map r -> {
        Fields.optional(out, r.mapOrNull(), (o, map) -> map.write(o));
        Fields.optional(out, r.leaderOrNull(), ReplyCodec::writeLeader);
      }
      case Reply.Status r -> PoolStatusCodec.write(out, r.status());
      case Reply.Space r -> out.u64(r.totalBytes()).u64(r.freeBytes()).u64(r.fileCount());
      case Reply.Joined r -> out.u64(r.index());
      case Reply.Summary r ->
          out.u16(r.partition()).u32(r.chunkCount()).u64(r.sizeBytes()).raw(r.digest());
      case Reply.Chunks r -> {
        Fields.list(out, r.entries(), Request.LIST_MAX, ReplyCodec::writeEntry);
        out.bool(r.last());
        Fields.list(out, r.indeterminate(), Request.LIST_MAX, (o, chunk) -> chunk.write(o));
        out.u64(r.loss().powerCutTick()).u64(r.loss().damageTick());
      }
      case Reply.Compared r -> {
        r.log().write(out);
        out.u8(r.relation().ordinal()).bool(r.isByAsker());
      }
      case Reply.Watched r -> {
        out.u64(r.term()).u64(r.index()).u16(r.leaseMs()).bool(r.all());
        Fields.list(out, r.changes(), Reply.Watched.CHANGES_MAX, (o, change) -> change.write(o));
      }
    }
  }

  static Reply read(int type, ByteReader in) {
    return switch (type) {
      case 64 -> new Reply.Done();
      case 65 ->
          new Reply.Failure(
              ErrorCode.ofWire(in.u16()),
              in.text(Reply.TEXT_MAX_BYTES),
              Fields.optional(in, ReplyCodec::readLeader));
      case 66 -> new Reply.Session(in.u64(), in.u64(), in.u8());
      case 67 -> new Reply.Answered(Answer.read(in), in.bool(), in.u64());
      case 68 -> new Reply.Changed(OperationResult.read(in), in.u64(), in.u64());
      case 69 -> new Reply.Stored(Fields.list(in, PoolStatus.PEERS_MAX, NodeId::read), in.u64());
      case 70 -> new Reply.Chunk(ChunkId.read(in), in.u32(), in.u32());
      case 71 ->
          new Reply.Map(
              Fields.optional(in, PoolMap::read), Fields.optional(in, ReplyCodec::readLeader));
      case 72 -> new Reply.Status(PoolStatusCodec.read(in));
      case 73 -> new Reply.Space(in.u64(), in.u64(), in.u64());
      case 74 -> new Reply.Joined(in.u64());
      case 75 -> new Reply.Summary(in.u16(), in.u32(), in.u64(), in.raw(DIGEST_BYTES));
      case 76 ->
          new Reply.Chunks(
              Fields.list(in, Request.LIST_MAX, ReplyCodec::readEntry),
              in.bool(),
              Fields.list(in, Request.LIST_MAX, ChunkId::read),
              new ChunkLoss(in.u64(), in.u64()));
      case 77 ->
          new Reply.Watched(
              in.u64(),
              in.u64(),
              in.u16(),
              in.bool(),
              Fields.list(in, Reply.Watched.CHANGES_MAX, Invalidation::read));
      case 78 -> new Reply.Compared(LogId.read(in), readRelation(in), in.bool());
      default -> throw new MessageCodec.UnknownType(type);
    };
  }

  private static Reply.Compared.Relation readRelation(ByteReader in) {
    var relations = Reply.Compared.Relation.values();
    int relation = in.u8();
    if (relation >= relations.length) {
      throw new ByteReader.Malformed(
          "read relation of logs: expected=0 to " + (relations.length - 1) + ", was=" + relation);
    }
    return relations[relation];
  }

  private static void writeLeader(ByteWriter out, Reply.Leader leader) {
    leader.node().write(out);
    leader.address().write(out);
  }

  private static Reply.Leader readLeader(ByteReader in) {
    return new Reply.Leader(NodeId.read(in), HostPort.read(in));
  }

  private static void writeEntry(ByteWriter out, Reply.Chunks.Entry entry) {
    entry.chunk().write(out);
    out.u32(entry.lengthBytes());
  }

  private static Reply.Chunks.Entry readEntry(ByteReader in) {
    return new Reply.Chunks.Entry(ChunkId.read(in), in.u32());
  }

  /** Texts are for people: a long one loses its end rather than the reply. */
  private static byte[] cut(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return bytes.length <= Reply.TEXT_MAX_BYTES
        ? bytes
        : Arrays.copyOf(bytes, Reply.TEXT_MAX_BYTES);
  }
}
