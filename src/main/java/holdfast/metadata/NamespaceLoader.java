package holdfast.metadata;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Checks;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.SealedBytes;
import holdfast.metadata.op.SealedTarget;
import holdfast.metadata.tree.Leaf;
import holdfast.metadata.tree.PackedTree;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.util.ByteReader;
import holdfast.util.Sha256;
import java.util.Arrays;

/**
 * Builds a namespace from the pieces of a snapshot, as they arrive. One thread.
 *
 * <p>Every record is decoded and every count is made again, so what it accepts can be worked with;
 * the digest at the end shows that nothing is missing.
 */
public final class NamespaceLoader {
  private static final int KEY_MAX_BYTES = 64;

  private final PackedTree.Builder tree = new PackedTree.Builder();
  private final Sha256 digest = new Sha256();
  private final Counters found = new Counters();
  private final XattrLoad xattrs = new XattrLoad();
  private final UndoLoad kept = new UndoLoad();
  private Counters counters;
  private long recordCount;
  private boolean isComplete;

  /**
   * Takes the next piece.
   *
   * @throws ByteReader.Malformed if it is none, or not the next; the loader is of no use then
   */
  public void add(byte[] piece) {
    if (piece.length > SnapshotCursor.PIECE_MAX_BYTES || isComplete) {
      throw new ByteReader.Malformed(
          "load snapshot: expected=a piece within its bounds, was=" + piece.length + " bytes");
    }
    var in = new ByteReader(piece);
    int kind = in.u8();
    int expected = counters == null ? SnapshotCursor.HEAD : kind;
    if (kind != expected || counters != null && kind == SnapshotCursor.HEAD) {
      throw new ByteReader.Malformed("load snapshot: was=piece of kind " + kind);
    }
    switch (kind) {
      case SnapshotCursor.HEAD -> addHead(in);
      case SnapshotCursor.RECORDS -> addRecords(in);
      case SnapshotCursor.END -> addEnd(in);
      default -> throw new ByteReader.Malformed("load snapshot: was=piece of kind " + kind);
    }
    digest.update(piece);
  }

  /**
   * The namespace.
   *
   * @throws ByteReader.Malformed if pieces are missing
   */
  public Namespace finish() {
    if (!isComplete) {
      throw new ByteReader.Malformed("load snapshot: expected=its last piece, was=none");
    }
    return new Namespace(tree.build(), counters);
  }

  private void addHead(ByteReader in) {
    int format = in.u32();
    if (format != SnapshotCursor.FORMAT) {
      throw new ByteReader.Malformed(
          "load snapshot: expected=format " + SnapshotCursor.FORMAT + ", was=" + format);
    }
    counters = Counters.unpack(in.v(1_024));
    in.end();
    boolean isSound =
        counters.inodePrefix >= 0
            && counters.inodePrefix < 1L << Namespace.INODE_PREFIX_BITS
            && counters.nextInodeCounter > Attributes.ROOT_INODE
            && counters.nextInodeCounter <= Draft.COUNTER_MAX + 1
            && counters.epoch >= 1
            && counters.tick >= 0;
    if (!isSound) {
      throw new ByteReader.Malformed("load snapshot: expected=counters within their ranges");
    }
  }

  private void addRecords(ByteReader in) {
    while (in.remaining() > 0) {
      byte[] key = in.v(KEY_MAX_BYTES);
      byte[] value = in.v(Leaf.VALUE_MAX_BYTES);
      byte[] last = tree.lastKey();
      if (key.length == 0 || last != null && Arrays.compareUnsigned(last, key) >= 0) {
        throw new ByteReader.Malformed("load snapshot: expected=records in rising order");
      }
      check(key, value);
      tree.add(key, value);
      recordCount++;
    }
  }

  private void addEnd(ByteReader in) {
    long count = in.u64();
    byte[] expected = in.raw(Sha256.BYTES);
    in.end();
    if (count != recordCount || !Arrays.equals(expected, digest.digestSoFar())) {
      throw new ByteReader.Malformed(
          "load snapshot: expected=" + count + " records and their digest, was=" + recordCount);
    }
    found.inodePrefix = counters.inodePrefix;
    found.nextInodeCounter = counters.nextInodeCounter;
    found.epoch = counters.epoch;
    found.tick = counters.tick;
    found.keptCount = kept.count();
    boolean isWhole = xattrs.isWhole() && kept.isWhole();
    if (!Arrays.equals(found.pack(), counters.pack()) || !isWhole) {
      throw new ByteReader.Malformed("load snapshot: expected=counts that fit its records");
    }
    isComplete = true;
  }

  private void check(byte[] key, byte[] value) {
    switch (key[0]) {
      case Keys.INODE -> {
        checkKey(key, 9);
        checkInode(Inode.unpack(Keys.u64(key, 1), value));
      }
      case Keys.ENTRY -> {
        checkKey(key, 17);
        Entry.unpack(key, value);
      }
      case Keys.EXTENT -> {
        checkKey(key, 17);
        Inode.unpackExtent(Keys.u64(key, 9), value);
      }
      case Keys.CHUNK -> {
        checkKey(key, 1 + ChunkId.BYTES);
        var in = new RecordReader(value);
        in.varint();
        in.end();
        found.chunkCount++;
      }
      case Keys.CLIENT -> {
        checkKey(key, 1 + ClientId.BYTES);
        var client = Checks.decoding(() -> ClientWindow.Client.unpack(value));
        found.clientCount++;
        found.sessionCount += client.isLive() ? 1 : 0;
      }
      case Keys.RESULT -> {
        checkKey(key, 9 + ClientId.BYTES);
        var in = new ByteReader(value);
        OperationResult.read(in);
        in.end();
      }
      case Keys.ORPHAN -> checkEmpty(key, 9, value);
      case Keys.PIN -> checkEmpty(key, 9 + ClientId.BYTES, value);
      case Keys.TARGET -> {
        checkKey(key, 9);
        Checks.decoding(() -> new SealedTarget(value, value.length - SealedBytes.IV_BYTES));
      }
      case Keys.LOCK -> {
        checkKey(key, Keys.LOCK_BYTES);
        Checks.decoding(() -> Locks.Granted.unpack(key, value));
      }
      case Keys.XATTR -> {
        checkKey(key, 17);
        xattrs.onXattr(Xattr.unpack(key, value));
      }
      case Keys.XATTR_PART -> {
        checkKey(key, Keys.XATTR_PART_BYTES);
        xattrs.onPart(key, value);
      }
      case Keys.KEPT, Keys.KEPT_AT, Keys.REVERTED -> checkUndo(key, value);
      default -> throw new ByteReader.Malformed("load snapshot: was=record kind " + key[0]);
    }
  }

  private void checkUndo(byte[] key, byte[] value) {
    if (key[0] == Keys.KEPT) {
      checkKey(key, Keys.KEPT_BYTES);
      found.keptBytes += value.length;
      kept.onPart(key, value);
      return;
    }
    checkKey(key, 9);
    var in = new RecordReader(value);
    long number = in.varint();
    in.end();
    if (key[0] == Keys.KEPT_AT) {
      kept.onTick(Keys.u64(key, 1), number);
    } else {
      found.revertedCount++;
    }
  }

  private static void checkEmpty(byte[] key, int keyBytes, byte[] value) {
    checkKey(key, keyBytes);
    if (value.length != 0) {
      throw new ByteReader.Malformed("load snapshot: expected=no value, was=" + value.length);
    }
  }

  private static void checkKey(byte[] key, int expectedBytes) {
    if (key.length != expectedBytes) {
      throw new ByteReader.Malformed(
          "load snapshot: expected=key of " + expectedBytes + " bytes, was=" + key.length);
    }
  }

  private void checkInode(Inode inode) {
    inode.checkInlineExtents();
    if (inode.isDirectory()) {
      found.directoryCount++;
    } else {
      found.fileCount++;
    }
    xattrs.onInode(inode);
    if (inode.isFile()) {
      found.sizeBytes += inode.sizeBytes;
      found.allocatedBytes += inode.allocatedBytes;
    }
  }
}
