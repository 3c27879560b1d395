/**
 * The namespace as a value: inodes, sealed names, extents, and how operations change them.
 *
 * <p>Imports {@code util}, {@code model} and the rooms below: no file, socket, thread, clock or
 * random source. Every type but the editors, cursors and loaders is immutable and safe on every
 * thread; those belong to one thread at a time. Entry point: {@link holdfast.metadata.Namespace}.
 */
package holdfast.metadata;
