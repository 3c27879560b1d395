package holdfast.crypto.handshake;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.HexFormat;

/** The id of a session: random, chosen by its responder; further connections attach with it. */
public record SessionId(long high, long low) {
  /** Encoded size in bytes. */
  public static final int BYTES = 16;

  /** Reads exactly {@value #BYTES} bytes. */
  public static SessionId of(byte[] bytes) {
    var in = new ByteReader(bytes);
    var id = new SessionId(in.u64(), in.u64());
    in.end();
    return id;
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
