package holdfast.metadata;

import holdfast.metadata.op.Extent;
import holdfast.metadata.tree.TreeView;
import holdfast.model.ChunkId;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/**
 * A view of the commits whose chunks may not be on disk yet: what has to be forced, and what can be
 * reverted where chunks were lost. As of a namespace it is immutable and safe on every thread; as
 * of an editor it belongs to the editor's thread and is good until the next change.
 */
public final class Unsettled {
  private final TreeView tree;
  private final Counters counters;

  Unsettled(TreeView tree, Counters counters) {
    this.tree = tree;
    this.counters = counters;
  }

  /**
   * A commit that isn't settled.
   *
   * @param tick its place in the order of all operations
   * @param chunks those it brought that are still referenced; none where it only cut
   */
  public record Commit(long tick, long inode, List<ChunkId> chunks) {
    /** Freezes the list. */
    public Commit {
      chunks = List.copyOf(chunks);
    }
  }

  /** How many commits aren't settled. */
  public long count() {
    return counters.keptCount;
  }

  /** The tick of the last operation: no commit has a later one. */
  public long lastTick() {
    return counters.tick;
  }

  /** The tick of the oldest of a file's; 0 without any. */
  public long oldestTick(long inode) {
    if (counters.keptCount == 0) {
      return 0;
    }
    var cursor = tree.seek(Keys.kept(inode, 0, 0));
    boolean isOfFile =
        cursor.isValid() && cursor.key()[0] == Keys.KEPT && Keys.u64(cursor.key(), 1) == inode;
    return isOfFile ? Keys.u64(cursor.key(), 9) : 0;
  }

  /** The oldest of them, in order, at most {@code maxCount}. */
  public List<Commit> oldest(int maxCount) {
    var records = new Records(tree);
    var found = new ArrayList<Commit>();
    var cursor = tree.seek(new byte[] {Keys.KEPT_AT});
    while (cursor.isValid() && cursor.key()[0] == Keys.KEPT_AT && found.size() < maxCount) {
      long tick = Keys.u64(cursor.key(), 1);
      long inode = new RecordReader(cursor.value()).varint();
      var chunks =
          UndoRecord.read(tree, inode, tick).named().stream()
              .filter(chunk -> records.references(chunk) > 0)
              .toList();
      found.add(new Commit(tick, inode, chunks));
      cursor.next();
    }
    return found;
  }

  /** The chunks that a file's unsettled commits brought and that are still referenced. */
  public Set<ChunkId> chunksOf(long inode) {
    var chunks = new LinkedHashSet<ChunkId>();
    if (counters.keptCount > 0) {
      var records = new Records(tree);
      for (UndoRecord kept : Undo.chain(tree, inode, 0)) {
        kept.named().stream().filter(c -> records.references(c) > 0).forEach(chunks::add);
      }
    }
    return chunks;
  }

  /**
   * The commit from which on a file has to be undone so that it names none of the lost chunks: its
   * newest content without them. Empty if it names none now, or if nothing that is kept helps.
   */
  public OptionalLong revertPoint(long inode, Set<ChunkId> lost) {
    var records = new Records(tree);
    var file = records.findInode(inode);
    if (file == null || !file.isFile()) {
      return OptionalLong.empty();
    }
    Map<Long, Extent> extents = new TreeMap<>();
    records
        .extents(file, 0, Extent.FILE_MAX_BYTES, Integer.MAX_VALUE)
        .forEach(extent -> extents.put(extent.fileOffset(), extent));
    long lostCount = extents.values().stream().filter(e -> lost.contains(e.chunk())).count();
    if (lostCount == 0) {
      return OptionalLong.empty();
    }
    for (UndoRecord kept : Undo.chain(tree, inode, 0).reversed()) {
      for (UndoRecord.Change change : kept.changes()) {
        lostCount -= isLost(extents.get(change.fileOffset()), lost) ? 1 : 0;
        lostCount += isLost(change.beforeOrNull(), lost) ? 1 : 0;
      }
      kept.undo(extents);
      if (lostCount == 0) {
        return OptionalLong.of(kept.tick());
      }
    }
    return OptionalLong.empty();
  }

  /**
   * The unsettled commit that took the chunk out of the file; empty if the file names it now, or
   * never did.
   */
  public OptionalLong replacedAt(long inode, ChunkId chunk) {
    var records = new Records(tree);
    var file = records.findInode(inode);
    boolean isNamed =
        file != null
            && records.extents(file, 0, Extent.FILE_MAX_BYTES, Integer.MAX_VALUE).stream()
                .anyMatch(extent -> extent.chunk().equals(chunk));
    if (file == null || isNamed) {
      return OptionalLong.empty();
    }
    for (UndoRecord kept : Undo.chain(tree, inode, 0).reversed()) {
      if (kept.extents().stream().anyMatch(extent -> extent.chunk().equals(chunk))) {
        return OptionalLong.of(kept.tick());
      }
    }
    return OptionalLong.empty();
  }

  private static boolean isLost(Extent extentOrNull, Set<ChunkId> lost) {
    return extentOrNull != null && lost.contains(extentOrNull.chunk());
  }

  /** The file's version; 0 if there is no such inode. */
  public long version(long inode) {
    var file = new Records(tree).findInode(inode);
    return file == null ? 0 : file.version;
  }

  /** How many files were reverted and have had no other content since. */
  public long revertedCount() {
    return counters.revertedCount;
  }

  /** Their inode numbers, ascending, at most {@code maxCount}. */
  public List<Long> reverted(int maxCount) {
    var found = new ArrayList<Long>();
    var cursor = tree.seek(new byte[] {Keys.REVERTED});
    while (cursor.isValid() && cursor.key()[0] == Keys.REVERTED && found.size() < maxCount) {
      found.add(Keys.u64(cursor.key(), 1));
      cursor.next();
    }
    return found;
  }
}
