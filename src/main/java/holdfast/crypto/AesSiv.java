package holdfast.crypto;

import holdfast.util.Invariants;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Optional;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.crypto.engines.AESEngine;
import org.bouncycastle.crypto.macs.CMac;
import org.bouncycastle.crypto.params.KeyParameter;

/**
 * AES-SIV of RFC 5297: deterministic authenticated encryption. The first half of the key makes the
 * synthetic IV (CMAC), the second half encrypts (CTR). Immutable, any thread.
 */
public final class AesSiv {
  static final int KEY_BYTES = 64;
  public static final int SIV_BYTES = 16;
  private static final int MSB = 0x80;
  private static final int REDUCTION = 0x87;
  private static final EnginePool<Cipher> CTR = new EnginePool<>(AesSiv::newCtr);

  private final byte[] macKey;
  private final SecretKeySpec ctrKey;

  /** A key of 64 bytes; RFC 5297's own test vectors use 32. */
  public AesSiv(byte[] key) {
    Invariants.check(
        key.length == KEY_BYTES || key.length == 32, "SIV key of %s bytes", key.length);
    int half = key.length / 2;
    macKey = Arrays.copyOf(key, half);
    ctrKey = new SecretKeySpec(key, half, half, "AES");
  }

  /** Seals: 16 bytes of synthetic IV, then the ciphertext, as long as the plaintext. */
  public byte[] seal(byte[] plain, byte[]... associated) {
    byte[] siv = s2v(plain, associated);
    byte[] sealed = new byte[SIV_BYTES + plain.length];
    System.arraycopy(siv, 0, sealed, 0, SIV_BYTES);
    ctr(siv, plain, 0, plain.length, sealed, SIV_BYTES);
    return sealed;
  }

  /** Opens what {@link #seal} made with the same key and associated data; else empty. */
  public Optional<byte[]> open(byte[] sealed, byte[]... associated) {
    if (sealed.length < SIV_BYTES) {
      return Optional.empty();
    }
    byte[] siv = Arrays.copyOf(sealed, SIV_BYTES);
    byte[] plain = new byte[sealed.length - SIV_BYTES];
    ctr(siv, sealed, SIV_BYTES, plain.length, plain, 0);
    return Hashes.equal(siv, s2v(plain, associated)) ? Optional.of(plain) : Optional.empty();
  }

  private byte[] s2v(byte[] plain, byte[][] associated) {
    var mac = new CMac(AESEngine.newInstance());
    mac.init(new KeyParameter(macKey));
    byte[] sum = cmac(mac, new byte[SIV_BYTES], 0);
    for (byte[] part : associated) {
      doubled(sum);
      xor(sum, cmac(mac, part, 0), 0);
    }
    if (plain.length >= SIV_BYTES) {
      byte[] last = plain.clone();
      xor(last, sum, plain.length - SIV_BYTES);
      return cmac(mac, last, 0);
    }
    doubled(sum);
    byte[] padded = Arrays.copyOf(plain, SIV_BYTES);
    padded[plain.length] = (byte) MSB;
    xor(sum, padded, 0);
    return cmac(mac, sum, 0);
  }

  private static byte[] cmac(CMac mac, byte[] bytes, int offset) {
    byte[] out = new byte[SIV_BYTES];
    mac.update(bytes, offset, bytes.length - offset);
    mac.doFinal(out, 0);
    return out;
  }

  /** dbl() of the RFC: times x in GF(2^128), in place and without a branch on the secret bit. */
  private static void doubled(byte[] block) {
    int carry = 0;
    for (int i = SIV_BYTES - 1; i >= 0; i--) {
      int value = (block[i] & 0xFF) << 1 | carry;
      block[i] = (byte) value;
      carry = value >>> 8;
    }
    block[SIV_BYTES - 1] ^= (byte) (-carry & REDUCTION);
  }

  private static void xor(byte[] into, byte[] sixteen, int offset) {
    for (int i = 0; i < SIV_BYTES; i++) {
      into[offset + i] ^= sixteen[i];
    }
  }

  private void ctr(
      byte[] siv, byte[] in, int inOffset, int lengthBytes, byte[] out, int outOffset) {
    byte[] counter = siv.clone();
    // RFC 5297 2.5: two bits are cleared so that 32-bit counters can't carry differently.
    counter[8] &= 0x7F;
    counter[12] &= 0x7F;
    var cipher = CTR.acquire();
    try {
      cipher.init(Cipher.ENCRYPT_MODE, ctrKey, new IvParameterSpec(counter));
      EnginePool.run(cipher, in, inOffset, lengthBytes, out, outOffset);
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("AES/CTR/NoPadding", e);
    } finally {
      CTR.release(cipher);
    }
  }

  private static Cipher newCtr() {
    try {
      return Cipher.getInstance("AES/CTR/NoPadding");
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("AES/CTR/NoPadding", e);
    }
  }
}
