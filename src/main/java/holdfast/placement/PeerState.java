package holdfast.placement;

import holdfast.util.ByteReader;
import java.util.Locale;

/** The states of a peer in the pool map. {@link #wire} numbers are never reused. */
public enum PeerState {
  UP(1),
  /** Missed a few heartbeats: still asked. */
  SUSPECT(2),
  /** Missed more: routed around. */
  DOWN(3),
  /** Said goodbye: routed around, not repaired for a long time. */
  AWAY(4),
  /** Down for too long: its partitions have new owners. */
  OUT(5),
  /** Works, but is being emptied: owns nothing new. */
  DRAINING(6);

  private final int wire;

  PeerState(int wire) {
    this.wire = wire;
  }

  /** The number on the wire, 1 to 6. */
  public int wire() {
    return wire;
  }

  /** Whether it is worth asking. */
  public boolean isLive() {
    return switch (this) {
      case UP, SUSPECT, DRAINING -> true;
      case DOWN, AWAY, OUT -> false;
    };
  }

  /** Whether it owns partitions in a new table: all that works or is expected back soon. */
  public boolean isAssignable() {
    return switch (this) {
      case UP, SUSPECT, DOWN, AWAY -> true;
      case OUT, DRAINING -> false;
    };
  }

  /** As people read it: lower case. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The state with this wire number.
   *
   * @throws ByteReader.Malformed if there is none
   */
  public static PeerState ofWire(int wire) {
    for (PeerState state : values()) {
      if (state.wire == wire) {
        return state;
      }
    }
    throw new ByteReader.Malformed("read peer state: expected=1 to 6, was=" + wire);
  }
}
