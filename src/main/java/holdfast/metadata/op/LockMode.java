package holdfast.metadata.op;

import holdfast.util.ByteReader;

/**
 * The modes of a lock: shared, exclusive, or none for a release. The numbers are Linux's F_RDLCK,
 * F_WRLCK and F_UNLCK.
 */
public enum LockMode {
  /** Others may have shared locks on the same bytes. */
  SHARED(0),
  /** Nobody else has a lock there. */
  EXCLUSIVE(1),
  /** None: what is locked there is released. */
  NONE(2);

  private final int wire;

  LockMode(int wire) {
    this.wire = wire;
  }

  /** The number on the wire. */
  public int wire() {
    return wire;
  }

  public static LockMode ofWire(int wire) {
    return switch (wire) {
      case 0 -> SHARED;
      case 1 -> EXCLUSIVE;
      case 2 -> NONE;
      default -> throw new ByteReader.Malformed("read lock mode: expected=0 to 2, was=" + wire);
    };
  }
}
