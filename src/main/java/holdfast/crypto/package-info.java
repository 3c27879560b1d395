/**
 * Keys and the ciphers under them: suites, data keys, pool secrets, public keys, Fernet and GCM
 * engines, key derivation.
 *
 * <p>Imports {@code util}, {@code model}, the JDK and Bouncy Castle only; no sockets, files or
 * threads. Randomness is a {@link java.security.SecureRandom} handed in by the caller, time a
 * {@link holdfast.util.WallClock}: with both fixed, every byte made here and in the rooms below is
 * reproducible, which is how the published test vectors are made. Classes say themselves whether
 * they are thread-safe. Entry points: {@link holdfast.crypto.CipherSuite}, {@link
 * holdfast.crypto.DataKey}.
 */
package holdfast.crypto;
