package holdfast.metadata;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.HexFormat;

/** A client's keyed tag over a file's content or a directory entry: peers store it unread. */
public record Tag(long high, long low) {
  /** Encoded size in bytes. */
  public static final int BYTES = 16;

  /** Sixteen zero bytes: no tag. */
  public static final Tag ZERO = new Tag(0, 0);

  /** Reads exactly {@value #BYTES} bytes. */
  public static Tag of(byte[] bytes) {
    var in = new ByteReader(bytes);
    var value = read(in);
    in.end();
    return value;
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static Tag read(ByteReader in) {
    return new Tag(in.u64(), in.u64());
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
