package holdfast.metadata;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.tree.Leaf;
import holdfast.metadata.tree.TreeView;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/**
 * Writes undo records when commits replace content, since the chunks of a commit may be lost in a
 * power cut though the log has it, and reverts files by them. What is kept holds its chunks, as the
 * file's extents do.
 */
final class Undo {
  /**
   * Most that is kept, packed. Beyond it the oldest counts as settled: nobody waits for a chunk
   * that can't be confirmed.
   */
  static final long KEPT_MAX_BYTES = 32L << 20;

  /** Most reverted files that are remembered. */
  static final long REVERTED_MAX = 1_024;

  private final Draft draft;

  Undo(Draft draft) {
    this.draft = draft;
  }

  /** A commit is applied: {@code kept} is what it replaces. Before its references are counted. */
  void keep(UndoRecord kept) {
    byte[] packed = kept.pack();
    if (packed.length > KEPT_MAX_BYTES) {
      settle(Long.MAX_VALUE);
      return;
    }
    draft.countReferences(List.of(), kept.extents());
    for (int part = 0; part == 0 || part * Leaf.VALUE_MAX_BYTES < packed.length; part++) {
      int from = part * Leaf.VALUE_MAX_BYTES;
      int to = Math.min(packed.length, from + Leaf.VALUE_MAX_BYTES);
      draft
          .tree()
          .put(Keys.kept(kept.inode(), kept.tick(), part), Arrays.copyOfRange(packed, from, to));
    }
    draft.tree().put(Keys.keptAt(kept.tick()), new RecordWriter().varint(kept.inode()).toBytes());
    draft.counters.keptCount++;
    draft.counters.keptBytes += packed.length;
  }

  /** After a commit: keeps within the bound. */
  void makeRoom() {
    while (draft.counters.keptBytes > KEPT_MAX_BYTES) {
      var oldest = draft.tree().seek(new byte[] {Keys.KEPT_AT});
      settle(Keys.u64(oldest.key(), 1));
    }
  }

  /** The chunks of every commit up to this one are on disk: what they replaced goes. */
  void settle(long upToTick) {
    while (true) {
      var oldest = draft.tree().seek(new byte[] {Keys.KEPT_AT});
      boolean isUpTo =
          oldest.isValid()
              && oldest.key()[0] == Keys.KEPT_AT
              && Keys.u64(oldest.key(), 1) <= upToTick;
      if (!isUpTo) {
        return;
      }
      long inode = new RecordReader(oldest.value()).varint();
      forget(UndoRecord.read(draft.tree(), inode, Keys.u64(oldest.key(), 1)));
    }
  }

  /** The inode goes. */
  void drop(long inode) {
    if (draft.counters.keptCount > 0) {
      chain(draft.tree(), inode, 0).forEach(this::forget);
    }
    forgetReverted(inode);
  }

  /** The file has other content now than what it was reverted to, or is gone. */
  void forgetReverted(long inode) {
    if (draft.counters.revertedCount > 0 && draft.tree().get(Keys.reverted(inode)) != null) {
      draft.tree().remove(Keys.reverted(inode));
      draft.counters.revertedCount--;
    }
  }

  private void forget(UndoRecord kept) {
    draft.countReferences(kept.extents(), List.of());
    long packedBytes = 0;
    byte[] part = draft.tree().get(Keys.kept(kept.inode(), kept.tick(), 0));
    for (int i = 0; part != null; i++) {
      packedBytes += part.length;
      draft.tree().remove(Keys.kept(kept.inode(), kept.tick(), i));
      part = draft.tree().get(Keys.kept(kept.inode(), kept.tick(), i + 1));
    }
    draft.tree().remove(Keys.keptAt(kept.tick()));
    draft.counters.keptCount--;
    draft.counters.keptBytes -= packedBytes;
  }

  /** What is kept of a file from this commit on, oldest first. */
  static List<UndoRecord> chain(TreeView tree, long inode, long fromTick) {
    var ticks = new ArrayList<Long>();
    var cursor = tree.seek(Keys.kept(inode, fromTick, 0));
    while (cursor.isValid() && cursor.key()[0] == Keys.KEPT && Keys.u64(cursor.key(), 1) == inode) {
      long tick = Keys.u64(cursor.key(), 9);
      if (ticks.isEmpty() || ticks.getLast() != tick) {
        ticks.add(tick);
      }
      cursor.next();
    }
    return ticks.stream().map(tick -> UndoRecord.read(tree, inode, tick)).toList();
  }

  /**
   * Gives a file the content that it had before a commit: undoes that one and all later ones. Its
   * version becomes another than any it had.
   *
   * @return whether it happened: not if the file isn't there or has another version than {@code
   *     version}, nor if the commit is settled
   */
  boolean revert(long inode, long version, long fromTick) {
    var file = draft.records().findInode(inode);
    List<UndoRecord> chain = file == null ? List.of() : chain(draft.tree(), inode, fromTick);
    boolean isCurrent = file != null && file.version == version;
    if (!isCurrent || chain.isEmpty() || chain.getFirst().tick() != fromTick) {
      return false;
    }
    for (UndoRecord kept : chain.reversed()) {
      undo(file, kept);
      forget(kept);
    }
    if (draft.tree().get(Keys.reverted(inode)) == null
        && draft.counters.revertedCount < REVERTED_MAX) {
      draft.tree().put(Keys.reverted(inode), new RecordWriter().varint(version).toBytes());
      draft.counters.revertedCount++;
    }
    file.version = Attributes.versionAfterRevert(version, chain.getFirst().version());
    draft.putInode(file);
    return true;
  }

  private void undo(Inode file, UndoRecord kept) {
    var before = new ArrayList<Extent>();
    var after = new TreeMap<Long, Extent>();
    if (file.hasInlineExtents()) {
      before.addAll(file.inlineExtents());
      before.forEach(extent -> after.put(extent.fileOffset(), extent));
    } else {
      for (UndoRecord.Change change : kept.changes()) {
        byte[] record = draft.tree().get(Keys.extent(file.number, change.fileOffset()));
        if (record != null) {
          before.add(Inode.unpackExtent(change.fileOffset(), record));
        }
      }
    }
    kept.undo(after);
    file.fileTag = kept.fileTag();
    file.mtimeNs = kept.mtimeNs();
    draft.changeContent(file, kept.sizeBytes(), before, List.copyOf(after.values()));
    long end = after.isEmpty() ? 0 : after.lastEntry().getValue().fileEnd();
    Invariants.check(
        end <= file.sizeBytes,
        "undo commit: expected=extents up to %s, was=%s, inode=%s",
        file.sizeBytes,
        end,
        file.number);
  }
}
