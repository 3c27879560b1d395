/**
 * The handshake as two state machines, and the frames of a session under the keys it agrees on.
 *
 * <p>Imports {@code crypto} and {@code crypto.identity}. No I/O; each object belongs to one thread.
 * Entry points: {@link holdfast.crypto.handshake.HandshakeInitiator}, {@link
 * holdfast.crypto.handshake.HandshakeResponder}. Formats: docs/protocol-handshake.md.
 */
package holdfast.crypto.handshake;
