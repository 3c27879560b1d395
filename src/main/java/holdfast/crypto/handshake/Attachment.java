package holdfast.crypto.handshake;

import java.util.Optional;

/** What a further connection of a session is for; each kind has keys of its own. */
public enum Attachment {
  /** Messages and bodies of this session; dialled by the session's initiator. */
  CONNECTION(2, "attach"),
  /** A session with a node behind the other end; dialled by this session's initiator. */
  RELAY_BY_INITIATOR(3, "relay by i"),
  /** The same, dialled by this session's responder. */
  RELAY_BY_RESPONDER(4, "relay by r");

  private final int kind;
  private final String label;

  Attachment(int kind, String label) {
    this.kind = kind;
    this.label = label;
  }

  /** A relay that the one end of a session asks the other for. */
  public static Attachment relayBy(boolean isInitiator) {
    return isInitiator ? RELAY_BY_INITIATOR : RELAY_BY_RESPONDER;
  }

  /** Whether the side that dials it is the session's initiator. */
  public boolean isByInitiator() {
    return this != RELAY_BY_RESPONDER;
  }

  public boolean isRelay() {
    return this != CONNECTION;
  }

  /** The kind in the prefix of its message. */
  int kind() {
    return kind;
  }

  /** What its keys' labels begin with. */
  String label() {
    return label;
  }

  /** The one that a message's prefix announces; empty for every other message. */
  static Optional<Attachment> ofKind(int kind) {
    for (Attachment each : values()) {
      if (each.kind == kind) {
        return Optional.of(each);
      }
    }
    return Optional.empty();
  }
}
