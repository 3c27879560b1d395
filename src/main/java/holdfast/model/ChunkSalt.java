package holdfast.model;

import holdfast.util.ByteReader;

/** A chunk's salt: goes into the keys of its blocks, stands in the extent, is never repeated. */
public record ChunkSalt(long high, long low) implements Bits128<ChunkSalt> {
  /** Sixteen zero bytes: no chunk's. */
  public static final ChunkSalt ZERO = new ChunkSalt(0, 0);

  /** Reads exactly {@value #BYTES} bytes. */
  public static ChunkSalt of(byte[] bytes) {
    return Bits128.of(bytes, ChunkSalt::new);
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static ChunkSalt read(ByteReader in) {
    return Bits128.read(in, ChunkSalt::new);
  }

  @Override
  public String toString() {
    return hex();
  }
}
