/**
 * What the peer's and the client's logic need from outside (transport, chunk vault, log, timers),
 * and the service a node offers. Interfaces and the few values they exchange.
 *
 * <p>Nothing here does I/O. Implemented by {@code network} and {@code storage}, and by the
 * simulator. Threading: each node has one loop; ports are called on it and call back on it unless a
 * method says otherwise.
 */
package holdfast.peer.port;
