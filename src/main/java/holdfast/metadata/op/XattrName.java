package holdfast.metadata.op;

import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/** The name of an extended attribute, sealed by the client within its inode. */
public final class XattrName extends SealedBytes {
  /** Longest sealed name: 255 bytes padded to 256, and 16 of synthetic IV. */
  public static final int MAX_BYTES = 272;

  /**
   * A name; takes a copy of the bytes.
   *
   * @throws holdfast.model.HoldfastException NAME_TOO_LONG beyond {@value #MAX_BYTES} bytes,
   *     INVALID if the length is not 16 more than a multiple of 32
   */
  public XattrName(byte[] sealed) {
    super(sealed, "xattr name", MAX_BYTES, ErrorCode.NAME_TOO_LONG);
  }

  /** What listxattr(2) may need for it at most: the padded name and a zero byte. */
  public int listBytes() {
    return paddedBytes() + 1;
  }

  /** Appends v(sealed bytes). */
  public void write(ByteWriter out) {
    out.v(sealedShared());
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no name
   */
  public static XattrName read(ByteReader in) {
    return Checks.decoding(() -> new XattrName(in.v(MAX_BYTES)));
  }
}
