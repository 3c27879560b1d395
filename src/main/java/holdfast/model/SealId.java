package holdfast.model;

import holdfast.util.ByteReader;

/** Names an inode for sealing: random, chosen by the client that creates it, for life. */
public record SealId(long high, long low) implements Bits128<SealId> {
  /** Reads the next {@value #BYTES} bytes. */
  public static SealId read(ByteReader in) {
    return Bits128.read(in, SealId::new);
  }

  @Override
  public String toString() {
    return hex();
  }
}
