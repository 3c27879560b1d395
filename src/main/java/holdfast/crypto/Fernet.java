package holdfast.crypto;

import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Fernet tokens (version 0x80, AES-128-CBC, HMAC-SHA-256) in binary form, without base64; F(k, p)
 * of the protocol. k[0..16) signs, k[16..32) encrypts. Stateless, any thread.
 *
 * <p>A token is version 0x80, timestamp u64, IV[16], ciphertext, HMAC[32]. {@link #decrypt} never
 * looks at the timestamp: nothing in a pool depends on clocks. {@link #decryptText} does, because
 * the public specification asks for it; the pool doesn't use it.
 */
public final class Fernet {
  /** Key size in bytes. */
  public static final int KEY_BYTES = 32;

  /** Bytes of a token around its ciphertext: version, timestamp, IV, HMAC. */
  public static final int OVERHEAD_BYTES = 57;

  /** A token more than this many seconds ahead of the clock fails {@link #decryptText}. */
  public static final long CLOCK_SKEW_MAX_S = 60;

  private static final Pattern BASE64 = Pattern.compile("[A-Za-z0-9_-]*={0,2}");

  private Fernet() {}

  /** Size in bytes of the token of {@code plainBytes} bytes. */
  public static int tokenBytes(int plainBytes) {
    return OVERHEAD_BYTES + (plainBytes / 16 + 1) * 16;
  }

  /**
   * Largest plaintext in bytes whose token is not larger than {@code tokenBytes}; may be &lt; 0.
   */
  public static int plainBytesMax(int tokenBytes) {
    return Math.floorDiv(tokenBytes - OVERHEAD_BYTES, 16) * 16 - 1;
  }

  /**
   * Makes a token.
   *
   * @param key 32 bytes
   * @param random draws the 16-byte IV
   * @param timestampS seconds since 1970; informs only
   */
  public static byte[] encrypt(byte[] key, byte[] plain, SecureRandom random, long timestampS) {
    byte[] iv = new byte[FernetEngine.IV_BYTES];
    random.nextBytes(iv);
    byte[] token = new byte[tokenBytes(plain.length)];
    var engine = FernetEngine.acquire();
    try {
      engine.encrypt(key, timestampS, iv, plain, 0, plain.length, token, 0);
    } finally {
      engine.release();
    }
    return token;
  }

  /** Opens a token; empty if it is not one under this key, whatever the reason. */
  public static Optional<byte[]> decrypt(byte[] key, byte[] token) {
    return decrypt(key, token, 0, token.length);
  }

  /** Opens a token inside an array; empty if it is not one under this key, whatever the reason. */
  public static Optional<byte[]> decrypt(byte[] key, byte[] token, int offset, int lengthBytes) {
    var engine = FernetEngine.acquire();
    try {
      return Optional.ofNullable(engine.decrypt(key, token, offset, lengthBytes));
    } finally {
      engine.release();
    }
  }

  /** The token in the base64url text form of the public specification. */
  public static String toText(byte[] token) {
    return Base64.getUrlEncoder().encodeToString(token);
  }

  /** The token of a base64url text form, padded as the specification asks; empty if it isn't. */
  public static Optional<byte[]> ofText(String text) {
    if (text.length() % 4 != 0 || !BASE64.matcher(text).matches()) {
      return Optional.empty();
    }
    try {
      return Optional.of(Base64.getUrlDecoder().decode(text.getBytes(StandardCharsets.US_ASCII)));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /**
   * Verifies and opens a text token as the public specification says, age included: older than
   * {@code ttlS}, or more than {@value #CLOCK_SKEW_MAX_S} s ahead of {@code nowS}, fails.
   */
  public static Optional<byte[]> decryptText(byte[] key, String text, long ttlS, long nowS) {
    var token = ofText(text);
    if (token.isEmpty() || token.get().length < FernetEngine.HEADER_BYTES) {
      return Optional.empty();
    }
    long timestampS = FernetEngine.timestampS(token.get());
    if (timestampS < nowS - ttlS || timestampS > nowS + CLOCK_SKEW_MAX_S) {
      return Optional.empty();
    }
    return decrypt(key, token.get());
  }
}
