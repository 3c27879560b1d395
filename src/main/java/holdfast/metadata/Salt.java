package holdfast.metadata;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.HexFormat;

/** A chunk's salt: goes into the keys of its blocks, stands in the extent, is never repeated. */
public record Salt(long high, long low) {
  /** Encoded size in bytes. */
  public static final int BYTES = 16;

  /** Sixteen zero bytes: no chunk's. */
  public static final Salt ZERO = new Salt(0, 0);

  /** Reads exactly {@value #BYTES} bytes. */
  public static Salt of(byte[] bytes) {
    var in = new ByteReader(bytes);
    var value = read(in);
    in.end();
    return value;
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static Salt read(ByteReader in) {
    return new Salt(in.u64(), in.u64());
  }

  /** Appends the {@value #BYTES} bytes. */
  public void write(ByteWriter out) {
    out.u64(high).u64(low);
  }

  /** The {@value #BYTES} bytes, big-endian. */
  public byte[] toBytes() {
    return new ByteWriter(BYTES).u64(high).u64(low).toBytes();
  }

  /** Lower-case hexadecimal. */
  @Override
  public String toString() {
    return HexFormat.of().formatHex(toBytes());
  }
}
