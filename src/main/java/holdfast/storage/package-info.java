/**
 * What a peer keeps on disk: its directory, chunk segments, operation log and snapshots.
 *
 * <p>Everything is synchronous and has no thread of its own: the peer's driver calls it on a small
 * pool of platform threads (a page fault on mapped memory blocks the carrier of a virtual thread),
 * the simulator on its single one. No caller is ever interrupted while inside. All files are
 * reached through {@link holdfast.storage.Disk}; {@code docs/disk-format.md} gives every byte.
 * Imports only {@code util} and {@code model}. Start with {@link
 * holdfast.storage.StorageDirectory}.
 */
package holdfast.storage;
