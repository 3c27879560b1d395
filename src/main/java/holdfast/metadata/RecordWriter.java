package holdfast.metadata;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Packs the fields of a tree record; small numbers take few bytes. Not thread-safe. */
final class RecordWriter {
  private static final VarHandle U64 =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final int VARINT_MAX_BYTES = 10;

  private byte[] bytes = new byte[256];
  private int sizeBytes;

  byte[] toBytes() {
    return Arrays.copyOf(bytes, sizeBytes);
  }

  RecordWriter u8(int value) {
    ensure(1);
    bytes[sizeBytes++] = (byte) value;
    return this;
  }

  RecordWriter u64(long value) {
    ensure(8);
    U64.set(bytes, sizeBytes, value);
    sizeBytes += 8;
    return this;
  }

  /** Seven bits a byte, lowest first; all 64 bits unsigned. */
  RecordWriter varint(long value) {
    ensure(VARINT_MAX_BYTES);
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      bytes[sizeBytes++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    bytes[sizeBytes++] = (byte) rest;
    return this;
  }

  /** A signed number, small ones of both signs short. */
  RecordWriter signed(long value) {
    return varint(value << 1 ^ value >> 63);
  }

  RecordWriter raw(byte[] value) {
    return raw(value, 0, value.length);
  }

  RecordWriter raw(byte[] value, int offset, int lengthBytes) {
    ensure(lengthBytes);
    System.arraycopy(value, offset, bytes, sizeBytes, lengthBytes);
    sizeBytes += lengthBytes;
    return this;
  }

  private void ensure(int moreBytes) {
    if (sizeBytes + moreBytes > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, sizeBytes + moreBytes));
    }
  }
}
