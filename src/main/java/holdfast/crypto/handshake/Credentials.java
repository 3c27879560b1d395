package holdfast.crypto.handshake;

import holdfast.crypto.Admission;
import holdfast.crypto.NodePublicKey;
import holdfast.crypto.Role;
import holdfast.crypto.identity.Certificate;
import holdfast.model.PoolId;

/**
 * What the other side of a handshake has shown of itself: its key, and a certificate of this pool
 * and role for that key. There is an instance only where the two match; who is admitted is asked of
 * it then.
 */
record Credentials(NodePublicKey key, Certificate certificate) {
  /**
   * Parses both and checks that they belong together, to this pool and to this role; not whether
   * the node is admitted.
   */
  static Credentials of(byte[] key, byte[] certificate, PoolId pool, Role role) {
    var parsed = new Credentials(NodePublicKey.of(key), Certificate.of(certificate));
    if (!parsed.certificate.node().equals(parsed.key.id())) {
      throw HandshakeFormat.refused("a certificate for the key beside it", "for another node");
    }
    if (!parsed.certificate.pool().equals(pool)) {
      throw HandshakeFormat.refused("a certificate for this pool", "for another pool");
    }
    if (parsed.certificate.role() != role) {
      throw HandshakeFormat.refused(
          "a certificate for a " + role, "for a " + parsed.certificate.role());
    }
    return parsed;
  }

  /**
   * True if a listed home certified this node, and neither is evicted.
   *
   * @throws holdfast.model.ProtocolException if the listed home's signature is forged
   */
  boolean isAdmitted(Admission admission) {
    if (admission.isEvicted(key.id()) || admission.isEvicted(certificate.home())) {
      return false;
    }
    var home = admission.home(certificate.home());
    if (home.isEmpty()) {
      return false;
    }
    if (!certificate.isSignedBy(home.get())) {
      throw HandshakeFormat.refused("a certificate signed by its home", "a forged one");
    }
    return true;
  }
}
