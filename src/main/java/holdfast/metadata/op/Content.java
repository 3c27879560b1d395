package holdfast.metadata.op;

import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.List;

/**
 * The first content of a file that is created whole, in one operation.
 *
 * @param version the content's version, at least 1: what the file tag was made with
 * @param sizeBytes the file's length
 * @param fileTag over seal id, version, size and extents
 * @param mtimeNs the file's modification time, ns since 1970
 * @param uploadEpoch the epoch its chunks were uploaded in
 * @param extents ascending, without overlap, below the size
 */
public record Content(
    long version,
    long sizeBytes,
    Tag fileTag,
    long mtimeNs,
    long uploadEpoch,
    List<Extent> extents) {

  /** Checks version, size and the order of the extents. */
  public Content {
    Checks.check(version >= 1, "check content version: expected=1 or more, was=%s", version);
    Checks.check(
        ErrorCode.TOO_LARGE,
        sizeBytes >= 0 && sizeBytes <= Extent.FILE_MAX_BYTES,
        "check file size: expected=0 to %s, was=%s",
        Extent.FILE_MAX_BYTES,
        sizeBytes);
    extents = List.copyOf(extents);
    Checks.check(
        sizeBytes > 0 || extents.isEmpty(), "check content: expected=no extent in an empty file");
    if (!extents.isEmpty()) {
      new Replacement(0, sizeBytes, extents);
    }
  }

  void write(ByteWriter out) {
    out.u64(version).u64(sizeBytes);
    fileTag.write(out);
    out.u64(mtimeNs).u64(uploadEpoch);
    Replacement.writeExtents(out, extents);
  }

  static Content read(ByteReader in) {
    return new Content(
        in.u64(), in.u64(), Tag.read(in), in.u64(), in.u64(), Replacement.readExtents(in));
  }
}
