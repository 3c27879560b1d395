package holdfast.app;

import holdfast.crypto.Admission;
import holdfast.crypto.Role;
import holdfast.crypto.handshake.HandshakeStatus;
import holdfast.crypto.handshake.ResponderPolicy;
import holdfast.crypto.handshake.SessionLimits;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.network.NodeTransport;
import java.util.function.LongSupplier;

/**
 * Decides whom this node talks to: the pool file's members, and clients with the pool's data key.
 */
final class PoolPolicy implements ResponderPolicy {
  private final NodeBase base;
  private final LongSupplier poolDataKeyId;

  /** {@code poolDataKeyId} is 0 as long as the pool has none, or this node doesn't know it yet. */
  PoolPolicy(NodeBase base, LongSupplier poolDataKeyId) {
    this.base = base;
    this.poolDataKeyId = poolDataKeyId;
  }

  @Override
  public Admission admission() {
    return base.members();
  }

  @Override
  public HandshakeStatus status(
      NodeId node, Role role, InstanceId instance, long dataKeyId, int epoch) {
    long poolKeyId = poolDataKeyId.getAsLong();
    boolean isOtherKey = role == Role.CLIENT && poolKeyId != 0 && poolKeyId != dataKeyId;
    return isOtherKey ? HandshakeStatus.DATA_KEY_DIFFERS : HandshakeStatus.OK;
  }

  @Override
  public SessionLimits limits() {
    return NodeTransport.SESSION_LIMITS;
  }
}
