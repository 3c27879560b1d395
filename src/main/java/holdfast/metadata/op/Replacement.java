package holdfast.metadata.op;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * A change of a range of a file: the extents given, and a hole where they leave one.
 *
 * @param fromOffset first byte replaced
 * @param toOffset first byte not replaced any more
 * @param extents ascending, without overlap, within the range
 */
public record Replacement(long fromOffset, long toOffset, List<Extent> extents) {
  /** Encoded size in bytes without its extents. */
  static final int HEAD_BYTES = 20;

  /** Checks the range and the order of the extents. */
  public Replacement {
    extents = List.copyOf(extents);
    Checks.check(
        fromOffset >= 0 && fromOffset < toOffset && toOffset <= Extent.FILE_MAX_BYTES,
        "check replacement: expected=a range within the file, was=[%s, %s)",
        fromOffset,
        toOffset);
    long freeFrom = fromOffset;
    for (Extent extent : extents) {
      Checks.check(
          extent.fileOffset() >= freeFrom && extent.fileEnd() <= toOffset,
          "check replacement: expected=extents ascending within [%s, %s), was=[%s, %s)",
          freeFrom,
          toOffset,
          extent.fileOffset(),
          extent.fileEnd());
      freeFrom = extent.fileEnd();
    }
  }

  int encodedBytes() {
    return HEAD_BYTES + extents.size() * Extent.BYTES;
  }

  /** Appends both ends, a count and the extents. */
  public void write(ByteWriter out) {
    out.u64(fromOffset).u64(toOffset);
    writeExtents(out, extents);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is none
   */
  public static Replacement read(ByteReader in) {
    return Checks.decoding(() -> new Replacement(in.u64(), in.u64(), readExtents(in)));
  }

  static void writeExtents(ByteWriter out, List<Extent> extents) {
    out.u32(extents.size());
    for (Extent extent : extents) {
      extent.write(out);
    }
  }

  static List<Extent> readExtents(ByteReader in) {
    int count = in.count(in.remaining() / Extent.BYTES);
    var extents = new ArrayList<Extent>(count);
    for (int i = 0; i < count; i++) {
      extents.add(Extent.read(in));
    }
    return extents;
  }
}
