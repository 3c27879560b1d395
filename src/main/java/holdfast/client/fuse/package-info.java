/**
 * The mount: a {@link holdfast.client.api.PoolFileSystem} as a Linux directory, through the
 * low-level API of libfuse 2.9 bound by jnr-ffi. Entry points: {@link
 * holdfast.client.fuse.FuseMount} mounts, {@link holdfast.client.fuse.Unmount} unmounts from
 * another process.
 *
 * <p>Owns everything that knows FUSE, native memory and the mount table. The only package that sees
 * jnr types. Imports {@code client.api}, {@code metadata.op}, {@code model} and {@code util} only.
 *
 * <p>Threads: requests are received and answered on platform threads of its own, and each blocks in
 * the file system while it works; a watchdog thread answers for those that take too long.
 */
package holdfast.client.fuse;
