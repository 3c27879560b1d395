package holdfast.consensus;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.AppendAccepted;
import holdfast.consensus.RaftMessage.AppendRejected;
import holdfast.consensus.RaftMessage.Header;
import holdfast.consensus.RaftMessage.Heartbeat;
import holdfast.consensus.RaftMessage.HeartbeatReply;
import holdfast.consensus.RaftMessage.InstallSnapshot;
import holdfast.consensus.RaftMessage.InstallSnapshotReply;
import holdfast.consensus.RaftMessage.PreVoteReply;
import holdfast.consensus.RaftMessage.PreVoteRequest;
import holdfast.consensus.RaftMessage.TermReply;
import holdfast.consensus.RaftMessage.TermRequest;
import holdfast.consensus.RaftMessage.TimeoutNow;
import holdfast.consensus.RaftMessage.VoteReply;
import holdfast.consensus.RaftMessage.VoteRequest;
import holdfast.model.LogId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;

/**
 * The bytes of a {@link RaftMessage}: kind u8, log id, from, to, term, then the fields in the order
 * of the record. Reading checks every count against its bound and the rest of the frame before it
 * allocates.
 */
public final class RaftMessageCodec {
  private RaftMessageCodec() {}

  /** The message as bytes, at most {@link RaftMessage#BYTES_MAX}. */
  public static byte[] toBytes(RaftMessage message) {
    var out = new ByteWriter(256);
    write(message, out);
    return out.toBytes();
  }

  /** Reads one message that fills the array; throws {@link ByteReader.Malformed}. */
  public static RaftMessage of(byte[] bytes) {
    var in = new ByteReader(bytes);
    RaftMessage message = read(in);
    in.end();
    return message;
  }

  /** Appends the message. */
  public static void write(RaftMessage message, ByteWriter out) {
    int startBytes = out.sizeBytes();
    out.u8(kind(message));
    writeHeader(message.header(), out);
    switch (message) {
      case PreVoteRequest m -> out.u64(m.lastIndex()).u64(m.lastTerm()).bool(m.byAll());
      case PreVoteReply m -> {
        out.u64(m.askedTerm());
        writeVote(m.vote(), out);
        out.bool(m.ahead()).u32(m.writeMs());
      }
      case VoteRequest m ->
          out.u64(m.lastIndex()).u64(m.lastTerm()).bool(m.transfer()).bool(m.ends());
      case VoteReply m -> writeVote(m.vote(), out);
      case Append m -> writeAppend(m, out);
      case AppendAccepted m -> out.u64(m.matchIndex()).u64(m.forcedIndex());
      case AppendRejected m -> out.u64(m.prevIndex()).u64(m.conflictTerm()).u64(m.conflictIndex());
      case Heartbeat m ->
          out.u64(m.round())
              .u64(m.sentMs())
              .u64(m.commitIndex())
              .u64(m.forceUpTo())
              .u64(m.recovering())
              .u64(m.recoverUpTo());
      case HeartbeatReply m ->
          out.u64(m.round())
              .u64(m.sentMs())
              .u64(m.lastIndex())
              .u64(m.forcedIndex())
              .u64(m.recovering());
      case InstallSnapshot m -> {
        m.meta().write(out);
        out.u64(m.totalBytes()).u64(m.offset()).blob(m.bytes());
      }
      case InstallSnapshotReply m ->
          out.u64(m.snapshotIndex()).u64(m.nextOffset()).bool(m.installed());
      case TimeoutNow m -> {}
      case TermRequest m -> out.u64(m.nonce());
      case TermReply m -> {
        out.u64(m.nonce()).u32(m.voters().size());
        m.voters().forEach(voter -> voter.write(out));
      }
    }
    Invariants.check(
        out.sizeBytes() - startBytes <= RaftMessage.BYTES_MAX,
        "a message has at most %s bytes, was=%s",
        RaftMessage.BYTES_MAX,
        out.sizeBytes() - startBytes);
  }

  /** Reads one message; throws {@link ByteReader.Malformed}. */
  public static RaftMessage read(ByteReader in) {
    int kind = in.u8();
    Header header = readHeader(in);
    return switch (kind) {
      case 1 -> new PreVoteRequest(header, index(in), index(in), in.bool());
      case 2 -> new PreVoteReply(header, index(in), readVote(in), in.bool(), durationMs(in));
      case 3 -> new VoteRequest(header, index(in), index(in), in.bool(), in.bool());
      case 4 -> new VoteReply(header, readVote(in));
      case 5 -> readAppend(header, in);
      case 6 -> new AppendAccepted(header, index(in), index(in));
      case 7 -> new AppendRejected(header, index(in), index(in), index(in));
      case 8 ->
          new Heartbeat(header, index(in), in.u64(), index(in), index(in), in.u64(), index(in));
      case 9 -> new HeartbeatReply(header, index(in), in.u64(), index(in), index(in), in.u64());
      case 10 -> readInstallSnapshot(header, in);
      case 11 -> new InstallSnapshotReply(header, index(in), index(in), in.bool());
      case 12 -> new TimeoutNow(header);
      case 13 -> new TermRequest(header, in.u64());
      case 14 -> readTermReply(header, in);
      default -> throw new ByteReader.Malformed("read message kind: expected=1 to 14, was=" + kind);
    };
  }

  private static int kind(RaftMessage message) {
    return switch (message) {
      case PreVoteRequest m -> 1;
      case PreVoteReply m -> 2;
      case VoteRequest m -> 3;
      case VoteReply m -> 4;
      case Append m -> 5;
      case AppendAccepted m -> 6;
      case AppendRejected m -> 7;
      case Heartbeat m -> 8;
      case HeartbeatReply m -> 9;
      case InstallSnapshot m -> 10;
      case InstallSnapshotReply m -> 11;
      case TimeoutNow m -> 12;
      case TermRequest m -> 13;
      case TermReply m -> 14;
    };
  }

  private static void writeHeader(Header header, ByteWriter out) {
    header.logId().write(out);
    header.from().write(out);
    header.to().write(out);
    out.u64(header.term());
  }

  private static Header readHeader(ByteReader in) {
    return new Header(LogId.read(in), Endpoint.read(in), Endpoint.read(in), index(in));
  }

  /** An index, term, count or offset: never negative. */
  private static long index(ByteReader in) {
    long value = in.u64();
    if (value < 0) {
      throw new ByteReader.Malformed("read number: expected=>= 0, was=" + value);
    }
    return value;
  }

  private static int durationMs(ByteReader in) {
    int ms = in.u32();
    if (ms < 0) {
      throw new ByteReader.Malformed("read duration: expected=0 or more, was=" + ms);
    }
    return ms;
  }

  private static Recovery.Cause cause(ByteReader in) {
    int cause = in.u8();
    if (cause >= Recovery.Cause.values().length) {
      throw new ByteReader.Malformed("read cause of a loss: expected=0 to 2, was=" + cause);
    }
    return Recovery.Cause.values()[cause];
  }

  private static void writeVote(RaftMessage.Vote vote, ByteWriter out) {
    out.bool(vote.granted()).u8(vote.recovering().ordinal());
    HardState.writePromised(vote.promised(), out);
  }

  private static RaftMessage.Vote readVote(ByteReader in) {
    boolean granted = in.bool();
    Recovery.Cause recovering = cause(in);
    return new RaftMessage.Vote(granted, recovering, HardState.readPromised(in));
  }

  private static void writeAppend(Append append, ByteWriter out) {
    out.u64(append.prevIndex()).u64(append.prevTerm());
    out.u64(append.commitIndex()).u64(append.forceUpTo());
    out.u32(append.entries().size());
    append.entries().forEach(entry -> entry.write(out));
  }

  private static TermReply readTermReply(Header header, ByteReader in) {
    long nonce = in.u64();
    int count = in.count(TermReply.VOTERS_MAX);
    List<Endpoint> voters = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      voters.add(Endpoint.read(in));
    }
    return new TermReply(header, nonce, voters);
  }

  private static Append readAppend(Header header, ByteReader in) {
    long prevIndex = index(in);
    long prevTerm = index(in);
    long commitIndex = index(in);
    long forceUpTo = index(in);
    int count = in.count(RaftMessage.APPEND_ENTRIES_MAX);
    List<LogEntry> entries = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      LogEntry entry = LogEntry.read(in);
      long before = entries.isEmpty() ? prevTerm : entries.get(i - 1).term();
      if (entry.index() != prevIndex + 1 + i
          || entry.term() < before
          || entry.term() > header.term()) {
        throw new ByteReader.Malformed(
            "read append: expected=consecutive entries of rising terms, was="
                + entry
                + " after "
                + prevIndex
                + "."
                + before);
      }
      entries.add(entry);
    }
    return new Append(header, prevIndex, prevTerm, commitIndex, forceUpTo, entries);
  }

  private static InstallSnapshot readInstallSnapshot(Header header, ByteReader in) {
    SnapshotMeta meta = SnapshotMeta.read(in);
    long totalBytes = index(in);
    long offset = index(in);
    byte[] bytes = in.blob(RaftMessage.SNAPSHOT_CHUNK_BYTES_MAX);
    if (offset > totalBytes - bytes.length) {
      throw new ByteReader.Malformed(
          "read snapshot chunk: expected=within " + totalBytes + " bytes, was=" + offset);
    }
    return new InstallSnapshot(header, meta, totalBytes, offset, bytes);
  }
}
