package holdfast.metadata;

import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The name of an extended attribute, sealed by the client. Sealing is deterministic within an
 * inode, so equal names are equal bytes, and peers find them unread.
 */
public final class XattrName {
  /** Longest sealed name: 255 bytes padded to 256, and 16 of synthetic IV. */
  public static final int MAX_BYTES = 272;

  private final byte[] sealed;

  /**
   * A name; takes a copy of the bytes.
   *
   * @throws holdfast.model.HoldfastException NAME_TOO_LONG beyond {@value #MAX_BYTES} bytes,
   *     INVALID if the length is not 16 more than a multiple of 32
   */
  public XattrName(byte[] sealed) {
    Bounds.check(
        ErrorCode.NAME_TOO_LONG,
        sealed.length <= MAX_BYTES,
        "check sealed xattr name: expected=%s bytes at most, was=%s",
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

  /** What listxattr(2) may need for it at most: the padded name and a zero byte. */
  int listBytes() {
    return sealed.length - EntryName.IV_BYTES + 1;
  }

  /** Appends v(sealed bytes). */
  public void write(ByteWriter out) {
    out.v(sealed);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no name
   */
  public static XattrName read(ByteReader in) {
    return Bounds.decoding(() -> new XattrName(in.v(MAX_BYTES)));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof XattrName name && Arrays.equals(sealed, name.sealed);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sealed);
  }

  /** The first eight bytes in hexadecimal: enough to tell names apart in a log. */
  @Override
  public String toString() {
    return HexFormat.of().formatHex(sealed, 0, 8);
  }
}
