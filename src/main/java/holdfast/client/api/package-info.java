/**
 * What a mount or a command needs of the pool's file system, without a word about FUSE: the
 * interface, its values and its errors.
 *
 * <p>Imports {@code model} and {@code metadata.op} only. Values are immutable. Entry point: {@link
 * holdfast.client.api.PoolFileSystem}.
 */
package holdfast.client.api;
