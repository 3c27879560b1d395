package holdfast.metadata.op;

import holdfast.model.ErrorCode;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The base of every text that a client sealed and peers store and compare unread. Sealing is
 * deterministic within its context, so equal texts are equal bytes. Immutable; equal only to one of
 * its own kind.
 */
public abstract sealed class SealedBytes permits EntryName, SealedTarget, XattrName, XattrValue {
  /** Texts are padded to a multiple of this before they are sealed. */
  public static final int PADDING_BYTES = 32;

  /** Bytes of the synthetic IV in front of every sealed text. */
  public static final int IV_BYTES = 16;

  /** Shortest sealed text: one padded block, and the synthetic IV. */
  public static final int SEALED_MIN_BYTES = PADDING_BYTES + IV_BYTES;

  private static final int LOG_BYTES = 8;

  private final byte[] sealed;

  /**
   * Takes a copy.
   *
   * @param what names the text in messages
   * @param tooLong the error beyond {@code maxBytes}
   * @throws holdfast.model.HoldfastException {@code tooLong}; INVALID if the length is not 16 more
   *     than a multiple of 32
   */
  SealedBytes(byte[] sealed, String what, int maxBytes, ErrorCode tooLong) {
    Checks.check(
        tooLong,
        sealed.length <= maxBytes,
        "check sealed %s: expected=%s bytes at most, was=%s",
        what,
        maxBytes,
        sealed.length);
    Checks.check(
        sealed.length >= SEALED_MIN_BYTES && (sealed.length - IV_BYTES) % PADDING_BYTES == 0,
        "check sealed text: expected=16 bytes more than a multiple of 32, was=%s",
        sealed.length);
    this.sealed = sealed.clone();
  }

  /** A copy of the sealed bytes. */
  public final byte[] sealed() {
    return sealed.clone();
  }

  /** The bytes themselves, for the package: never to be changed. */
  public final byte[] sealedShared() {
    return sealed;
  }

  /** Length of the padded text. */
  final int paddedBytes() {
    return sealed.length - IV_BYTES;
  }

  @Override
  public boolean equals(Object other) {
    return other != null
        && other.getClass() == getClass()
        && Arrays.equals(sealed, ((SealedBytes) other).sealed);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sealed);
  }

  /** The first eight bytes in hexadecimal: enough to tell texts apart in a log. */
  @Override
  public String toString() {
    return HexFormat.of().formatHex(sealed, 0, LOG_BYTES);
  }
}
