package holdfast.util;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * SHA-256 by the JDK, fed in small pieces: in one large call a new process would hash all of it in
 * the interpreter before compiled code takes over. One thread.
 */
public final class Sha256 {
  /** Size of a digest. */
  public static final int BYTES = 32;

  private static final int PIECE_BYTES = 16 * 1024;

  private final MessageDigest digest;

  /** Of nothing yet. */
  public Sha256() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** The digest of the parts in order. */
  public static byte[] of(byte[]... parts) {
    var sha = new Sha256();
    for (byte[] part : parts) {
      sha.update(part);
    }
    return sha.digest();
  }

  /** Takes in all of {@code bytes}. */
  public Sha256 update(byte[] bytes) {
    return update(bytes, 0, bytes.length);
  }

  /** Takes in {@code lengthBytes} bytes from {@code offset}. */
  public Sha256 update(byte[] bytes, int offset, int lengthBytes) {
    for (int done = 0; done < lengthBytes; done += PIECE_BYTES) {
      digest.update(bytes, offset + done, Math.min(PIECE_BYTES, lengthBytes - done));
    }
    return this;
  }

  /** The 32 bytes; starts over. */
  public byte[] digest() {
    return digest.digest();
  }

  /** The digest of what was fed so far; more may follow. */
  public byte[] digestSoFar() {
    try {
      return ((MessageDigest) digest.clone()).digest();
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException("the platform's SHA-256 can be copied", e);
    }
  }
}
