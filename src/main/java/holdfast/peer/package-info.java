/**
 * All decisions of a peer: consensus driven, chunks written and repaired, peers watched, requests
 * answered. No I/O of its own.
 *
 * <p>Imports no socket, file, thread or clock: everything comes through {@code peer.port}. One loop
 * thread calls everything here. Entry point: {@link holdfast.peer.PeerNode}; docs:
 * docs/architecture-peer.md.
 */
package holdfast.peer;
