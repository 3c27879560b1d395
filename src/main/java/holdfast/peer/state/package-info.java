/**
 * The replicated state of a peer: the consensus core driven over log and transport, the state
 * machine that applies its entries, and which log is followed.
 *
 * <p>Imports {@code peer.view}, {@code consensus} and {@code metadata}. Loop thread. Entry points:
 * {@link holdfast.peer.state.LogRunner}, {@link holdfast.peer.state.Leadership}, {@link
 * holdfast.peer.state.StateMachine}.
 */
package holdfast.peer.state;
