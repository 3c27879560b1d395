package holdfast.port;

import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import java.util.Optional;

/**
 * The process at the other end of an authenticated session, as its handshake proved it.
 *
 * @param isPeer true for a peer, false for a client
 * @param instance that process's run: a new one after each restart
 * @param dialled the address this node dialled to reach it; empty where it dialled us
 * @param dataKeyId first 8 bytes of a client's data key id; 0 for peers
 */
public record Remote(
    NodeId node,
    boolean isPeer,
    InstanceId instance,
    Optional<HostPort> dialled,
    String remoteHost,
    long dataKeyId) {}
