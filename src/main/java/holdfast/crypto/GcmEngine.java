package holdfast.crypto;

import java.security.GeneralSecurityException;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** One AES-256-GCM cipher, reused from block to block. Not thread-safe: acquire, use, release. */
public final class GcmEngine {
  private static final int TAG_BITS = 128;
  private static final EnginePool<GcmEngine> POOL = new EnginePool<>(GcmEngine::new);

  private final Cipher cipher;

  private GcmEngine() {
    try {
      cipher = Cipher.getInstance("AES/GCM/NoPadding");
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("AES/GCM/NoPadding", e);
    }
  }

  public static GcmEngine acquire() {
    return POOL.acquire();
  }

  public void release() {
    POOL.release(this);
  }

  /** Writes ciphertext and tag to {@code out} from {@code outOffset}; returns their size. */
  public int seal(
      SecretKeySpec key,
      byte[] nonce,
      byte[] associated,
      byte[] plain,
      int offset,
      int lengthBytes,
      byte[] out,
      int outOffset) {
    try {
      cipher.init(Cipher.ENCRYPT_MODE, key, new GCMParameterSpec(TAG_BITS, nonce));
      cipher.updateAAD(associated);
      return EnginePool.run(cipher, plain, offset, lengthBytes, out, outOffset) - outOffset;
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("AES/GCM/NoPadding", e);
    }
  }

  /** Opens to {@code out}; the plaintext's size, or -1 if the tag doesn't fit. */
  public int open(
      SecretKeySpec key,
      byte[] nonce,
      byte[] associated,
      byte[] sealed,
      int offset,
      int lengthBytes,
      byte[] out,
      int outOffset) {
    try {
      cipher.init(Cipher.DECRYPT_MODE, key, new GCMParameterSpec(TAG_BITS, nonce));
      cipher.updateAAD(associated);
      // In one call: the JDK keeps back every byte until the tag is checked, pieces only copy.
      return cipher.doFinal(sealed, offset, lengthBytes, out, outOffset);
    } catch (AEADBadTagException e) {
      return -1;
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("AES/GCM/NoPadding", e);
    }
  }
}
