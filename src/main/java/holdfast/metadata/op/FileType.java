package holdfast.metadata.op;

import holdfast.util.ByteReader;

/** The kinds of inodes. {@link #wire} numbers are never reused. */
public enum FileType {
  FILE(1, 0100000),
  DIRECTORY(2, 0040000),
  SYMLINK(3, 0120000),
  FIFO(4, 0010000),
  SOCKET(5, 0140000),
  CHAR_DEVICE(6, 0020000),
  BLOCK_DEVICE(7, 0060000);

  private static final FileType[] BY_WIRE = new FileType[8];

  static {
    for (FileType type : values()) {
      BY_WIRE[type.wire] = type;
    }
  }

  private final int wire;
  private final int modeBits;

  FileType(int wire, int modeBits) {
    this.wire = wire;
    this.modeBits = modeBits;
  }

  /** The number on the wire and in snapshots, 1 to 7. */
  public int wire() {
    return wire;
  }

  /** Linux's S_IF… bits of {@code st_mode}. */
  public int modeBits() {
    return modeBits;
  }

  /**
   * The type with this wire number.
   *
   * @throws ByteReader.Malformed if there is none
   */
  public static FileType ofWire(int wire) {
    if (wire < 1 || wire >= BY_WIRE.length) {
      throw new ByteReader.Malformed("read file type: expected=1 to 7, was=" + wire);
    }
    return BY_WIRE[wire];
  }
}
