package holdfast.model;

import holdfast.util.ByteReader;
import holdfast.util.Sha256;

/** Names a chunk: the SHA-256 of its sealed bytes. */
public record ChunkId(long a, long b, long c, long d) implements Bits256<ChunkId> {
  /** Number of partitions that chunk ids fall into. */
  public static final int PARTITION_COUNT = 1_024;

  /** The name of these sealed bytes. */
  public static ChunkId nameOf(byte[] sealed, int offset, int lengthBytes) {
    return of(new Sha256().update(sealed, offset, lengthBytes).digest());
  }

  /** The partition this chunk falls into, 0 to 1,023: its first 10 bits. */
  public int partition() {
    return (int) (a >>> 54);
  }

  /** Reads exactly {@value #BYTES} bytes. */
  public static ChunkId of(byte[] bytes) {
    return Bits256.of(bytes, ChunkId::new);
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static ChunkId read(ByteReader in) {
    return Bits256.read(in, ChunkId::new);
  }

  @Override
  public String toString() {
    return hex();
  }
}
