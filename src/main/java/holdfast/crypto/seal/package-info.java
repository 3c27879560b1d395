/**
 * Sealing of chunks, names, extended attributes and tags under a pool's data key.
 *
 * <p>Imports {@code crypto}. No I/O. Entry points: {@link holdfast.crypto.seal.ChunkSealer}, {@link
 * holdfast.crypto.seal.ChunkOpener}, {@link holdfast.crypto.seal.NameSealer}, {@link
 * holdfast.crypto.seal.Tags}. Formats: docs/sealing.md.
 */
package holdfast.crypto.seal;
