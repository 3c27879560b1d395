package holdfast.util;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Appends big-endian fields to a growing array: every encoder is built on it. Not thread-safe. */
public final class ByteWriter {
  private static final int INITIAL_BYTES = 64;

  private byte[] bytes;
  private int sizeBytes;

  /** An empty writer. */
  public ByteWriter() {
    this(INITIAL_BYTES);
  }

  /** An empty writer with room for {@code expectedBytes} before it grows. */
  public ByteWriter(int expectedBytes) {
    bytes = new byte[expectedBytes];
  }

  /** Number of bytes written so far. */
  public int sizeBytes() {
    return sizeBytes;
  }

  /** A copy of what was written. */
  public byte[] toBytes() {
    return Arrays.copyOf(bytes, sizeBytes);
  }

  /** Appends the low 8 bits. */
  public ByteWriter u8(int value) {
    ensure(1);
    bytes[sizeBytes++] = (byte) value;
    return this;
  }

  /** Appends the low 16 bits. */
  public ByteWriter u16(int value) {
    return u8(value >>> 8).u8(value);
  }

  /** Appends 32 bits. */
  public ByteWriter u32(int value) {
    return u16(value >>> 16).u16(value);
  }

  /** Appends 64 bits. */
  public ByteWriter u64(long value) {
    return u32((int) (value >>> 32)).u32((int) value);
  }

  /** Appends a boolean as one byte, 0 or 1. */
  public ByteWriter bool(boolean value) {
    return u8(value ? 1 : 0);
  }

  /** Appends the bytes as they are. */
  public ByteWriter raw(byte[] value) {
    return raw(value, 0, value.length);
  }

  /** Appends a part of an array as it is. */
  public ByteWriter raw(byte[] value, int offset, int lengthBytes) {
    ensure(lengthBytes);
    System.arraycopy(value, offset, bytes, sizeBytes, lengthBytes);
    sizeBytes += lengthBytes;
    return this;
  }

  /** Appends a u16 length and the bytes: v(x) of the protocol. At most 65,535 bytes. */
  public ByteWriter v(byte[] value) {
    Invariants.check(value.length <= 0xFFFF, "v() takes 65535 bytes at most, was=%s", value.length);
    return u16(value.length).raw(value);
  }

  /** Appends a u32 length and the bytes. */
  public ByteWriter blob(byte[] value) {
    return u32(value.length).raw(value);
  }

  /** Appends a string as UTF-8 behind a u16 length. */
  public ByteWriter text(String value) {
    return v(value.getBytes(StandardCharsets.UTF_8));
  }

  private void ensure(int moreBytes) {
    int needed = Math.addExact(sizeBytes, moreBytes);
    if (needed > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(needed, Math.max(INITIAL_BYTES, bytes.length * 2)));
    }
  }
}
