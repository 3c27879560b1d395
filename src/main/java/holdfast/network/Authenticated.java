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
 * @param routeOrNull how this node dialled; null where it was dialled
 */
record Authenticated(
    Socket socket,
    SocketInput input,
    FrameSealer sealer,
    FrameOpener opener,
    EstablishedSession session,
    Route routeOrNull,
    Use use,
    Remote remote) {

  /** What the connection is for. */
  enum Use {
    /** A new session. */
    SESSION,
    /** One more connection of a session that exists. */
    BULK,
    /** The other end of a session asks to be passed on to another node. */
    RELAY
  }

  /** The session's, drawn by the side that was dialled. */
  SessionId id() {
    return session.id();
  }

  /** This node dialled. */
  boolean isInitiator() {
    return routeOrNull != null;
  }

  /** This node dialled through another peer. Who was dialled doesn't know. */
  boolean isRelayed() {
    return routeOrNull instanceof Route.Through;
  }
}
