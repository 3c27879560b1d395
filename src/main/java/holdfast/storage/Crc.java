package holdfast.storage;

import holdfast.util.ByteWriter;
import java.util.zip.CRC32C;

/** CRC-32C, and the check of headers that end in it, shared by all disk formats. */
final class Crc {
  static final int BYTES = 4;

  private Crc() {}

  static int of(byte[] bytes, int offset, int lengthBytes) {
    var crc = new CRC32C();
    crc.update(bytes, offset, lengthBytes);
    return (int) crc.getValue();
  }

  /** The header so far, filled with zeros to {@code sizeBytes} less 4, and the CRC of that. */
  static byte[] seal(ByteWriter header, int sizeBytes) {
    header.raw(new byte[sizeBytes - BYTES - header.sizeBytes()]);
    return header.u32(of(header.toBytes(), 0, sizeBytes - BYTES)).toBytes();
  }

  /** Whether the last 4 of these bytes are the CRC of those before. */
  static boolean isSealed(byte[] bytes, int offset, int sizeBytes) {
    int end = offset + sizeBytes - BYTES;
    int stored =
        (bytes[end] & 0xFF) << 24
            | (bytes[end + 1] & 0xFF) << 16
            | (bytes[end + 2] & 0xFF) << 8
            | bytes[end + 3] & 0xFF;
    return stored == of(bytes, offset, sizeBytes - BYTES);
  }
}
