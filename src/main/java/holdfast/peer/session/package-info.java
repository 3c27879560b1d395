/**
 * Sessions of clients, as the leader keeps them: changes and questions about the namespace, leases,
 * and the invalidations that each client gets of others' changes.
 *
 * <p>Imports {@code peer.state}, {@code peer.view} and the forces of {@code peer.chunk}. Loop
 * thread. Entry points: {@link holdfast.peer.session.NamespaceRequests}, {@link
 * holdfast.peer.session.LeaseManager}.
 */
package holdfast.peer.session;
