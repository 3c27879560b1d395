/**
 * What the logic of peers and clients needs from outside (transport, chunk vault, log, timers), and
 * the service a node offers. Interfaces and the few values they exchange.
 *
 * <p>Nothing here does I/O. Implemented by {@code network}, {@code storage} and {@code app}, and by
 * the simulator. Threading: each node has one loop; ports are called on it and call back on it
 * unless a method says otherwise. Entry points: {@link holdfast.port.Loop}, {@link
 * holdfast.port.Transport}, {@link holdfast.port.ChunkVault}, {@link holdfast.port.OperationLog}.
 */
package holdfast.port;
