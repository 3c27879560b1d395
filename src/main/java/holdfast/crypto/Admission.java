package holdfast.crypto;

import holdfast.crypto.identity.MemberList;
import holdfast.model.NodeId;
import java.util.Optional;

/**
 * Decides who belongs to the pool, as this node knows it now. Called by handshakes, on any thread;
 * must not block.
 */
public interface Admission {
  /** The public key of a home that is the root or listed and not evicted; else empty. */
  Optional<NodePublicKey> home(NodeId home);

  /** True for a home or node that was shut out for good. */
  boolean isEvicted(NodeId id);

  /** {@link MemberList#digest} of the list in force: 32 bytes. */
  byte[] memberListDigest();
}
