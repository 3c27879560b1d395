package holdfast.network;

import holdfast.crypto.handshake.LocalNode;
import holdfast.crypto.handshake.ResponderPolicy;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * The identity of this node in handshakes, and whom it accepts.
 *
 * @param self read for each handshake, so that a new epoch's secret takes effect; any thread, never
 *     blocks
 * @param policy asked in each handshake; its limits are best {@link NodeTransport#SESSION_LIMITS}
 */
public record NodeIdentity(Supplier<LocalNode> self, ResponderPolicy policy) {
  /** Checks that nothing is missing. */
  public NodeIdentity {
    Objects.requireNonNull(self);
    Objects.requireNonNull(policy);
  }
}
