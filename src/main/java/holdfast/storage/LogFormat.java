package holdfast.storage;

import holdfast.consensus.Endpoint;
import holdfast.consensus.HardState;
import holdfast.consensus.LogEntry;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/** The operation log as bytes (docs/disk-format.md, "Operation log"). */
final class LogFormat {
  static final int VERSION = 6;
  static final int SEGMENT_HEADER_BYTES = 64;
  static final int ENTRY_HEADER_BYTES = 36;
  static final int STATE_BYTES = 512;
  static final int STATE_VOTERS_MAX = 5;
  static final int ENTRY_MAGIC = 0x48464C45;
  static final int PAYLOAD_BYTES_MAX = 128 << 10;
  static final int SEGMENT_BYTES_DEFAULT = 16 << 20;
  static final int BATCH_BYTES_MAX = 4 << 20;

  static final PairFile.Kind STATE =
      new PairFile.Kind("log.state", "HFLSTATE", STATE_BYTES, VERSION);

  /** The bytes of an entry header that its chain value covers. */
  private static final int CHAINED_BYTES = 28;

  private static final String SEGMENT_MAGIC = "HFOPSLOG";
  private static final Pattern SEGMENT_NAME = Pattern.compile("log-([0-9a-f]{16})\\.seg");
  private static final String ASIDE_PREFIX = "aside-";
  private static final Pattern ASIDE_NAME = Pattern.compile("aside-([0-9a-f]{32})-(.*)");

  private LogFormat() {}

  /** What a segment header says. */
  record SegmentHeader(
      long number, long firstIndex, long termBefore, int chainBefore, LogId logId) {}

  /** What an entry header says. */
  record EntryHeader(int lengthBytes, long index, long term, int kind, int chain) {}

  /**
   * What the state file says.
   *
   * @param voters of the newest configuration that was written, for when nothing else can be read
   * @param lowestSegment what has a lower number isn't of the log any more
   * @param highestSegment the segment made last: unless it is below the lowest one it must be there
   */
  record State(
      LogId logId,
      HardState hard,
      List<Endpoint> voters,
      long startIndex,
      long startTerm,
      long lowestSegment,
      long highestSegment,
      long forcedIndex) {
    State with(HardState next) {
      return new State(
          logId, next, voters, startIndex, startTerm, lowestSegment, highestSegment, forcedIndex);
    }

    State withVoters(List<Endpoint> next) {
      return new State(
          logId, hard, next, startIndex, startTerm, lowestSegment, highestSegment, forcedIndex);
    }

    State withHighest(long number) {
      return new State(
          logId, hard, voters, startIndex, startTerm, lowestSegment, number, forcedIndex);
    }

    State startingAt(long index, long term, long lowest) {
      return new State(logId, hard, voters, index, term, lowest, highestSegment, forcedIndex);
    }

    State forcedUpTo(long index) {
      return new State(
          logId, hard, voters, startIndex, startTerm, lowestSegment, highestSegment, index);
    }
  }

  static boolean isLogName(String name) {
    return name.equals(STATE.name())
        || name.equals(STATE.copyName())
        || SEGMENT_NAME.matcher(name).matches();
  }

  static String segmentName(long number) {
    return "log-%016x.seg".formatted(number);
  }

  static long segmentNumber(String name) {
    var match = SEGMENT_NAME.matcher(name);
    return match.matches() ? Long.parseUnsignedLong(match.group(1), 16) : -1;
  }

  /** What a file of a log that was left is called. */
  static String asideName(LogId log, String name) {
    return ASIDE_PREFIX + log + "-" + name;
  }

  /** The log that a file was set aside of; empty if it wasn't. */
  static Optional<LogId> asideLog(String name) {
    var match = ASIDE_NAME.matcher(name);
    return match.matches()
        ? Optional.of(LogId.of(HexFormat.of().parseHex(match.group(1))))
        : Optional.empty();
  }

  /** The name that such a file had. */
  static String nameBeforeAside(String name) {
    var match = ASIDE_NAME.matcher(name);
    Invariants.check(match.matches(), "the name of a file set aside, was=%s", name);
    return match.group(2);
  }

  static byte[] segmentHeader(SegmentHeader header) {
    var out = new ByteWriter(SEGMENT_HEADER_BYTES).raw(SmallFile.magic(SEGMENT_MAGIC));
    out.u32(VERSION).u64(header.number()).u64(header.firstIndex()).u64(header.termBefore());
    header.logId().write(out.u32(header.chainBefore()));
    return Crc.seal(out, SEGMENT_HEADER_BYTES);
  }

  /** Empty if it is damaged; throws UNSUPPORTED if it is of another version. */
  static Optional<SegmentHeader> readSegmentHeader(byte[] bytes, String path) {
    if (!SmallFile.isWhole(bytes, SEGMENT_HEADER_BYTES, SEGMENT_MAGIC)) {
      return Optional.empty();
    }
    var in = SmallFile.header(bytes, SEGMENT_HEADER_BYTES, SEGMENT_MAGIC, VERSION, path);
    return Optional.of(new SegmentHeader(in.u64(), in.u64(), in.u64(), in.u32(), LogId.read(in)));
  }

  /** Appends an entry; returns its chain value. */
  static int entry(ByteWriter out, LogEntry entry, int chainBefore) {
    return entry(
        out, entry.index(), entry.term(), entry.kind().ordinal(), entry.payload(), chainBefore);
  }

  /** As above, of any kind that a later version may have. */
  static int entry(
      ByteWriter out, long index, long term, int kind, byte[] payload, int chainBefore) {
    var header = new ByteWriter(ENTRY_HEADER_BYTES).u32(ENTRY_MAGIC).u32(payload.length);
    header.u64(index).u64(term).u8(kind).u8(0).u16(0);
    byte[] chained = header.toBytes();
    int chain = chain(chainBefore, chained, 0, payload, 0, payload.length);
    out.raw(Crc.seal(header.u32(chain), ENTRY_HEADER_BYTES)).raw(payload);
    return chain;
  }

  /**
   * The kind with this number.
   *
   * @throws StorageException STORE_FAILED if none is known
   */
  static LogEntry.Kind kind(int number) {
    var kinds = LogEntry.Kind.values();
    if (number >= kinds.length) {
      throw new StorageException(
          ErrorCode.STORE_FAILED,
          "read log: expected=an entry kind of 0 to " + (kinds.length - 1) + ", was=" + number);
    }
    return kinds[number];
  }

  /** Empty if the header isn't right. */
  static Optional<EntryHeader> readEntryHeader(byte[] bytes, int offset) {
    if (bytes.length - offset < ENTRY_HEADER_BYTES
        || bytes[offset] != ENTRY_MAGIC >>> Integer.SIZE - Byte.SIZE
        || !Crc.isSealed(bytes, offset, ENTRY_HEADER_BYTES)) {
      return Optional.empty();
    }
    var in = new ByteReader(bytes, offset, ENTRY_HEADER_BYTES);
    int magic = in.u32();
    int lengthBytes = in.u32();
    long index = in.u64();
    long term = in.u64();
    int kind = in.u8();
    in.raw(3);
    boolean isKnown = magic == ENTRY_MAGIC && lengthBytes >= 0 && lengthBytes <= PAYLOAD_BYTES_MAX;
    return isKnown
        ? Optional.of(new EntryHeader(lengthBytes, index, term, kind, in.u32()))
        : Optional.empty();
  }

  /** Whether a whole entry stands behind the one with this chain value. */
  static boolean isChained(byte[] bytes, int offset, EntryHeader header, int chainBefore) {
    int payloadAt = offset + ENTRY_HEADER_BYTES;
    return header.chain()
        == chain(chainBefore, bytes, offset, bytes, payloadAt, header.lengthBytes());
  }

  static byte[] state(long sequence, State state) {
    var out = new ByteWriter(STATE_BYTES).raw(SmallFile.magic(STATE.magic())).u32(VERSION);
    var hard = state.hard();
    state.logId().write(out.u64(sequence));
    out.u64(hard.term()).bool(hard.votedFor().isPresent());
    if (hard.votedFor().isPresent()) {
      hard.votedFor().get().write(out);
    } else {
      out.raw(new byte[NodeId.BYTES]).u64(0);
    }
    out.u64(state.startIndex()).u64(state.startTerm()).u64(state.lowestSegment());
    out.u64(hard.committedIndex()).u64(state.highestSegment());
    out.u8(state.voters().size());
    state.voters().forEach(voter -> voter.write(out));
    out.raw(new byte[(STATE_VOTERS_MAX - state.voters().size()) * Endpoint.BYTES]);
    out.u8(hard.promised().size());
    hard.promised().forEach(member -> member.write(out));
    out.raw(new byte[(HardState.PROMISED_MAX - hard.promised().size()) * Endpoint.BYTES]);
    out.u64(state.forcedIndex());
    return Crc.seal(out, STATE_BYTES);
  }

  static State readState(byte[] bytes, String path) {
    var in = SmallFile.header(bytes, STATE_BYTES, STATE.magic(), VERSION, path);
    in.u64(); // sequence
    var logId = LogId.read(in);
    long term = in.u64();
    boolean hasVote = in.bool();
    var vote = Endpoint.read(in);
    long startIndex = in.u64();
    long startTerm = in.u64();
    long lowestSegment = in.u64();
    long committedIndex = in.u64();
    long highestSegment = in.u64();
    var voters = new ArrayList<Endpoint>();
    for (int left = in.u8(); left > 0; left--) {
      voters.add(Endpoint.read(in));
    }
    in.raw((STATE_VOTERS_MAX - voters.size()) * Endpoint.BYTES);
    var promised = new ArrayList<Endpoint>();
    for (int left = in.u8(); left > 0; left--) {
      promised.add(Endpoint.read(in));
    }
    in.raw((HardState.PROMISED_MAX - promised.size()) * Endpoint.BYTES);
    long forcedIndex = in.u64();
    var hard =
        new HardState(
            term, hasVote ? Optional.of(vote) : Optional.empty(), committedIndex, promised);
    return new State(
        logId,
        hard,
        List.copyOf(voters),
        startIndex,
        startTerm,
        lowestSegment,
        highestSegment,
        forcedIndex);
  }

  private static int chain(
      int before, byte[] header, int headerAt, byte[] payload, int payloadAt, int lengthBytes) {
    var crc = new CRC32C();
    for (int shift = Integer.SIZE - Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
      crc.update(before >>> shift & 0xFF);
    }
    crc.update(header, headerAt, CHAINED_BYTES);
    crc.update(payload, payloadAt, lengthBytes);
    return (int) crc.getValue();
  }
}
