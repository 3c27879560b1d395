/**
 * A peer's configuration and ports, events for its operator, and what it hears of other peers by
 * their heartbeats.
 *
 * <p>Imports ports and values only: no other room of the peer. Loop thread. Entry points: {@link
 * holdfast.peer.view.PeerConfig}, {@link holdfast.peer.view.PeerPorts}, {@link
 * holdfast.peer.view.Heartbeats}.
 */
package holdfast.peer.view;
