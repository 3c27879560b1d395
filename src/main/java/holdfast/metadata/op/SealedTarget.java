package holdfast.metadata.op;

import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/** A symbolic link's target, sealed by the client that made it. */
public final class SealedTarget extends SealedBytes {
  /** Longest sealed target: 4,095 bytes padded to 4,096, and 16 of synthetic IV. */
  public static final int MAX_BYTES = 4_112;

  private final int plainBytes;

  /**
   * A target; takes a copy.
   *
   * @param plainBytes length of the target before it was padded and sealed: what lstat(2) shows
   * @throws holdfast.model.HoldfastException NAME_TOO_LONG beyond {@value #MAX_BYTES} bytes,
   *     INVALID if the lengths don't fit each other
   */
  public SealedTarget(byte[] sealed, int plainBytes) {
    super(sealed, "target", MAX_BYTES, ErrorCode.NAME_TOO_LONG);
    Checks.check(
        plainBytes <= paddedBytes() && plainBytes > paddedBytes() - PADDING_BYTES,
        "check sealed target: expected=a length padded to %s, was=%s",
        paddedBytes(),
        plainBytes);
    this.plainBytes = plainBytes;
  }

  /** Length of the target itself. */
  public int plainBytes() {
    return plainBytes;
  }

  /** Appends v(sealed bytes) and the length as u16. */
  public void write(ByteWriter out) {
    out.v(sealedShared()).u16(plainBytes);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no target
   */
  public static SealedTarget read(ByteReader in) {
    return Checks.decoding(() -> new SealedTarget(in.v(MAX_BYTES), in.u16()));
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other) && plainBytes == ((SealedTarget) other).plainBytes;
  }

  @Override
  public int hashCode() {
    return super.hashCode();
  }
}
