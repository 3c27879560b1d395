/**
 * What the kernel keeps of this mount: what it was told, for how long it may believe it, and which
 * of its pages have to be dropped.
 *
 * <p>Any thread; nothing blocks but {@link holdfast.client.kernel.MisplacedPages}, on threads of
 * its own. Imports {@code client.api} and {@code client.pool}: it knows inodes, not open files.
 * Entry point: {@link holdfast.client.kernel.CacheLease}.
 */
package holdfast.client.kernel;
