/**
 * The pool as a file system of one machine: wires the rooms below and invalidates what others
 * change.
 *
 * <p>{@link holdfast.client.ClientFileSystem} is the entry point; it delegates. {@link
 * holdfast.client.Invalidator} processes what other clients changed. Blocks with deadlines; called
 * by many threads. Imports no socket and no file.
 */
package holdfast.client;
