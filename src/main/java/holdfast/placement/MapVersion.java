package holdfast.placement;

import holdfast.model.LogId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * The version of a pool map: the entry of the operation log that made it. Versions of one log are
 * ordered by index; those of two logs are not.
 */
public record MapVersion(LogId log, long index) {
  /** Encoded size in bytes. */
  public static final int BYTES = 24;

  /** Whether it is of the same log and later. */
  public boolean isAfter(MapVersion other) {
    return log.equals(other.log) && index > other.index;
  }

  /** Appends {@value #BYTES} bytes. */
  public void write(ByteWriter out) {
    log.write(out);
    out.u64(index);
  }

  /** Reads {@value #BYTES} bytes. */
  public static MapVersion read(ByteReader in) {
    return new MapVersion(LogId.read(in), in.u64());
  }
}
