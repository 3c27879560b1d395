package holdfast.storage;

import holdfast.model.LogId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import java.util.Optional;
import java.util.regex.Pattern;

/** Snapshots as bytes (docs/disk-format.md, "Snapshots"). */
final class SnapshotFormat {
  static final int VERSION = 6;
  static final int HEADER_BYTES = 64;
  static final int PIECE_HEADER_BYTES = 16;
  static final int FOOTER_BYTES = 64;
  static final int PIECE_MAGIC = 0x48465350;
  static final int FOOTER_MAGIC = 0x48465346;
  static final int PIECE_BYTES_MAX = 128 << 10;
  static final int CONFIGURATION_BYTES_MAX = 64 << 10;
  static final int SNAPSHOTS_KEPT = 2;

  static final int DIGEST_BYTES = 32;
  private static final String MAGIC = "HFSNAPSH";
  private static final Pattern NAME = Pattern.compile("snap-([0-9a-f]{16})-([0-9a-f]{16})\\.snap");

  private SnapshotFormat() {}

  /** What a header says. */
  record Header(LogId logId, long index, long term, int configurationBytes, int configurationCrc) {}

  /** What a piece header says. */
  record PieceHeader(int lengthBytes, int dataCrc) {}

  /** What a footer says. */
  record Footer(long pieceCount, long totalBytes, byte[] digest) {}

  static boolean isSnapshotName(String name) {
    return NAME.matcher(name).matches();
  }

  /** Sorts by index, then term. */
  static String name(long index, long term) {
    return "snap-%016x-%016x.snap".formatted(index, term);
  }

  /** The last entry that a snapshot of this name covers. */
  static long index(String name) {
    return inName(name, 1);
  }

  /** The term of that entry. */
  static long term(String name) {
    return inName(name, 2);
  }

  private static long inName(String name, int group) {
    var match = NAME.matcher(name);
    Invariants.check(match.matches(), "a snapshot's name, was=%s", name);
    return Long.parseUnsignedLong(match.group(group), 16);
  }

  static byte[] header(Header header) {
    var out = new ByteWriter(HEADER_BYTES).raw(SmallFile.magic(MAGIC)).u32(VERSION);
    header.logId().write(out);
    out.u64(header.index()).u64(header.term());
    out.u32(header.configurationBytes()).u32(header.configurationCrc());
    return Crc.seal(out, HEADER_BYTES);
  }

  /** Throws STORE_FAILED if it is corrupt, UNSUPPORTED if it is of another version. */
  static Header readHeader(byte[] bytes, String path) {
    var in = SmallFile.header(bytes, HEADER_BYTES, MAGIC, VERSION, path);
    return new Header(LogId.read(in), in.u64(), in.u64(), in.u32(), in.u32());
  }

  static byte[] pieceHeader(PieceHeader header) {
    var out = new ByteWriter(PIECE_HEADER_BYTES).u32(PIECE_MAGIC);
    return Crc.seal(out.u32(header.lengthBytes()).u32(header.dataCrc()), PIECE_HEADER_BYTES);
  }

  /** Empty if it isn't one. */
  static Optional<PieceHeader> readPieceHeader(byte[] bytes) {
    if (bytes.length < PIECE_HEADER_BYTES || !Crc.isSealed(bytes, 0, PIECE_HEADER_BYTES)) {
      return Optional.empty();
    }
    var in = new ByteReader(bytes);
    boolean isKnown = in.u32() == PIECE_MAGIC;
    var header = new PieceHeader(in.u32(), in.u32());
    isKnown &= header.lengthBytes() > 0 && header.lengthBytes() <= PIECE_BYTES_MAX;
    return isKnown ? Optional.of(header) : Optional.empty();
  }

  static byte[] footer(Footer footer) {
    var out = new ByteWriter(FOOTER_BYTES).u32(FOOTER_MAGIC);
    out.u64(footer.pieceCount()).u64(footer.totalBytes()).raw(footer.digest());
    return Crc.seal(out, FOOTER_BYTES);
  }

  /** Empty if it isn't one. */
  static Optional<Footer> readFooter(byte[] bytes) {
    if (bytes.length != FOOTER_BYTES || !Crc.isSealed(bytes, 0, FOOTER_BYTES)) {
      return Optional.empty();
    }
    var in = new ByteReader(bytes);
    boolean isKnown = in.u32() == FOOTER_MAGIC;
    var footer = new Footer(in.u64(), in.u64(), in.raw(DIGEST_BYTES));
    return isKnown ? Optional.of(footer) : Optional.empty();
  }
}
