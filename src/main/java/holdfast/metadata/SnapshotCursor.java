package holdfast.metadata;

import holdfast.metadata.tree.PackedTree;
import holdfast.metadata.tree.TreeCursor;
import holdfast.util.ByteWriter;
import holdfast.util.Sha256;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * Writes a namespace as a snapshot, in pieces of at most {@value #PIECE_MAX_BYTES} bytes, made as
 * they are asked for. The pieces of equal namespaces are equal. One thread at a time; the namespace
 * may be replaced meanwhile, this one stays.
 *
 * <p>Piece: u8 kind, then for the head u32 format and v(counters); for records, repeated, v(key)
 * and v(value); for the end u64 record count and SHA-256 over all pieces before.
 */
public final class SnapshotCursor implements Iterator<byte[]> {
  /** Longest piece. */
  public static final int PIECE_MAX_BYTES = 128 << 10;

  static final int HEAD = 1;
  static final int RECORDS = 2;
  static final int END = 3;

  /** Goes up when the records change their meaning. */
  static final int FORMAT = 3;

  private static final int RECORD_HEAD_BYTES = 4;

  private final Counters counters;
  private final TreeCursor cursor;
  private final Sha256 digest = new Sha256();
  private boolean headDone;
  private boolean endDone;
  private long recordCount;

  SnapshotCursor(PackedTree tree, Counters counters) {
    this.counters = counters;
    this.cursor = tree.seek(new byte[] {0});
  }

  @Override
  public boolean hasNext() {
    return !endDone;
  }

  @Override
  public byte[] next() {
    if (endDone) {
      throw new NoSuchElementException();
    }
    byte[] piece = piece();
    digest.update(piece);
    return piece;
  }

  private byte[] piece() {
    if (!headDone) {
      headDone = true;
      return new ByteWriter().u8(HEAD).u32(FORMAT).v(counters.pack()).toBytes();
    }
    if (!cursor.isValid()) {
      endDone = true;
      return new ByteWriter().u8(END).u64(recordCount).raw(digest.digest()).toBytes();
    }
    var out = new ByteWriter(PIECE_MAX_BYTES).u8(RECORDS);
    while (cursor.isValid()) {
      byte[] key = cursor.key();
      byte[] value = cursor.value();
      if (out.sizeBytes() + RECORD_HEAD_BYTES + key.length + value.length > PIECE_MAX_BYTES) {
        break;
      }
      out.v(key).v(value);
      recordCount++;
      cursor.next();
    }
    return out.toBytes();
  }
}
