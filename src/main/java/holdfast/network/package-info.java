/**
 * Authenticated sessions over TCP: listener and dialer, connections, chunk bodies. docs/sessions.md
 * is its specification.
 *
 * <p>Entry point: {@link holdfast.network.NodeTransport}. It imports no storage, peer logic or
 * client. Threading: state of links, sessions and requests lives on the node's loop; each
 * connection has one reader and one writer, virtual threads, which may block; RSA runs on one
 * platform thread. Nothing here blocks the loop.
 */
package holdfast.network;
