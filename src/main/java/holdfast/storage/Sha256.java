package holdfast.storage;

import holdfast.model.ChunkId;
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

  /** The digest of what was fed so far; more may follow. */
  byte[] digestSoFar() {
    try {
      return ((MessageDigest) digest.clone()).digest();
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException("the platform's SHA-256 can be copied", e);
    }
  }

  /** The name of a chunk with these bytes. */
  static ChunkId name(byte[] bytes, int offset, int lengthBytes) {
    return ChunkId.of(new Sha256().update(bytes, offset, lengthBytes).digest());
  }
}
