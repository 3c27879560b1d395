package holdfast.metadata.op;

import holdfast.util.ByteReader;

/** What a rename does when the new name is taken. */
public enum RenameMode {
  /** The target goes, as rename(2) has it. */
  REPLACE(0),
  /** RENAME_NOREPLACE: refused with EXISTS. */
  NO_REPLACE(1),
  /** RENAME_EXCHANGE: both must exist and change places. */
  EXCHANGE(2);

  private final int wire;

  RenameMode(int wire) {
    this.wire = wire;
  }

  /** The number on the wire: renameat2(2)'s flags. */
  public int wire() {
    return wire;
  }

  static RenameMode ofWire(int wire) {
    return switch (wire) {
      case 0 -> REPLACE;
      case 1 -> NO_REPLACE;
      case 2 -> EXCHANGE;
      default -> throw new ByteReader.Malformed("read rename mode: expected=0 to 2, was=" + wire);
    };
  }
}
