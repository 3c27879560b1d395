package holdfast.metadata.op;

import holdfast.util.ByteReader;

/** What setting an extended attribute expects of the name: setxattr(2)'s flags. */
public enum XattrMode {
  /** Nothing: it is made or replaced. */
  SET(0),
  /** XATTR_CREATE: refused with EXISTS if it is there. */
  CREATE(1),
  /** XATTR_REPLACE: refused with NO_DATA if it isn't. */
  REPLACE(2);

  private final int wire;

  XattrMode(int wire) {
    this.wire = wire;
  }

  /** The number on the wire: setxattr(2)'s flag. */
  public int wire() {
    return wire;
  }

  static XattrMode ofWire(int wire) {
    return switch (wire) {
      case 0 -> SET;
      case 1 -> CREATE;
      case 2 -> REPLACE;
      default -> throw new ByteReader.Malformed("read xattr mode: expected=0 to 2, was=" + wire);
    };
  }
}
