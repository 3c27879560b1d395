/**
 * An immutable sorted map of bytes to bytes, packed in memory, of which an editor makes the next
 * one.
 *
 * <p>Imports {@code util} only; knows nothing of the namespace. Maps are safe on every thread;
 * editors and cursors belong to one. Entry point: {@link holdfast.metadata.tree.PackedTree}.
 */
package holdfast.metadata.tree;
