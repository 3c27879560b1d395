package holdfast.network;

import holdfast.crypto.EstablishedSession;
import holdfast.crypto.FrameOpener;
import holdfast.crypto.FrameSealer;
import holdfast.crypto.SessionId;
import holdfast.peer.port.Remote;
import java.net.Socket;

/**
 * A connection whose handshake is done.
 *
 * @param isInitiator this node dialled
 * @param isAttached one more connection of a session that exists
 */
record Authenticated(
    Socket socket,
    SocketInput input,
    FrameSealer sealer,
    FrameOpener opener,
    EstablishedSession session,
    boolean isInitiator,
    boolean isAttached,
    Remote remote) {

  /** The session's, drawn by the side that was dialled. */
  SessionId id() {
    return session.id();
  }
}
