package holdfast.crypto;

import holdfast.util.Invariants;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * One AES-128-CBC cipher and one HMAC-SHA-256, reused from token to token. Not thread-safe: take
 * one, use it, give it back. Feeds both in pieces of {@link EnginePool#PIECE_BYTES}, because the
 * compiler replaces the methods around them by CPU instructions only after many calls.
 */
public final class FernetEngine {
  static final int VERSION = 0x80;
  public static final int IV_BYTES = 16;
  static final int HEADER_BYTES = 25;
  static final int MAC_BYTES = 32;
  private static final int HALF_KEY_BYTES = 16;
  private static final int AES_BLOCK_BYTES = 16;
  private static final EnginePool<FernetEngine> POOL = new EnginePool<>(FernetEngine::new);

  private final Cipher cipher;
  private final Mac mac;

  private FernetEngine() {
    try {
      cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
      mac = Mac.getInstance("HmacSHA256");
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("AES/CBC/PKCS5Padding, HmacSHA256", e);
    }
  }

  public static FernetEngine acquire() {
    return POOL.acquire();
  }

  public void release() {
    POOL.release(this);
  }

  static long timestampS(byte[] token) {
    return ByteBuffer.wrap(token).getLong(1);
  }

  /** Writes the whole token to {@code out} from {@code outOffset}; returns its size in bytes. */
  public int encrypt(
      byte[] key,
      long timestampS,
      byte[] iv,
      byte[] plain,
      int offset,
      int lengthBytes,
      byte[] out,
      int outOffset) {
    Invariants.check(key.length == Fernet.KEY_BYTES, "key has %s bytes, not 32", key.length);
    try {
      cipher.init(Cipher.ENCRYPT_MODE, aesKey(key), new IvParameterSpec(iv));
      mac.init(macKey(key));
      out[outOffset] = (byte) VERSION;
      ByteBuffer.wrap(out).putLong(outOffset + 1, timestampS);
      System.arraycopy(iv, 0, out, outOffset + 9, IV_BYTES);
      int end = EnginePool.run(cipher, plain, offset, lengthBytes, out, outOffset + HEADER_BYTES);
      feedMac(out, outOffset, end - outOffset);
      mac.doFinal(out, end);
      return end + MAC_BYTES - outOffset;
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("Fernet encryption", e);
    }
  }

  /** The plaintext, or null if this is no token under this key. */
  byte[] decrypt(byte[] key, byte[] token, int offset, int lengthBytes) {
    if (!isAuthentic(key, token, offset, lengthBytes)) {
      return null;
    }
    int cipherBytes = lengthBytes - HEADER_BYTES - MAC_BYTES;
    byte[] plain = new byte[cipherBytes];
    int plainBytes = decryptBody(key, token, offset, cipherBytes, plain, 0);
    return plainBytes < 0 ? null : Arrays.copyOf(plain, plainBytes);
  }

  /** Opens to {@code out}, which has room for the ciphertext's size; the size, or -1 if broken. */
  public int decrypt(
      byte[] key, byte[] token, int offset, int lengthBytes, byte[] out, int outOffset) {
    if (!isAuthentic(key, token, offset, lengthBytes)) {
      return -1;
    }
    int cipherBytes = lengthBytes - HEADER_BYTES - MAC_BYTES;
    return decryptBody(key, token, offset, cipherBytes, out, outOffset);
  }

  private boolean isAuthentic(byte[] key, byte[] token, int offset, int lengthBytes) {
    Invariants.check(key.length == Fernet.KEY_BYTES, "key has %s bytes, not 32", key.length);
    int cipherBytes = lengthBytes - HEADER_BYTES - MAC_BYTES;
    if (cipherBytes < AES_BLOCK_BYTES
        || cipherBytes % AES_BLOCK_BYTES != 0
        || token[offset] != (byte) VERSION) {
      return false;
    }
    try {
      mac.init(macKey(key));
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("HmacSHA256", e);
    }
    feedMac(token, offset, lengthBytes - MAC_BYTES);
    int macOffset = offset + lengthBytes - MAC_BYTES;
    byte[] claimed = Arrays.copyOfRange(token, macOffset, macOffset + MAC_BYTES);
    return MessageDigest.isEqual(claimed, mac.doFinal());
  }

  private int decryptBody(
      byte[] key, byte[] token, int offset, int cipherBytes, byte[] out, int outOffset) {
    try {
      var iv = new IvParameterSpec(token, offset + 9, IV_BYTES);
      cipher.init(Cipher.DECRYPT_MODE, aesKey(key), iv);
      int start = offset + HEADER_BYTES;
      return EnginePool.run(cipher, token, start, cipherBytes, out, outOffset) - outOffset;
    } catch (ShortBufferException e) {
      throw BrokenRuntime.during("Fernet decryption", e);
    } catch (GeneralSecurityException e) {
      // Bad padding under a good HMAC: its maker was no Fernet implementation. One error for all.
      return -1;
    }
  }

  private void feedMac(byte[] bytes, int offset, int lengthBytes) {
    for (int done = 0; done < lengthBytes; done += EnginePool.PIECE_BYTES) {
      int pieceBytes = Math.min(EnginePool.PIECE_BYTES, lengthBytes - done);
      mac.update(bytes, offset + done, pieceBytes);
    }
  }

  private static SecretKeySpec macKey(byte[] key) {
    return new SecretKeySpec(key, 0, HALF_KEY_BYTES, "HmacSHA256");
  }

  private static SecretKeySpec aesKey(byte[] key) {
    return new SecretKeySpec(key, HALF_KEY_BYTES, HALF_KEY_BYTES, "AES");
  }
}
