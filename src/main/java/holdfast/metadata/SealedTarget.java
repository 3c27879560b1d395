package holdfast.metadata;

import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Arrays;

/** A symbolic link's target, sealed by the client that made it; peers store it unread. */
public final class SealedTarget {
  /** Longest sealed target: 4,095 bytes padded to 4,096, and 16 of synthetic IV. */
  public static final int MAX_BYTES = 4_112;

  private final byte[] sealed;
  private final int plainBytes;

  /**
   * A target; takes a copy.
   *
   * @param plainBytes length of the target before it was padded and sealed: what lstat(2) shows
   * @throws holdfast.model.HoldfastException NAME_TOO_LONG beyond {@value #MAX_BYTES} bytes,
   *     INVALID if the lengths don't fit each other
   */
  public SealedTarget(byte[] sealed, int plainBytes) {
    Bounds.check(
        ErrorCode.NAME_TOO_LONG,
        sealed.length <= MAX_BYTES,
        "check sealed target: expected=%s bytes at most, was=%s",
        MAX_BYTES,
        sealed.length);
    EntryName.checkSealedLength(sealed.length);
    int paddedBytes = sealed.length - EntryName.IV_BYTES;
    Bounds.check(
        plainBytes <= paddedBytes && plainBytes > paddedBytes - EntryName.PADDING_BYTES,
        "check sealed target: expected=a length padded to %s, was=%s",
        paddedBytes,
        plainBytes);
    this.sealed = sealed.clone();
    this.plainBytes = plainBytes;
  }

  /** A copy of the sealed bytes. */
  public byte[] sealed() {
    return sealed.clone();
  }

  /** The bytes themselves, for the package: never to be changed. */
  byte[] sealedShared() {
    return sealed;
  }

  /** Length of the target itself. */
  public int plainBytes() {
    return plainBytes;
  }

  /** Appends v(sealed bytes) and the length as u16. */
  public void write(ByteWriter out) {
    out.v(sealed).u16(plainBytes);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no target
   */
  public static SealedTarget read(ByteReader in) {
    return Bounds.decoding(() -> new SealedTarget(in.v(MAX_BYTES), in.u16()));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SealedTarget target
        && plainBytes == target.plainBytes
        && Arrays.equals(sealed, target.sealed);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sealed);
  }
}
