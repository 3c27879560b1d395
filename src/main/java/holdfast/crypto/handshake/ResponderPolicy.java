package holdfast.crypto.handshake;

import holdfast.crypto.Admission;
import holdfast.crypto.Role;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;

/**
 * The port by which a handshake asks its node whom to accept, and with which limits. Called on the
 * handshake's threads; never blocks.
 */
public interface ResponderPolicy {
  /** Who belongs to the pool now. */
  Admission admission();

  /**
   * What to answer to a node that proved its identity and is admitted.
   *
   * @param dataKeyId id of a client's data key; 0 for peers
   * @param epoch of the pool secret it used
   */
  HandshakeStatus status(NodeId node, Role role, InstanceId instance, long dataKeyId, int epoch);

  /** What this node takes from a session. */
  SessionLimits limits();
}
