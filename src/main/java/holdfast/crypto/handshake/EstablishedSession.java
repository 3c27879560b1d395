package holdfast.crypto.handshake;

import holdfast.crypto.Hashes;
import holdfast.crypto.NodePublicKey;
import holdfast.crypto.Role;
import holdfast.crypto.identity.Certificate;
import holdfast.model.ErrorCode;
import holdfast.model.InstanceId;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import java.security.SecureRandom;

/**
 * The result of a completed handshake: what it proved and agreed on, and the keys. Thread-safe.
 *
 * <p>With a {@link #status} other than OK no request may be sent or served on it.
 */
public final class EstablishedSession {
  private final Remote remote;
  private final SessionId id;
  private final SessionLimits limits;
  private final HandshakeStatus status;
  private final ConnectionKeys connection;
  private final byte[] exporter;

  /**
   * The other side, as proved.
   *
   * @param dataKeyId what a client said; 0 for a peer
   * @param epoch as initiator: the newest epoch the responder knows; as responder: the epoch of the
   *     pool secret the initiator used
   */
  public record Remote(
      NodePublicKey key, Certificate certificate, InstanceId instance, long dataKeyId, int epoch) {
    /** The node id. */
    public NodeId node() {
      return key.id();
    }

    /** Peer or client. */
    public Role role() {
      return certificate.role();
    }
  }

  EstablishedSession(
      boolean isInitiator,
      Remote remote,
      SessionId id,
      SessionLimits limits,
      HandshakeStatus status,
      byte[] ck2,
      byte[] th5) {
    this.remote = remote;
    this.id = id;
    this.limits = limits;
    this.status = status;
    byte[] initiatorSecret = Hashes.expand(ck2, "i>r", th5);
    byte[] responderSecret = Hashes.expand(ck2, "r>i", th5);
    exporter = Hashes.expand(ck2, "exporter", th5);
    connection =
        isInitiator
            ? new ConnectionKeys(initiatorSecret, responderSecret)
            : new ConnectionKeys(responderSecret, initiatorSecret);
  }

  /** Who is at the other end. */
  public Remote remote() {
    return remote;
  }

  /** The session's id, under which further connections attach. */
  public SessionId id() {
    return id;
  }

  /** What the responder takes. */
  public SessionLimits limits() {
    return limits;
  }

  /** What the responder said. */
  public HandshakeStatus status() {
    return status;
  }

  /** Throws what the user of a client should read unless {@link #status} is OK. */
  public void requireOk() {
    var node = remote.node().shortForm();
    switch (status) {
      case OK -> {}
      case DATA_KEY_DIFFERS ->
          throw new NetworkException(
              ErrorCode.DATA_KEY_DIFFERS,
              "open session: expected=the pool's data key, was=another one in this home: use a copy"
                  + " of the pool's home (home.key and pool), peer="
                  + node);
      case ROLE_REFUSED ->
          throw new NetworkException(
              ErrorCode.REFUSED,
              "open session: expected=a member of the pool, was=refused: this home isn't listed,"
                  + " was evicted, or may not do this; use a copy of the pool's home (home.key and"
                  + " pool), peer="
                  + node);
      case NEWER_EPOCH ->
          throw new NetworkException(
              ErrorCode.REFUSED,
              "open session: expected=the pool's newest secret, was=an older one, peer=" + node);
    }
  }

  /** The keys of the connection the handshake ran on; each direction once. */
  public ConnectionKeys connection() {
    return connection;
  }

  /** Begins to attach a further connection, dialled by the side that {@code purpose} says. */
  public AttachInitiator attach(Attachment purpose, SecureRandom random) {
    return new AttachInitiator(purpose, id, exporter, random);
  }

  /**
   * Answers an attach message that names this session ({@link AttachAnswer#sessionOf}); the caller
   * has checked that the other end may make one for its purpose.
   *
   * @throws holdfast.model.ProtocolException REFUSED if it wasn't made by an end of this session
   */
  public AttachAnswer answerAttach(byte[] message, SecureRandom random) {
    return AttachAnswer.to(message, id, exporter, random);
  }

  @Override
  public String toString() {
    return "session " + id + " with " + remote.node().shortForm() + " " + status;
  }
}
