package holdfast.metadata;

import holdfast.util.ByteReader;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Unpacks what {@link RecordWriter} packed. Not thread-safe. */
final class RecordReader {
  private static final VarHandle U64 =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final byte[] bytes;
  private int position;

  RecordReader(byte[] bytes) {
    this.bytes = bytes;
  }

  int position() {
    return position;
  }

  int remaining() {
    return bytes.length - position;
  }

  int u8() {
    need(1);
    return bytes[position++] & 0xFF;
  }

  long u64() {
    need(8);
    long value = (long) U64.get(bytes, position);
    position += 8;
    return value;
  }

  long varint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      int next = u8();
      value |= (next & 0x7FL) << shift;
      if (next < 0x80) {
        return value;
      }
    }
    throw new ByteReader.Malformed("read number: expected=10 bytes at most");
  }

  /** A number of 0 to {@code max}. */
  int varint(int max) {
    long value = varint();
    if (value < 0 || value > max) {
      throw new ByteReader.Malformed("read number: expected=0 to " + max + ", was=" + value);
    }
    return (int) value;
  }

  long signed() {
    long value = varint();
    return value >>> 1 ^ -(value & 1);
  }

  byte[] raw(int lengthBytes) {
    need(lengthBytes);
    byte[] value = Arrays.copyOfRange(bytes, position, position + lengthBytes);
    position += lengthBytes;
    return value;
  }

  byte[] rest() {
    return raw(remaining());
  }

  void end() {
    if (remaining() != 0) {
      throw new ByteReader.Malformed("read record: expected=its end, was=" + remaining());
    }
  }

  private void need(int lengthBytes) {
    if (lengthBytes > remaining()) {
      throw new ByteReader.Malformed(
          "read record: expected=" + lengthBytes + " bytes, was=" + remaining());
    }
  }
}
