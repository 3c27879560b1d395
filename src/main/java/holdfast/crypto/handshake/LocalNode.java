package holdfast.crypto.handshake;

import holdfast.crypto.PoolSecret;
import holdfast.crypto.Role;
import holdfast.crypto.identity.Certificate;
import holdfast.crypto.identity.NodeKey;
import holdfast.model.InstanceId;
import holdfast.model.PoolId;
import holdfast.util.Invariants;
import java.util.List;

/**
 * The identity and secrets that this process uses in handshakes.
 *
 * @param certificate for {@code key}, from its home; its role is the node's
 * @param secrets live pool secrets, newest first: the newest is used to dial, all to answer
 * @param dataKeyId id of the newest data key of a client; 0 for peers
 */
public record LocalNode(
    NodeKey key,
    Certificate certificate,
    InstanceId instance,
    List<PoolSecret> secrets,
    long dataKeyId) {
  /** Checks that all of it belongs together. */
  public LocalNode {
    secrets = PoolSecret.checked(secrets);
    Invariants.check(certificate.node().equals(key.id()), "certificate of another node");
    Invariants.check(
        certificate.pool().equals(secrets.get(0).pool()), "certificate for another pool");
    Invariants.check(
        (certificate.role() == Role.PEER) == (dataKeyId == 0), "data key id %s", dataKeyId);
  }

  PoolId pool() {
    return certificate.pool();
  }
}
