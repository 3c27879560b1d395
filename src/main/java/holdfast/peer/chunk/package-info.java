/**
 * Chunks of a peer: written and read for others, forced, found missing and repaired, settled before
 * their commit counts.
 *
 * <p>Imports {@code peer.state} and {@code peer.view}. Loop thread. Entry points: {@link
 * holdfast.peer.chunk.ChunkRequests}, {@link holdfast.peer.chunk.Repair}, {@link
 * holdfast.peer.chunk.Settling}.
 */
package holdfast.peer.chunk;
