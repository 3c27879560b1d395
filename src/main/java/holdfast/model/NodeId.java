package holdfast.model;

import holdfast.util.ByteReader;

/** Names a node: the SHA-256 of its RSA public key (SubjectPublicKeyInfo, DER). */
public record NodeId(long a, long b, long c, long d) implements Bits256<NodeId> {
  /** Reads exactly {@value #BYTES} bytes. */
  public static NodeId of(byte[] bytes) {
    return Bits256.of(bytes, NodeId::new);
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static NodeId read(ByteReader in) {
    return Bits256.read(in, NodeId::new);
  }

  @Override
  public String toString() {
    return base32();
  }
}
