/**
 * A client of a pool: the file system without FUSE (handles, write-back, read-ahead, caches) over
 * sealed names and chunks, and the service that finds leader and owners and fails over.
 *
 * <p>{@link holdfast.client.RemoteFileService} is event-driven and runs on the node's loop; {@link
 * holdfast.client.PooledFileSystem} blocks with deadlines and is called by many threads. Imports no
 * socket and no file.
 */
package holdfast.client;
