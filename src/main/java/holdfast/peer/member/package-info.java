/**
 * Who belongs to the pool: joining and leaving, peers marked up and down, voters, and which run of
 * a folder is the newest.
 *
 * <p>Imports {@code peer.state} and {@code peer.view}. Loop thread. Entry points: {@link
 * holdfast.peer.member.PeerMonitor}, {@link holdfast.peer.member.Joining}, {@link
 * holdfast.peer.member.Runs}.
 */
package holdfast.peer.member;
