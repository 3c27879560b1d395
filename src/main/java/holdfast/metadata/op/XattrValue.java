package holdfast.metadata.op;

import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/** The value of an extended attribute, sealed by the client that set it. */
public final class XattrValue extends SealedBytes {
  /** Longest sealed value: a length and 65,536 bytes, padded, and 16 of synthetic IV. */
  public static final int MAX_BYTES = 65_584;

  /**
   * A value; takes a copy of the bytes.
   *
   * @throws holdfast.model.HoldfastException ARGUMENT_TOO_LARGE beyond {@value #MAX_BYTES} bytes,
   *     INVALID if the length is not 16 more than a multiple of 32
   */
  public XattrValue(byte[] sealed) {
    super(sealed, "xattr value", MAX_BYTES, ErrorCode.ARGUMENT_TOO_LARGE);
  }

  /** Appends blob(sealed bytes). */
  public void write(ByteWriter out) {
    out.blob(sealedShared());
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no value
   */
  public static XattrValue read(ByteReader in) {
    return Checks.decoding(() -> new XattrValue(in.blob(MAX_BYTES)));
  }

  /** Its size only: a value says nothing to a log. */
  @Override
  public String toString() {
    return sealedShared().length + " bytes";
  }
}
