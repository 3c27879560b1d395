/**
 * The pool as a client reaches it: the session and its numbered changes, calls that are tried until
 * they succeed or their deadline comes, where chunks are stored, and which changes a power cut may
 * still take.
 *
 * <p>Event-driven on the node's loop; {@link holdfast.client.pool.Deadlines} is how blocking
 * callers wait. Imports ports and {@code client.api}: no room of the client above it. Entry point:
 * {@link holdfast.client.pool.RemotePoolService}, behind {@link holdfast.client.pool.PoolService}.
 */
package holdfast.client.pool;
