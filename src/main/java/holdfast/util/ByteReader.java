package holdfast.util;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;

/**
 * Reads big-endian fields from an array, checking each length before it is used: every decoder is
 * built on it. Every read is checked against the end; lengths are checked before anything is
 * allocated. Not thread-safe.
 */
public final class ByteReader {
  private final byte[] bytes;
  private final int limit;
  private int position;

  /** What was read is not what the format says: bad input, not a bug. */
  public static final class Malformed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A failure with a text of the form {@code what: expected=..., was=...}. */
    public Malformed(String message) {
      super(message);
    }
  }

  /** Reads the whole array. */
  public ByteReader(byte[] bytes) {
    this(bytes, 0, bytes.length);
  }

  /** Reads {@code lengthBytes} bytes from {@code offset}. */
  public ByteReader(byte[] bytes, int offset, int lengthBytes) {
    Objects.checkFromIndexSize(offset, lengthBytes, bytes.length);
    this.bytes = bytes;
    this.position = offset;
    this.limit = offset + lengthBytes;
  }

  /** Bytes not read yet. */
  public int remaining() {
    return limit - position;
  }

  /** The next byte, 0 to 255. */
  public int u8() {
    need(1);
    return bytes[position++] & 0xFF;
  }

  /** The next 16 bits, 0 to 65,535. */
  public int u16() {
    return u8() << 8 | u8();
  }

  /** The next 32 bits. */
  public int u32() {
    return u16() << 16 | u16();
  }

  /** The next 64 bits. */
  public long u64() {
    return (long) u32() << 32 | u32() & 0xFFFF_FFFFL;
  }

  /** A boolean; anything but 0 and 1 is malformed. */
  public boolean bool() {
    int value = u8();
    if (value > 1) {
      throw new Malformed("read boolean: expected=0 or 1, was=" + value);
    }
    return value == 1;
  }

  /** The next {@code lengthBytes} bytes. */
  public byte[] raw(int lengthBytes) {
    need(lengthBytes);
    byte[] value = Arrays.copyOfRange(bytes, position, position + lengthBytes);
    position += lengthBytes;
    return value;
  }

  /** A u16 length and as many bytes, at most {@code maxBytes}. */
  public byte[] v(int maxBytes) {
    return bounded(u16(), maxBytes);
  }

  /** A u32 length and as many bytes, at most {@code maxBytes}. */
  public byte[] blob(int maxBytes) {
    return bounded(u32(), maxBytes);
  }

  /** A u16 length and UTF-8 text of at most {@code maxBytes} bytes. */
  public String text(int maxBytes) {
    return new String(v(maxBytes), StandardCharsets.UTF_8);
  }

  /** A u32 count between 0 and {@code maxCount}: check it before allocating. */
  public int count(int maxCount) {
    int value = u32();
    if (value < 0 || value > maxCount) {
      throw new Malformed(
          "read count: expected=0 to " + maxCount + ", was=" + Integer.toUnsignedString(value));
    }
    return value;
  }

  /** Checks that nothing is left. */
  public void end() {
    if (remaining() != 0) {
      throw new Malformed("read end: expected=0 bytes left, was=" + remaining());
    }
  }

  private byte[] bounded(int lengthBytes, int maxBytes) {
    if (lengthBytes < 0 || lengthBytes > maxBytes) {
      throw new Malformed(
          "read length: expected=0 to "
              + maxBytes
              + ", was="
              + Integer.toUnsignedString(lengthBytes));
    }
    return raw(lengthBytes);
  }

  private void need(int lengthBytes) {
    if (lengthBytes < 0 || lengthBytes > remaining()) {
      throw new Malformed("read bytes: expected=" + lengthBytes + ", was=" + remaining());
    }
  }
}
