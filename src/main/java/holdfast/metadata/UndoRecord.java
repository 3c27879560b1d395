package holdfast.metadata;

import holdfast.metadata.op.Checks;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.Tag;
import holdfast.metadata.tree.TreeView;
import holdfast.model.ChunkId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * The undo record of one commit: what it replaced, kept until its chunks are known to be on disk.
 * It tells only what differs, so it is about as large as the commit was.
 *
 * @param tick the commit's place in the order of all operations
 * @param version of the content that was replaced, as are size, mtime and tag
 * @param named the chunks that the commit brought
 * @param changes by file offset: which extent began there before
 */
record UndoRecord(
    long inode,
    long tick,
    long version,
    long sizeBytes,
    long mtimeNs,
    Tag fileTag,
    List<ChunkId> named,
    List<Change> changes) {
  private static final int HAS_TAG = 1;

  /** At this offset began this extent before, or none. */
  record Change(long fileOffset, Extent beforeOrNull) {}

  /**
   * What making {@code after} of {@code before} replaces.
   *
   * @param file as it was
   * @param before all extents that went, and any that stayed
   * @param after all extents that came, and those that stayed
   */
  static UndoRecord of(Inode file, long tick, List<Extent> before, List<Extent> after) {
    NavigableMap<Long, Extent> replaced = new TreeMap<>();
    Map<Long, Extent> old = new HashMap<>();
    var oldChunks = new LinkedHashSet<ChunkId>();
    for (Extent extent : before) {
      old.put(extent.fileOffset(), extent);
      oldChunks.add(extent.chunk());
      replaced.put(extent.fileOffset(), extent);
    }
    var named = new LinkedHashSet<ChunkId>();
    for (Extent extent : after) {
      if (extent.equals(old.get(extent.fileOffset()))) {
        replaced.remove(extent.fileOffset());
        continue;
      }
      replaced.putIfAbsent(extent.fileOffset(), null);
      if (!oldChunks.contains(extent.chunk())) {
        named.add(extent.chunk());
      }
    }
    var changes = new ArrayList<Change>(replaced.size());
    replaced.forEach((offset, extent) -> changes.add(new Change(offset, extent)));
    return new UndoRecord(
        file.number,
        tick,
        file.version,
        file.sizeBytes,
        file.mtimeNs,
        file.fileTag,
        List.copyOf(named),
        changes);
  }

  /** The extents that were replaced, ascending. */
  List<Extent> extents() {
    var extents = new ArrayList<Extent>(changes.size());
    for (Change change : changes) {
      if (change.beforeOrNull() != null) {
        extents.add(change.beforeOrNull());
      }
    }
    return extents;
  }

  /** Makes of the extents after the commit those before it, by file offset. */
  void undo(Map<Long, Extent> extents) {
    for (Change change : changes) {
      if (change.beforeOrNull() == null) {
        extents.remove(change.fileOffset());
      } else {
        extents.put(change.fileOffset(), change.beforeOrNull());
      }
    }
  }

  byte[] pack() {
    boolean hasTag = !fileTag.equals(Tag.ZERO);
    var out = new RecordWriter().u8(hasTag ? HAS_TAG : 0);
    out.varint(version).varint(sizeBytes).u64(mtimeNs);
    if (hasTag) {
      out.u64(fileTag.high()).u64(fileTag.low());
    }
    out.varint(named.size());
    for (ChunkId chunk : named) {
      out.u64(chunk.a()).u64(chunk.b()).u64(chunk.c()).u64(chunk.d());
    }
    out.varint(changes.size());
    for (Change change : changes) {
      out.varint(change.fileOffset()).u8(change.beforeOrNull() == null ? 0 : 1);
      if (change.beforeOrNull() != null) {
        Inode.packExtent(out, change.beforeOrNull());
      }
    }
    return out.toBytes();
  }

  /** Reads what {@link #pack} made; throws {@link holdfast.util.ByteReader.Malformed}. */
  static UndoRecord unpack(long inode, long tick, byte[] packed) {
    var in = new RecordReader(packed);
    int flags = in.u8();
    Checks.check(flags <= HAS_TAG, "read kept content: expected=flags 0 or 1, was=%s", flags);
    long version = in.varint();
    long sizeBytes = in.varint();
    long mtimeNs = in.u64();
    Tag fileTag = flags == HAS_TAG ? new Tag(in.u64(), in.u64()) : Tag.ZERO;
    // Each takes more than a byte, so no count is larger than what is left.
    int namedCount = in.varint(in.remaining());
    var named = new ArrayList<ChunkId>(Math.min(namedCount, in.remaining() / ChunkId.BYTES));
    for (int i = 0; i < namedCount; i++) {
      named.add(new ChunkId(in.u64(), in.u64(), in.u64(), in.u64()));
    }
    int changeCount = in.varint(in.remaining());
    var changes = new ArrayList<Change>();
    long last = -1;
    for (int i = 0; i < changeCount; i++) {
      long offset = in.varint();
      Checks.check(offset > last, "read kept content: expected=rising offsets, was=%s", offset);
      last = offset;
      changes.add(new Change(offset, in.u8() == 0 ? null : Inode.unpackExtent(offset, in)));
    }
    in.end();
    return new UndoRecord(inode, tick, version, sizeBytes, mtimeNs, fileTag, named, changes);
  }

  /** Reads a kept record from its parts, the first of which is there. */
  static UndoRecord read(TreeView tree, long inode, long tick) {
    var parts = new RecordWriter();
    byte[] part = tree.get(Keys.kept(inode, tick, 0));
    for (int i = 1; part != null; i++) {
      parts.raw(part);
      part = tree.get(Keys.kept(inode, tick, i));
    }
    return unpack(inode, tick, parts.toBytes());
  }
}
