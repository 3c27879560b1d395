package holdfast.crypto;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.HexFormat;

/** Makes a chunk's key its own: 16 bytes, drawn anew each time something is sealed. */
public record ChunkSalt(long high, long low) {
  /** Encoded size in bytes. */
  public static final int BYTES = 16;

  /** Reads exactly {@value #BYTES} bytes. */
  public static ChunkSalt of(byte[] bytes) {
    var in = new ByteReader(bytes);
    var salt = new ChunkSalt(in.u64(), in.u64());
    in.end();
    return salt;
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
