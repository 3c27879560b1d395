package holdfast.crypto;

import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Arrays;
import java.util.Optional;
import javax.crypto.BadPaddingException;
import javax.crypto.Cipher;
import javax.crypto.IllegalBlockSizeException;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;

/**
 * The two uses of a node's RSA key: OAEP and PSS, with every parameter spelled out, because the
 * JDK's OAEP defaults to MGF1 with SHA-1 under a name that says SHA-256. Stateless, any thread.
 */
public final class Rsa {
  public static final int MODULUS_BITS = 3_072;
  public static final int BYTES = MODULUS_BITS / 8;
  private static final int SALT_BYTES = 32;
  private static final byte[] OAEP_LABEL = Hashes.ascii("holdfast/1 session");
  private static final AlgorithmParameterSpec OAEP =
      new OAEPParameterSpec(
          "SHA-256", "MGF1", MGF1ParameterSpec.SHA256, new PSource.PSpecified(OAEP_LABEL));
  private static final AlgorithmParameterSpec PSS =
      new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, SALT_BYTES, 1);
  private static final String OAEP_NAME = "RSA/ECB/OAEPPadding";
  private static final String PSS_NAME = "RSASSA-PSS";
  private static final int PREFIX_BYTES = 64;
  private static final byte PREFIX = 0x20;

  private Rsa() {}

  /** Signs 64 spaces, the context, 00, the hash: 384 bytes. */
  public static byte[] sign(PrivateKey key, String context, byte[] hash, SecureRandom random) {
    try {
      var signature = Signature.getInstance(PSS_NAME);
      signature.setParameter(PSS);
      signature.initSign(key, random);
      signature.update(message(context, hash));
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during(PSS_NAME, e);
    }
  }

  static boolean verifies(PublicKey key, String context, byte[] hash, byte[] claimed) {
    try {
      var signature = Signature.getInstance(PSS_NAME);
      signature.setParameter(PSS);
      signature.initVerify(key);
      signature.update(message(context, hash));
      return signature.verify(claimed);
    } catch (SignatureException e) {
      return false;
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during(PSS_NAME, e);
    }
  }

  static byte[] encrypt(PublicKey key, byte[] plain, SecureRandom random) {
    try {
      var cipher = Cipher.getInstance(OAEP_NAME);
      cipher.init(Cipher.ENCRYPT_MODE, key, OAEP, random);
      return cipher.doFinal(plain);
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during(OAEP_NAME, e);
    }
  }

  public static Optional<byte[]> decrypt(PrivateKey key, byte[] sealed) {
    try {
      var cipher = Cipher.getInstance(OAEP_NAME);
      cipher.init(Cipher.DECRYPT_MODE, key, OAEP);
      return Optional.of(cipher.doFinal(sealed));
    } catch (BadPaddingException | IllegalBlockSizeException | InvalidKeyException e) {
      return Optional.empty();
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during(OAEP_NAME, e);
    }
  }

  private static byte[] message(String context, byte[] hash) {
    byte[] name = Hashes.ascii(context);
    byte[] message = new byte[PREFIX_BYTES + name.length + 1 + hash.length];
    Arrays.fill(message, 0, PREFIX_BYTES, PREFIX);
    System.arraycopy(name, 0, message, PREFIX_BYTES, name.length);
    System.arraycopy(hash, 0, message, message.length - hash.length, hash.length);
    return message;
  }
}
