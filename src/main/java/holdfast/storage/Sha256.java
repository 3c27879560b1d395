package holdfast.storage;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256, fed in pieces small enough that the JIT replaces the loop around them soon. */
final class Sha256 {
  private static final int PIECE_BYTES = 16 * 1024;

  private final MessageDigest digest;

  Sha256() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  Sha256 update(byte[] bytes, int offset, int lengthBytes) {
    for (int done = 0; done < lengthBytes; done += PIECE_BYTES) {
      digest.update(bytes, offset + done, Math.min(PIECE_BYTES, lengthBytes - done));
    }
    return this;
  }

  byte[] digest() {
    return digest.digest();
  }
}
