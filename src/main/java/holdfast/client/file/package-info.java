/**
 * Open files: what was written, sealed, stored and committed of their content, and what is read of
 * it.
 *
 * <p>One lock for each open file guards its state; sealing runs on the sealers, stores on the
 * node's loop. Blocks with deadlines; any thread but the loop. Imports {@code client.pool}, {@code
 * client.kernel} and the sealing of {@code crypto.seal}: no names. Entry points: {@link
 * holdfast.client.file.OpenFileTable}, {@link holdfast.client.file.WriteBack}, {@link
 * holdfast.client.file.ChunkReader}.
 */
package holdfast.client.file;
