package holdfast.network.discovery;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/** The 16 random bytes that make a datagram unlike any other. */
record Nonce(long high, long low) {
  /** Encoded size in bytes. */
  static final int BYTES = 16;

  static Nonce read(ByteReader in) {
    return new Nonce(in.u64(), in.u64());
  }

  void write(ByteWriter out) {
    out.u64(high).u64(low);
  }
}
