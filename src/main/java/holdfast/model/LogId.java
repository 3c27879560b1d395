package holdfast.model;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.HexFormat;

/** Names one operation log (lineage): random, made when the log is founded. */
public record LogId(long high, long low) implements Comparable<LogId> {
  /** None: where no log has begun. */
  public static final LogId NONE = new LogId(0, 0);

  /** Encoded size in bytes. */
  public static final int BYTES = 16;

  /** Reads exactly {@value #BYTES} bytes. */
  public static LogId of(byte[] bytes) {
    var in = new ByteReader(bytes);
    var id = read(in);
    in.end();
    return id;
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static LogId read(ByteReader in) {
    return new LogId(in.u64(), in.u64());
  }

  /** Appends the {@value #BYTES} bytes. */
  public void write(ByteWriter out) {
    out.u64(high).u64(low);
  }

  /** The {@value #BYTES} bytes, big-endian. */
  public byte[] toBytes() {
    return new ByteWriter(BYTES).u64(high).u64(low).toBytes();
  }

  @Override
  public int compareTo(LogId other) {
    int order = Long.compareUnsigned(high, other.high);
    return order != 0 ? order : Long.compareUnsigned(low, other.low);
  }

  /** Lower-case hexadecimal. */
  @Override
  public String toString() {
    return HexFormat.of().formatHex(toBytes());
  }
}
