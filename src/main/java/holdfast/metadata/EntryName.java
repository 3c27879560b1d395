package holdfast.metadata;

import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A name within a directory, as peers know it: the sealed bytes, and a clear-text conflict tag that
 * is empty except for the losing side of a merge. Sealing is deterministic within a directory, so
 * equal names are equal bytes.
 */
public final class EntryName implements Comparable<EntryName> {
  /** Longest sealed name: 255 bytes padded to 256, and 16 of synthetic IV. */
  public static final int SEALED_MAX_BYTES = 272;

  /** Shortest sealed name: one padded block of 32 bytes, and 16 of synthetic IV. */
  public static final int SEALED_MIN_BYTES = 48;

  /** Names are padded to a multiple of this before they are sealed. */
  public static final int PADDING_BYTES = 32;

  /** Bytes of the synthetic IV in front of every sealed text. */
  public static final int IV_BYTES = 16;

  /** Longest conflict tag, in bytes of UTF-8. */
  public static final int CONFLICT_TAG_MAX_BYTES = 160;

  private final byte[] sealed;
  private final String conflictTag;

  /** A name without conflict tag. Takes a copy. */
  public EntryName(byte[] sealed) {
    this(sealed, "");
  }

  /**
   * A name; takes a copy of the bytes.
   *
   * @throws holdfast.model.HoldfastException NAME_TOO_LONG beyond {@value #SEALED_MAX_BYTES} bytes,
   *     INVALID if the length is not 16 more than a multiple of 32
   */
  public EntryName(byte[] sealed, String conflictTag) {
    Bounds.check(
        ErrorCode.NAME_TOO_LONG,
        sealed.length <= SEALED_MAX_BYTES,
        "check sealed name: expected=%s bytes at most, was=%s",
        SEALED_MAX_BYTES,
        sealed.length);
    checkSealedLength(sealed.length);
    Bounds.check(
        conflictTag.getBytes(StandardCharsets.UTF_8).length <= CONFLICT_TAG_MAX_BYTES,
        "check conflict tag: expected=%s bytes at most, was=%s characters",
        CONFLICT_TAG_MAX_BYTES,
        conflictTag.length());
    this.sealed = sealed.clone();
    this.conflictTag = conflictTag;
  }

  static void checkSealedLength(int lengthBytes) {
    Bounds.check(
        lengthBytes >= SEALED_MIN_BYTES && (lengthBytes - IV_BYTES) % PADDING_BYTES == 0,
        "check sealed text: expected=16 bytes more than a multiple of 32, was=%s",
        lengthBytes);
  }

  /** A copy of the sealed bytes. */
  public byte[] sealed() {
    return sealed.clone();
  }

  /** Empty, or what tells a conflict copy from the name it lost. */
  public String conflictTag() {
    return conflictTag;
  }

  /** The bytes themselves, for the package: never to be changed. */
  byte[] sealedShared() {
    return sealed;
  }

  /** Appends v(sealed bytes) and v(conflict tag). */
  public void write(ByteWriter out) {
    out.v(sealed).text(conflictTag);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no name
   */
  public static EntryName read(ByteReader in) {
    return Bounds.decoding(
        () -> new EntryName(in.v(SEALED_MAX_BYTES), in.text(CONFLICT_TAG_MAX_BYTES)));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof EntryName name
        && Arrays.equals(sealed, name.sealed)
        && conflictTag.equals(name.conflictTag);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sealed) * 31 + conflictTag.hashCode();
  }

  @Override
  public int compareTo(EntryName other) {
    int order = Arrays.compareUnsigned(sealed, other.sealed);
    return order != 0 ? order : conflictTag.compareTo(other.conflictTag);
  }

  /** The first eight bytes in hexadecimal: enough to tell names apart in a log. */
  @Override
  public String toString() {
    return HexFormat.of().formatHex(sealed, 0, 8) + (conflictTag.isEmpty() ? "" : conflictTag);
  }
}
