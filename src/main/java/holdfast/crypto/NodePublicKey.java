package holdfast.crypto;

import holdfast.model.ErrorCode;
import holdfast.model.NodeId;
import holdfast.model.ProtocolException;
import holdfast.util.Sha256;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.SecureRandom;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.RSAPublicKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;

/**
 * A node's RSA public key in its one allowed form: 3,072 bits, e = 65537, a SubjectPublicKeyInfo
 * whose DER is the only one for it; so a key has one node id. Immutable, any thread.
 */
public final class NodePublicKey {
  /** Size of the encoding in bytes: the same for every key. */
  public static final int BYTES = 422;

  private static final BigInteger EXPONENT = BigInteger.valueOf(65_537);

  private final RSAPublicKey key;
  private final byte[] encoded;
  private final NodeId id;

  private NodePublicKey(RSAPublicKey key, byte[] encoded) {
    this.key = key;
    this.encoded = encoded;
    this.id = NodeId.of(Sha256.of(encoded));
  }

  /**
   * Parses a SubjectPublicKeyInfo.
   *
   * @throws ProtocolException MALFORMED unless it is RSA, 3,072 bits, e = 65537, and its DER
   *     re-encodes to the same bytes
   */
  public static NodePublicKey of(byte[] encoded) {
    if (encoded.length != BYTES) {
      throw refused("422 bytes", encoded.length + " bytes");
    }
    try {
      var factory = KeyFactory.getInstance("RSA");
      if (!(factory.generatePublic(new X509EncodedKeySpec(encoded)) instanceof RSAPublicKey key)) {
        throw refused("RSA", "another kind of key");
      }
      if (key.getModulus().bitLength() != Rsa.MODULUS_BITS || key.getModulus().signum() < 0) {
        throw refused("3072 bits", key.getModulus().bitLength() + " bits");
      }
      if (!key.getPublicExponent().equals(EXPONENT) || !key.getModulus().testBit(0)) {
        throw refused("e=65537 and an odd modulus", "another");
      }
      // From the numbers alone: the key object itself may hand back the bytes it was made from.
      var numbers = new RSAPublicKeySpec(key.getModulus(), key.getPublicExponent());
      if (!Arrays.equals(encoded, factory.generatePublic(numbers).getEncoded())) {
        throw refused("canonical DER", "another encoding of the same key");
      }
      return new NodePublicKey(key, encoded.clone());
    } catch (InvalidKeySpecException e) {
      throw new ProtocolException(
          ErrorCode.MALFORMED, "parse node key: expected=an RSA public key, was=" + e, e);
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("RSA", e);
    }
  }

  /** The node id: SHA-256 of {@link #encoded}. */
  public NodeId id() {
    return id;
  }

  /** The DER encoding, {@value #BYTES} bytes; a copy. */
  public byte[] encoded() {
    return encoded.clone();
  }

  /** True if {@code signature} is this key's for this context and 32-byte hash. */
  public boolean verifies(String context, byte[] hash, byte[] signature) {
    return signature.length == Rsa.BYTES && Rsa.verifies(key, context, hash, signature);
  }

  public byte[] encrypt(byte[] plain, SecureRandom random) {
    return Rsa.encrypt(key, plain, random);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof NodePublicKey that && id.equals(that.id);
  }

  @Override
  public int hashCode() {
    return id.hashCode();
  }

  /** The node id. */
  @Override
  public String toString() {
    return id.toString();
  }

  private static ProtocolException refused(String expected, String was) {
    return new ProtocolException(
        ErrorCode.MALFORMED, "parse node key: expected=" + expected + ", was=" + was);
  }
}
