package holdfast.metadata;

import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Arrays;

/** The value of an extended attribute, sealed by the client that set it; peers store it unread. */
public final class XattrValue {
  /** Longest sealed value: a length and 65,536 bytes, padded, and 16 of synthetic IV. */
  public static final int MAX_BYTES = 65_584;

  private final byte[] sealed;

  /**
   * A value; takes a copy of the bytes.
   *
   * @throws holdfast.model.HoldfastException ARGUMENT_TOO_LARGE beyond {@value #MAX_BYTES} bytes,
   *     INVALID if the length is not 16 more than a multiple of 32
   */
  public XattrValue(byte[] sealed) {
    Bounds.check(
        ErrorCode.ARGUMENT_TOO_LARGE,
        sealed.length <= MAX_BYTES,
        "check sealed xattr value: expected=%s bytes at most, was=%s",
        MAX_BYTES,
        sealed.length);
    EntryName.checkSealedLength(sealed.length);
    this.sealed = sealed.clone();
  }

  /** A copy of the sealed bytes. */
  public byte[] sealed() {
    return sealed.clone();
  }

  /** The bytes themselves, for the package: never to be changed. */
  byte[] sealedShared() {
    return sealed;
  }

  /** Appends blob(sealed bytes). */
  public void write(ByteWriter out) {
    out.blob(sealed);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no value
   */
  public static XattrValue read(ByteReader in) {
    return Bounds.decoding(() -> new XattrValue(in.blob(MAX_BYTES)));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof XattrValue value && Arrays.equals(sealed, value.sealed);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sealed);
  }

  /** Its size only: a value says nothing to a log. */
  @Override
  public String toString() {
    return sealed.length + " bytes";
  }
}
