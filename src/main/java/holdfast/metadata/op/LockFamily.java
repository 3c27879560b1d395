package holdfast.metadata.op;

import holdfast.util.ByteReader;

/** The two kinds of locks on files, fcntl and flock, which do not conflict with each other. */
public enum LockFamily {
  /** fcntl(2): on a range of bytes, owned by a process, or by an open file description. */
  RECORD(0),
  /** flock(2): on the whole file, owned by an open file description. */
  FLOCK(1);

  private final int wire;

  LockFamily(int wire) {
    this.wire = wire;
  }

  /** The number on the wire and in keys. */
  public int wire() {
    return wire;
  }

  public static LockFamily ofWire(int wire) {
    return switch (wire) {
      case 0 -> RECORD;
      case 1 -> FLOCK;
      default -> throw new ByteReader.Malformed("read lock family: expected=0 or 1, was=" + wire);
    };
  }
}
