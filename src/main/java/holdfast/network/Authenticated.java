package holdfast.network;

import holdfast.crypto.handshake.EstablishedSession;
import holdfast.crypto.handshake.FrameOpener;
import holdfast.crypto.handshake.FrameSealer;
import holdfast.crypto.handshake.SessionId;
import holdfast.port.Remote;
import java.net.Socket;

/**
 * The result of a handshake on a connection: who is there, and the keys.
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
