/**
 * All decisions of a peer: the rooms below wired together, and what is asked about the pool as a
 * whole. No I/O of its own.
 *
 * <p>Imports no socket, file, thread or clock: everything comes through {@code port}. One loop
 * thread calls everything in this room and those below it. Entry point: {@link
 * holdfast.peer.PeerNode}; docs: docs/architecture-peer.md.
 */
package holdfast.peer;
