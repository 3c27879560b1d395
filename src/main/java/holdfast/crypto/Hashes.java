package holdfast.crypto;

import holdfast.util.Sha256;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The keyed hashes of the protocol, X and E: HMAC-SHA-256 and HKDF-SHA-256 (RFC 5869). Stateless,
 * any thread.
 */
public final class Hashes {
  public static final int BYTES = Sha256.BYTES;
  private static final String HMAC = "HmacSHA256";

  private Hashes() {}

  /** HMAC-SHA-256 of the parts in order. The key may have any length, 0 included. */
  public static byte[] hmac(byte[] key, byte[]... parts) {
    var mac = newHmac(key);
    for (byte[] part : parts) {
      mac.update(part);
    }
    return mac.doFinal();
  }

  static Mac newHmac(byte[] key) {
    try {
      var mac = Mac.getInstance(HMAC);
      // SecretKeySpec refuses an empty key; HMAC pads short keys with zeros anyway.
      mac.init(new SecretKeySpec(key.length == 0 ? new byte[1] : key, HMAC));
      return mac;
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during(HMAC, e);
    }
  }

  /** X(salt, ikm): HKDF extract. */
  public static byte[] extract(byte[] salt, byte[] ikm) {
    return hmac(salt, ikm);
  }

  /** E(prk, label, ctx): HKDF expand to 32 bytes with info = label, 00, the parts of ctx. */
  public static byte[] expand(byte[] prk, String label, byte[]... context) {
    return expand(prk, label, BYTES, context);
  }

  /** HKDF expand to {@code lengthBytes} bytes, at most 255 blocks of 32. */
  static byte[] expand(byte[] prk, String label, int lengthBytes, byte[]... context) {
    if (lengthBytes > 255 * BYTES) {
      throw new IllegalArgumentException("expand key: expected<=8160 bytes, was=" + lengthBytes);
    }
    byte[] out = new byte[lengthBytes];
    byte[] labelBytes = ascii(label);
    var mac = newHmac(prk);
    byte[] block = {};
    for (int done = 0, counter = 1; done < lengthBytes; done += BYTES, counter++) {
      mac.update(block);
      mac.update(labelBytes);
      mac.update((byte) 0);
      for (byte[] part : context) {
        mac.update(part);
      }
      mac.update((byte) counter);
      block = mac.doFinal();
      System.arraycopy(block, 0, out, done, Math.min(BYTES, lengthBytes - done));
    }
    return out;
  }

  public static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** Compares without telling by its duration where the difference is. */
  public static boolean equal(byte[] a, byte[] b) {
    return MessageDigest.isEqual(a, b);
  }
}
