package holdfast.metadata.op;

import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A name within a directory, as peers know it: the sealed bytes, and a clear-text conflict tag that
 * is empty except for the losing side of a merge.
 */
public final class EntryName extends SealedBytes implements Comparable<EntryName> {
  /** Longest sealed name: 255 bytes padded to 256, and 16 of synthetic IV. */
  public static final int SEALED_MAX_BYTES = 272;

  /** Longest conflict tag, in bytes of UTF-8. */
  public static final int CONFLICT_TAG_MAX_BYTES = 160;

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
    super(sealed, "name", SEALED_MAX_BYTES, ErrorCode.NAME_TOO_LONG);
    Checks.check(
        conflictTag.getBytes(StandardCharsets.UTF_8).length <= CONFLICT_TAG_MAX_BYTES,
        "check conflict tag: expected=%s bytes at most, was=%s characters",
        CONFLICT_TAG_MAX_BYTES,
        conflictTag.length());
    this.conflictTag = conflictTag;
  }

  /** Empty, or what tells a conflict copy from the name it lost. */
  public String conflictTag() {
    return conflictTag;
  }

  /** Appends v(sealed bytes) and v(conflict tag). */
  public void write(ByteWriter out) {
    out.v(sealedShared()).text(conflictTag);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no name
   */
  public static EntryName read(ByteReader in) {
    return Checks.decoding(
        () -> new EntryName(in.v(SEALED_MAX_BYTES), in.text(CONFLICT_TAG_MAX_BYTES)));
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other) && conflictTag.equals(((EntryName) other).conflictTag);
  }

  @Override
  public int hashCode() {
    return super.hashCode() * 31 + conflictTag.hashCode();
  }

  @Override
  public int compareTo(EntryName other) {
    int order = Arrays.compareUnsigned(sealedShared(), other.sealedShared());
    return order != 0 ? order : conflictTag.compareTo(other.conflictTag);
  }

  @Override
  public String toString() {
    return super.toString() + conflictTag;
  }
}
