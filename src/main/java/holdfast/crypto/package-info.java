/**
 * Keys and what is made with them: identities, the home and its pool file, the handshake as two
 * state machines, frames, and the sealing of chunks, names and tags.
 *
 * <p>Imports {@code util}, {@code model}, the JDK and Bouncy Castle only; no sockets, no threads.
 * Files are touched by {@link holdfast.crypto.HoldfastHome} and the classes it calls, nowhere else.
 * Randomness is a {@link java.security.SecureRandom} handed in by the caller, time a {@link
 * holdfast.util.WallClock}: with both fixed, every byte made here is reproducible, which is how the
 * published test vectors are made. Classes say themselves whether they are thread-safe.
 *
 * <p>Entry points: {@link holdfast.crypto.HoldfastHome}, {@link
 * holdfast.crypto.HandshakeInitiator}, {@link holdfast.crypto.HandshakeResponder}, {@link
 * holdfast.crypto.ChunkSealer}, {@link holdfast.crypto.ChunkOpener}, {@link
 * holdfast.crypto.NameSealer}, {@link holdfast.crypto.Tags}. The formats are in {@code
 * docs/protocol-handshake.md}, {@code docs/sealing.md} and {@code docs/disk-format-home.md}.
 */
package holdfast.crypto;
