/**
 * What the kernel caches of this mount: what it was granted and for how long, one entry for each
 * inode it knows, and what it has to drop.
 *
 * <p>Any thread; nothing blocks but {@link holdfast.client.kernel.PageInvalidations} where it says
 * so. Imports {@code client.api} and {@code client.pool}: it knows inodes, not open files. Entry
 * points: {@link holdfast.client.kernel.CacheLease}, {@link
 * holdfast.client.kernel.PageInvalidations}, {@link holdfast.client.kernel.InodeTable}.
 */
package holdfast.client.kernel;
