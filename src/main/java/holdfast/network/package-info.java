/**
 * Everything that touches a socket: the TCP listener and dialer, authenticated sessions with their
 * connections, chunk bodies, and discovery by UDP. docs/sessions.md and docs/discovery.md are its
 * specifications.
 *
 * <p>Entry points: {@link holdfast.network.NodeTransport} and {@link holdfast.network.Beacon}. It
 * imports no storage, peer logic or client. Threading: state of links, sessions and requests lives
 * on the node's loop; each connection has one reader and one writer, virtual threads, which may
 * block; RSA runs on one platform thread. Nothing here blocks the loop.
 */
package holdfast.network;
