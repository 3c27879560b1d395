package holdfast.crypto.handshake;

import java.util.Optional;

/** The verdict of a responder on an initiator whose identity it has verified. */
public enum HandshakeStatus {
  /** The session is open. */
  OK(0),
  /** The client's data key is not the pool's: no reading and no writing with it. */
  DATA_KEY_DIFFERS(1),
  /** Not a member: its home isn't listed, or it was shut out, or may not have this role. */
  ROLE_REFUSED(2),
  /** The pool secret was changed since: the session carries only the news of that. */
  NEWER_EPOCH(3);

  private final int wire;

  HandshakeStatus(int wire) {
    this.wire = wire;
  }

  /** The number in M4. */
  public int wire() {
    return wire;
  }

  /** The status with this number. */
  public static Optional<HandshakeStatus> ofWire(int wire) {
    for (HandshakeStatus status : values()) {
      if (status.wire == wire) {
        return Optional.of(status);
      }
    }
    return Optional.empty();
  }
}
