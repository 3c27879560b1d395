package holdfast.crypto;

import holdfast.model.ErrorCode;
import holdfast.model.ProtocolException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.KeyFactory;
import java.security.SecureRandom;
import java.security.spec.NamedParameterSpec;
import java.security.spec.XECPrivateKeySpec;
import java.security.spec.XECPublicKeySpec;
import java.util.Arrays;
import javax.crypto.KeyAgreement;

/** X25519 with 32-byte little-endian encodings on both sides (RFC 7748). Not thread-safe. */
public final class Curve25519 {
  public static final int BYTES = 32;
  private static final byte[] BASE_POINT = basePoint();

  private final byte[] secret = new byte[BYTES];
  private final byte[] publicValue;

  /** A fresh ephemeral key: 32 bytes are drawn. */
  public Curve25519(SecureRandom random) {
    random.nextBytes(secret);
    publicValue = multiply(secret, BASE_POINT);
  }

  public byte[] publicValue() {
    return publicValue.clone();
  }

  /** The shared value; an all-zero one (a point of small order was sent) is refused. */
  public byte[] agree(byte[] theirs) {
    byte[] shared = multiply(secret, theirs);
    if (Hashes.equal(shared, new byte[BYTES])) {
      throw smallOrder(null);
    }
    return shared;
  }

  public void erase() {
    Arrays.fill(secret, (byte) 0);
  }

  /** X25519(scalar, u) as RFC 7748 defines it, except that an all-zero result may be refused. */
  static byte[] multiply(byte[] scalar, byte[] u) {
    try {
      var factory = KeyFactory.getInstance("X25519");
      var agreement = KeyAgreement.getInstance("X25519");
      var spec = new XECPrivateKeySpec(NamedParameterSpec.X25519, scalar.clone());
      agreement.init(factory.generatePrivate(spec));
      var point = new XECPublicKeySpec(NamedParameterSpec.X25519, littleEndian(u));
      agreement.doPhase(factory.generatePublic(point), true);
      return agreement.generateSecret();
    } catch (InvalidKeyException e) {
      // The JDK refuses points of small order by itself.
      throw smallOrder(e);
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("X25519", e);
    }
  }

  private static BigInteger littleEndian(byte[] u) {
    byte[] bigEndian = new byte[BYTES];
    for (int i = 0; i < BYTES; i++) {
      bigEndian[i] = u[BYTES - 1 - i];
    }
    // RFC 7748 section 5: the top bit is masked, values of 2^255-19 and more are taken modulo.
    bigEndian[0] &= 0x7F;
    return new BigInteger(1, bigEndian);
  }

  private static byte[] basePoint() {
    byte[] u = new byte[BYTES];
    u[0] = 9;
    return u;
  }

  private static ProtocolException smallOrder(Throwable cause) {
    return new ProtocolException(
        ErrorCode.MALFORMED,
        "agree on session key: expected=an X25519 point of large order, was=all-zero result",
        cause);
  }
}
