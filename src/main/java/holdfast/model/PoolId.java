package holdfast.model;

import holdfast.util.ByteReader;

/** Names a pool: H("holdfast/1 pool" &#x2016; root home's public key &#x2016; 32 random bytes). */
public record PoolId(long a, long b, long c, long d) implements Bits256<PoolId> {
  /** Reads exactly {@value #BYTES} bytes. */
  public static PoolId of(byte[] bytes) {
    return Bits256.of(bytes, PoolId::new);
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static PoolId read(ByteReader in) {
    return Bits256.read(in, PoolId::new);
  }

  @Override
  public String toString() {
    return base32();
  }
}
