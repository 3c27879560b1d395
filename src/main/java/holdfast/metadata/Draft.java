package holdfast.metadata;

import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.FileType;
import holdfast.metadata.tree.PackedTree;
import holdfast.metadata.tree.TreeEditor;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.util.Invariants;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A namespace being changed: typed writes that keep counts and chunk references consistent with the
 * records, whichever step makes them. One thread.
 */
final class Draft {
  /** Inode numbers: this many low bits count, the bits above are the lineage's prefix. */
  static final int COUNTER_BITS = 40;

  static final long COUNTER_MAX = (1L << COUNTER_BITS) - 1;

  private final TreeEditor tree;
  private final Records records;
  final Counters counters;

  Draft(PackedTree tree, Counters counters) {
    this.tree = tree.edit();
    this.records = new Records(this.tree);
    this.counters = counters.copy();
  }

  TreeEditor tree() {
    return tree;
  }

  Records records() {
    return records;
  }

  /** A number never used before; NO_SPACE. */
  long nextInodeNumber() {
    if (counters.nextInodeCounter > COUNTER_MAX) {
      throw new Refusal(ErrorCode.NO_SPACE, "create inode: was=all numbers are used");
    }
    return counters.inodePrefix << COUNTER_BITS | counters.nextInodeCounter++;
  }

  /** The place of the present operation in the order of all operations. */
  long nextTick() {
    return counters.tick + 1;
  }

  void addInode(Inode inode) {
    count(inode, 1);
    putInode(inode);
  }

  /** Writes an inode whose size and extents are what they were. */
  void putInode(Inode inode) {
    tree.put(Keys.inode(inode.number), inode.pack());
  }

  /** Removes an inode with all that hangs on it. */
  void removeInode(Inode inode) {
    if (inode.isFile()) {
      var extents = records.extents(inode, 0, Extent.FILE_MAX_BYTES, Integer.MAX_VALUE);
      if (!inode.hasInlineExtents()) {
        extents.forEach(extent -> tree.remove(Keys.extent(inode.number, extent.fileOffset())));
      }
      countReferences(extents, List.of());
      new Undo(this).drop(inode.number);
      Locks.removeAll(this, inode.number);
    }
    if (inode.type == FileType.SYMLINK) {
      tree.remove(Keys.target(inode.number));
    }
    new XattrStep(this).removeAll(inode);
    tree.remove(Keys.inode(inode.number));
    count(inode, -1);
  }

  private void count(Inode inode, int sign) {
    if (inode.isDirectory()) {
      counters.directoryCount += sign;
    } else {
      counters.fileCount += sign;
    }
    if (inode.isFile()) {
      counters.sizeBytes += sign * inode.sizeBytes;
      counters.allocatedBytes += sign * inode.allocatedBytes;
    }
  }

  void putEntry(Entry entry) {
    tree.put(entry.key(), entry.pack());
  }

  void removeEntry(Entry entry) {
    tree.remove(entry.key());
  }

  /** Writes a file whose size became {@code sizeBytes} and some of whose extents changed. */
  void changeContent(Inode file, long sizeBytes, List<Extent> before, List<Extent> after) {
    count(file, -1);
    int count = file.extentCount - before.size() + after.size();
    boolean wasInline = file.hasInlineExtents();
    boolean isInline = count <= Inode.INLINE_EXTENTS_MAX;
    file.sizeBytes = sizeBytes;
    file.allocatedBytes += ExtentMap.allocatedBytes(after) - ExtentMap.allocatedBytes(before);
    if (wasInline) {
      // All of them were read: before and after are the whole map.
      file.setExtents(count, isInline ? after : List.of());
      if (!isInline) {
        after.forEach(extent -> putExtent(file.number, extent));
      }
    } else {
      before.forEach(extent -> tree.remove(Keys.extent(file.number, extent.fileOffset())));
      after.forEach(extent -> putExtent(file.number, extent));
      if (isInline) {
        var all = records.extents(file, 0, Extent.FILE_MAX_BYTES, Integer.MAX_VALUE);
        all.forEach(extent -> tree.remove(Keys.extent(file.number, extent.fileOffset())));
        file.setExtents(count, all);
      } else {
        file.setExtents(count, List.of());
      }
    }
    countReferences(before, after);
    count(file, 1);
    putInode(file);
  }

  void putExtent(long inode, Extent extent) {
    tree.put(Keys.extent(inode, extent.fileOffset()), Inode.packExtent(extent));
  }

  /** Counts the references of extents that went and came. */
  void countReferences(List<Extent> before, List<Extent> after) {
    if (before.isEmpty() && after.size() == 1) {
      addReferences(after.get(0).chunk(), 1);
      return;
    }
    Map<ChunkId, Integer> changes = new HashMap<>();
    before.forEach(extent -> changes.merge(extent.chunk(), -1, Integer::sum));
    after.forEach(extent -> changes.merge(extent.chunk(), 1, Integer::sum));
    // The order of the changes leaves no trace in the records.
    changes.forEach(this::addReferences);
  }

  private void addReferences(ChunkId chunk, int change) {
    if (change == 0) {
      return;
    }
    long old = records.references(chunk);
    long count = old + change;
    Invariants.check(
        count >= 0, "chunk references: was=%s, change=%s, chunk=%s", old, change, chunk);
    if (count == 0) {
      tree.remove(Keys.chunk(chunk));
      counters.chunkCount--;
    } else {
      tree.put(Keys.chunk(chunk), new RecordWriter().varint(count).toBytes());
      counters.chunkCount += old == 0 ? 1 : 0;
    }
  }
}
