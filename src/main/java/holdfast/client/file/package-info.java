/**
 * Open files: what was written, sealed, stored and committed of their content, and what is read of
 * it.
 *
 * <p>{@link holdfast.client.file.OpenFile} is the monitor of an open file; what it guards is pure.
 * Sealing runs on the sealers, stores on the node's loop. Blocks with deadlines; any thread but the
 * loop. Imports {@code client.pool}, {@code client.kernel} and the sealing of {@code crypto.seal}:
 * no names. Entry points: {@link holdfast.client.file.FileLayer}, which builds the room, and what
 * it hands out.
 */
package holdfast.client.file;
