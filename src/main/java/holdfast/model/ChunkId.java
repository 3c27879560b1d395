package holdfast.model;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.HexFormat;

/** Names a chunk: the SHA-256 of its sealed bytes. */
public record ChunkId(long a, long b, long c, long d) implements Comparable<ChunkId> {
  /** Encoded size in bytes. */
  public static final int BYTES = 32;

  /** Number of partitions that chunk ids fall into. */
  public static final int PARTITION_COUNT = 1_024;

  /** The partition this chunk falls into, 0 to 1,023: its first 10 bits. */
  public int partition() {
    return (int) (a >>> 54);
  }

  /** Reads exactly {@value #BYTES} bytes. */
  public static ChunkId of(byte[] bytes) {
    var in = new ByteReader(bytes);
    var id = read(in);
    in.end();
    return id;
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static ChunkId read(ByteReader in) {
    return new ChunkId(in.u64(), in.u64(), in.u64(), in.u64());
  }

  /** Appends the {@value #BYTES} bytes. */
  public void write(ByteWriter out) {
    out.u64(a).u64(b).u64(c).u64(d);
  }

  /** The {@value #BYTES} bytes, big-endian. */
  public byte[] toBytes() {
    return new ByteWriter(BYTES).u64(a).u64(b).u64(c).u64(d).toBytes();
  }

  @Override
  public int compareTo(ChunkId other) {
    int order = Long.compareUnsigned(a, other.a);
    order = order != 0 ? order : Long.compareUnsigned(b, other.b);
    order = order != 0 ? order : Long.compareUnsigned(c, other.c);
    return order != 0 ? order : Long.compareUnsigned(d, other.d);
  }

  /** Lower-case hexadecimal. */
  @Override
  public String toString() {
    return HexFormat.of().formatHex(toBytes());
  }
}
