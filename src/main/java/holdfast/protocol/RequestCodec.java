package holdfast.protocol;

import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.HostPort;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/** Encodes and decodes requests: types 16 to 63 of docs/protocol.md. */
final class RequestCodec {
  private static final int NAME_MAX_BYTES = 255;
  private static final int SETTINGS_MAX = 32;

  private RequestCodec() {}

  static int typeOf(Request request) {
    return switch (request) {
      case Request.OpenSession r -> 16;
      case Request.Ask r -> 17;
      case Request.Change r -> 18;
      case Request.ForceLog r -> 19;
      case Request.PutChunk r -> 20;
      case Request.GetChunk r -> 21;
      case Request.ForceChunks r -> 22;
      case Request.VerifyChunk r -> 23;
      case Request.GetMap r -> 24;
      case Request.GetStatus r -> 25;
      case Request.GetSpace r -> 26;
      case Request.SetPool r -> 27;
      case Request.Join r -> 28;
      case Request.GetSummary r -> 29;
      case Request.ListChunks r -> 30;
      case Request.WhoLeads r -> 31;
      case Request.Watch r -> 32;
      case Request.CloseSession r -> 33;
      case Request.CompareLog r -> 34;
    };
  }

  static void write(ByteWriter out, Request request) {
    switch (request) {
      case Request.OpenSession r -> {
        r.client().write(out);
        out.u64(r.dataKeyId());
      }
      case Request.Ask r -> {
        r.query().write(out);
        out.bool(r.allowStale());
      }
      case Request.Change r -> writeChange(out, r);
      case Request.ForceLog r -> {}
      case Request.PutChunk r -> {
        r.chunk().write(out);
        out.u64(r.epoch()).bool(r.replica());
      }
      case Request.GetChunk r -> {
        r.chunk().write(out);
        out.u32(r.offsetBytes()).u32(r.lengthBytes());
      }
      case Request.ForceChunks r ->
          Fields.list(out, r.chunks(), Request.LIST_MAX, (o, chunk) -> chunk.write(o));
      case Request.VerifyChunk r -> r.chunk().write(out);
      case Request.GetMap r -> out.u64(r.knownIndex());
      case Request.GetStatus r -> {}
      case Request.GetSpace r -> {}
      case Request.SetPool r ->
          Fields.list(out, r.settings(), SETTINGS_MAX, (o, s) -> o.text(s.name()).text(s.value()));
      case Request.Join r -> {
        out.u64(r.incarnation());
        r.address().write(out);
        out.u64(r.capacityBytes()).text(r.host()).text(r.zone()).u64(r.lastIndex());
      }
      case Request.GetSummary r -> out.u16(r.partition());
      case Request.ListChunks r -> {
        out.u16(r.partition());
        Fields.optional(out, r.afterOrNull(), (o, chunk) -> chunk.write(o));
        out.u32(r.maxCount());
      }
      case Request.WhoLeads r -> r.asker().write(out);
      case Request.Watch r -> {
        r.client().write(out);
        out.u64(r.term()).u64(r.receivedIndex()).u64(r.confirmedIndex());
      }
      case Request.CloseSession r -> r.client().write(out);
      case Request.CompareLog r -> {
        r.log().write(out);
        out.u64(r.lastIndex()).u64(r.lastTerm()).u64(r.commitIndex()).u64(r.term());
        Fields.optional(out, r.votedForOrNull(), (o, node) -> node.write(o));
      }
    }
  }

  static Request read(int type, ByteReader in) {
    return switch (type) {
      case 16 -> new Request.OpenSession(ClientId.read(in), in.u64());
      case 17 -> new Request.Ask(Query.read(in), in.bool());
      case 18 -> readChange(in);
      case 19 -> new Request.ForceLog();
      case 20 -> new Request.PutChunk(ChunkId.read(in), in.u64(), in.bool());
      case 21 -> new Request.GetChunk(ChunkId.read(in), in.u32(), in.u32());
      case 22 -> new Request.ForceChunks(Fields.list(in, Request.LIST_MAX, ChunkId::read));
      case 23 -> new Request.VerifyChunk(ChunkId.read(in));
      case 24 -> new Request.GetMap(in.u64());
      case 25 -> new Request.GetStatus();
      case 26 -> new Request.GetSpace();
      case 27 -> new Request.SetPool(Fields.list(in, SETTINGS_MAX, RequestCodec::readSetting));
      case 28 ->
          new Request.Join(
              in.u64(),
              HostPort.read(in),
              in.u64(),
              in.text(NAME_MAX_BYTES),
              in.text(NAME_MAX_BYTES),
              in.u64());
      case 29 -> new Request.GetSummary(readPartition(in));
      case 30 ->
          new Request.ListChunks(
              readPartition(in), Fields.optional(in, ChunkId::read), in.count(Request.LIST_MAX));
      case 31 -> new Request.WhoLeads(NodeId.read(in));
      case 32 -> new Request.Watch(ClientId.read(in), in.u64(), in.u64(), in.u64());
      case 33 -> new Request.CloseSession(ClientId.read(in));
      case 34 ->
          new Request.CompareLog(
              LogId.read(in),
              in.u64(),
              in.u64(),
              in.u64(),
              in.u64(),
              Fields.optional(in, NodeId::read));
      default -> throw new MessageCodec.UnknownType(type);
    };
  }

  private static void writeChange(ByteWriter out, Request.Change r) {
    r.author().write(out);
    out.u64(r.sequence()).u64(r.answeredBelow());
    r.operation().write(out);
    Fields.optional(out, r.inlineChunk(), (o, chunk) -> chunk.write(o));
    out.bool(r.forced());
  }

  private static Request readChange(ByteReader in) {
    return new Request.Change(
        ClientId.read(in),
        in.u64(),
        in.u64(),
        Operation.read(in),
        Fields.optional(in, ChunkId::read),
        in.bool());
  }

  private static Request.SetPool.Setting readSetting(ByteReader in) {
    return new Request.SetPool.Setting(in.text(NAME_MAX_BYTES), in.text(NAME_MAX_BYTES));
  }

  private static int readPartition(ByteReader in) {
    int partition = in.u16();
    if (partition >= ChunkId.PARTITION_COUNT) {
      throw new ByteReader.Malformed(
          "read partition: expected=0 to " + (ChunkId.PARTITION_COUNT - 1) + ", was=" + partition);
    }
    return partition;
  }
}
