package holdfast.storage;

import holdfast.model.ChunkId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;

/** Chunk segments as bytes (docs/disk-format.md, "Chunk segments"). */
final class ChunkFormat {
  static final int VERSION = 1;
  static final int SEGMENT_HEADER_BYTES = 64;
  static final int RECORD_HEADER_BYTES = 56;
  static final int FOOTER_ENTRY_BYTES = 48;
  static final int TRAILER_BYTES = 32;
  static final int RECORD_MAGIC = 0x48464352;
  static final int TRAILER_MAGIC = 0x48464354;
  static final int STATE_LIVE = 1;
  static final int STATE_DELETED = 2;
  static final int CHUNK_BYTES_MAX = (4 << 20) + (16 << 10);
  static final int SEGMENT_BYTES_DEFAULT = 256 << 20;
  static final int SEGMENT_BYTES_SMALL = 8 << 20;
  static final int SEGMENT_BYTES_MIN = 64 << 10;
  static final int SEGMENT_BYTES_MAX = 1 << 30;
  static final int MAPS_MAX = 16_384;
  static final int END_BYTES = 32;

  /** Name of the file that says where the segments ended when the store was closed cleanly. */
  static final String END_FILE = "chunks.end";

  private static final String SEGMENT_MAGIC = "HFCHUNKS";
  private static final String END_MAGIC = "HFCHKEND";
  private static final Pattern SEGMENT_NAME = Pattern.compile("chunks-([0-9a-f]{16})\\.seg");
  private static final Pattern BAD_NAME = Pattern.compile("chunks-([0-9a-f]{16})\\.bad");

  private ChunkFormat() {}

  /** What a record header says. */
  record RecordHeader(int state, ChunkId id, int lengthBytes, int dataCrc, int number) {}

  /** What a footer says of one record. */
  record FooterEntry(ChunkId id, int offset, int lengthBytes, int state, int dataCrc) {}

  /** What a segment header says. */
  record SegmentHeader(long number, long sizeBytes) {}

  /** What a trailer says. */
  record Trailer(int entryCount, int entriesOffset, int entriesCrc, long number) {}

  /** The highest segment at a clean close, 0 without one, and its bytes, the footer included. */
  record End(long number, long sizeBytes) {}

  static boolean isSegmentName(String name) {
    return SEGMENT_NAME.matcher(name).matches();
  }

  static String segmentName(long number) {
    return "chunks-%016x.seg".formatted(number);
  }

  static String badName(long number) {
    return "chunks-%016x.bad".formatted(number);
  }

  /** The number of the segment of this name, -1 if it is none. */
  static long segmentNumber(String name) {
    return number(SEGMENT_NAME, name);
  }

  /** The number of the segment this marks as bad, -1 if it is no such mark. */
  static long badNumber(String name) {
    return number(BAD_NAME, name);
  }

  private static long number(Pattern pattern, String name) {
    var match = pattern.matcher(name);
    return match.matches() ? Long.parseUnsignedLong(match.group(1), 16) : -1;
  }

  static byte[] segmentHeader(long number, long sizeBytes) {
    var out = new ByteWriter(SEGMENT_HEADER_BYTES).raw(SmallFile.magic(SEGMENT_MAGIC));
    return Crc.seal(out.u32(VERSION).u64(number).u64(sizeBytes), SEGMENT_HEADER_BYTES);
  }

  /** Empty if it is damaged; throws UNSUPPORTED if it is of another version. */
  static Optional<SegmentHeader> readSegmentHeader(byte[] bytes, String path) {
    if (!SmallFile.isWhole(bytes, SEGMENT_HEADER_BYTES, SEGMENT_MAGIC)) {
      return Optional.empty();
    }
    var in = SmallFile.header(bytes, SEGMENT_HEADER_BYTES, SEGMENT_MAGIC, VERSION, path);
    return Optional.of(new SegmentHeader(in.u64(), in.u64()));
  }

  static byte[] recordHeader(RecordHeader header) {
    var out = new ByteWriter(RECORD_HEADER_BYTES);
    out.u32(RECORD_MAGIC).u8(VERSION).u8(header.state()).u16(0);
    header.id().write(out);
    out.u32(header.lengthBytes()).u32(header.dataCrc()).u32(header.number());
    return Crc.seal(out, RECORD_HEADER_BYTES);
  }

  static boolean isRecordMagic(byte[] bytes, int offset) {
    return bytes[offset] == (byte) (RECORD_MAGIC >>> 24)
        && bytes[offset + 1] == (byte) (RECORD_MAGIC >>> 16)
        && bytes[offset + 2] == (byte) (RECORD_MAGIC >>> 8)
        && bytes[offset + 3] == (byte) RECORD_MAGIC;
  }

  /** What stands where a record header's fields are. Nothing is checked. */
  static RecordHeader claimedByRecordHeader(byte[] bytes, int offset) {
    var in = new ByteReader(bytes, offset + 5, RECORD_HEADER_BYTES - 5);
    int state = in.u8();
    in.u16();
    return new RecordHeader(state, ChunkId.read(in), in.u32(), in.u32(), in.u32());
  }

  /** Empty if it is not a whole record header. */
  static Optional<RecordHeader> readRecordHeader(byte[] bytes, int offset) {
    if (bytes.length - offset < RECORD_HEADER_BYTES
        || !Crc.isSealed(bytes, offset, RECORD_HEADER_BYTES)) {
      return Optional.empty();
    }
    var in = new ByteReader(bytes, offset, RECORD_HEADER_BYTES);
    int magic = in.u32();
    int version = in.u8();
    int state = in.u8();
    in.u16();
    var header = new RecordHeader(state, ChunkId.read(in), in.u32(), in.u32(), in.u32());
    boolean isKnown =
        magic == RECORD_MAGIC
            && version == VERSION
            && (state == STATE_LIVE || state == STATE_DELETED)
            && header.lengthBytes() >= 0
            && header.lengthBytes() <= CHUNK_BYTES_MAX;
    return isKnown ? Optional.of(header) : Optional.empty();
  }

  static void footerEntry(ByteWriter out, FooterEntry entry) {
    entry.id().write(out);
    out.u32(entry.offset()).u32(entry.lengthBytes()).u8(entry.state()).u8(0).u16(0);
    out.u32(entry.dataCrc());
  }

  static FooterEntry readFooterEntry(ByteReader in) {
    var id = ChunkId.read(in);
    int offset = in.u32();
    int lengthBytes = in.u32();
    int state = in.u8();
    in.u8();
    in.u16();
    return new FooterEntry(id, offset, lengthBytes, state, in.u32());
  }

  static byte[] trailer(Trailer trailer) {
    var out = new ByteWriter(TRAILER_BYTES).u32(TRAILER_MAGIC).u32(VERSION);
    out.u32(trailer.entryCount()).u32(trailer.entriesOffset()).u32(trailer.entriesCrc());
    return Crc.seal(out.u64(trailer.number()), TRAILER_BYTES);
  }

  /** Empty if it is no whole trailer. */
  static Optional<Trailer> readTrailer(byte[] bytes) {
    if (bytes.length != TRAILER_BYTES || !Crc.isSealed(bytes, 0, TRAILER_BYTES)) {
      return Optional.empty();
    }
    var in = new ByteReader(bytes);
    boolean isKnown = in.u32() == TRAILER_MAGIC && in.u32() == VERSION;
    var trailer = new Trailer(in.u32(), in.u32(), in.u32(), in.u64());
    return isKnown ? Optional.of(trailer) : Optional.empty();
  }

  /** Whether the last of so many bytes before {@code end} could be taken for a trailer. */
  static boolean isTrailerAtEnd(byte[] bytes, int end, int lengthBytes) {
    return lengthBytes >= TRAILER_BYTES
        && readTrailer(Arrays.copyOfRange(bytes, end - TRAILER_BYTES, end)).isPresent();
  }

  static byte[] end(End end) {
    var out = new ByteWriter(END_BYTES).raw(SmallFile.magic(END_MAGIC)).u32(VERSION);
    return Crc.seal(out.u64(end.number()).u64(end.sizeBytes()), END_BYTES);
  }

  /** Empty if it is damaged; throws UNSUPPORTED if it is of another version. */
  static Optional<End> readEnd(byte[] bytes, String path) {
    if (!SmallFile.isWhole(bytes, END_BYTES, END_MAGIC)) {
      return Optional.empty();
    }
    var in = SmallFile.header(bytes, END_BYTES, END_MAGIC, VERSION, path);
    return Optional.of(new End(in.u64(), in.u64()));
  }
}
