package holdfast.crypto;

import java.util.Optional;

/** The roles a node may be certified for. */
public enum Role {
  /** Stores chunks and metadata. */
  PEER(1),
  /** Uses the pool; its home holds the data key. */
  CLIENT(2);

  private final int wire;

  Role(int wire) {
    this.wire = wire;
  }

  /** The number in certificates and handshakes. */
  public int wire() {
    return wire;
  }

  /** The role with this number. */
  public static Optional<Role> ofWire(int wire) {
    for (Role role : values()) {
      if (role.wire == wire) {
        return Optional.of(role);
      }
    }
    return Optional.empty();
  }
}
