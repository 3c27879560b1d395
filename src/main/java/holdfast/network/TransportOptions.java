package holdfast.network;

import holdfast.model.HostPort;
import holdfast.model.NodeId;
import java.net.InetAddress;
import java.util.Objects;
import java.util.function.BiConsumer;

/**
 * The options of a transport: addresses, limits, and who hears of reached ones.
 *
 * @param bind address of the listener and of every connection made; the wildcard for all. A
 *     loopback address confines the node to this machine
 * @param limits {@link NetworkLimits#standard}, but for tests
 * @param onReached receives, on the loop, each address that a handshake proved to be a node's:
 *     worth remembering
 */
public record TransportOptions(
    InetAddress bind, NetworkLimits limits, BiConsumer<NodeId, HostPort> onReached) {
  /** Checks that nothing is missing. */
  public TransportOptions {
    Objects.requireNonNull(bind);
    Objects.requireNonNull(limits);
    Objects.requireNonNull(onReached);
  }
}
