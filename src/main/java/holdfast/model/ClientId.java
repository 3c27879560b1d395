package holdfast.model;

import holdfast.util.ByteReader;

/** Names the author of operations: random, new for each client process and change of lineage. */
public record ClientId(long high, long low) implements Bits128<ClientId> {
  /** Reads the next {@value #BYTES} bytes. */
  public static ClientId read(ByteReader in) {
    return Bits128.read(in, ClientId::new);
  }

  @Override
  public String toString() {
    return hex();
  }
}
