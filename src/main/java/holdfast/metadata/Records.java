package holdfast.metadata;

import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.tree.TreeView;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads typed records from a tree: the one place that turns bytes of the tree into values, so that
 * a missing or malformed one is found there.
 */
final class Records {
  private final TreeView tree;

  Records(TreeView tree) {
    this.tree = tree;
  }

  TreeView tree() {
    return tree;
  }

  /** The inode, or null. */
  Inode findInode(long number) {
    byte[] record = tree.get(Keys.inode(number));
    return record == null ? null : Inode.unpack(number, record);
  }

  /** The inode; NOT_FOUND. */
  Inode inode(long number) {
    var inode = findInode(number);
    if (inode == null) {
      throw new Refusal(ErrorCode.NOT_FOUND, "find inode: was=none, inode=" + number);
    }
    return inode;
  }

  /** The directory; NOT_FOUND, NOT_DIRECTORY. */
  Inode directory(long number) {
    var inode = inode(number);
    if (!inode.isDirectory()) {
      throw new Refusal(
          ErrorCode.NOT_DIRECTORY,
          "open directory: expected=a directory, was=" + inode.type + ", inode=" + number);
    }
    return inode;
  }

  /** The regular file; NOT_FOUND, IS_DIRECTORY, INVALID. */
  Inode file(long number) {
    var inode = inode(number);
    if (!inode.isFile()) {
      throw new Refusal(
          inode.isDirectory() ? ErrorCode.IS_DIRECTORY : ErrorCode.INVALID,
          "open file: expected=a regular file, was=" + inode.type + ", inode=" + number);
    }
    return inode;
  }

  /**
   * Where a name stands, or could.
   *
   * @param entry the entry, or null
   * @param freeCookie without an entry: the lowest free cookie of the name's run
   */
  record Place(Entry entry, long freeCookie) {
    /** The free cookie; NO_SPACE when the run is full. */
    long cookieToAdd() {
      if (freeCookie < 0) {
        throw new Refusal(ErrorCode.NO_SPACE, "add entry: was=too many names of one hash");
      }
      return freeCookie;
    }
  }

  /** The entry of that name, or null. */
  Entry findEntry(long parent, EntryName name) {
    return findPlace(parent, name).entry();
  }

  /** One scan over the entries whose names have the same hash. */
  Place findPlace(long parent, EntryName name) {
    long run = Keys.cookieRun(name);
    long free = run;
    var cursor = tree.seek(Keys.entry(parent, run));
    while (cursor.isValid()) {
      byte[] key = cursor.key();
      if (!isInRun(key, parent, run)) {
        break;
      }
      var entry = Entry.unpack(key, cursor.value());
      if (entry.name().equals(name)) {
        return new Place(entry, -1);
      }
      free += entry.cookie() == free ? 1 : 0;
      cursor.next();
    }
    return new Place(null, free > (run | Keys.COOKIE_SEQUENCE_MASK) ? -1 : free);
  }

  private static boolean isInRun(byte[] key, long parent, long run) {
    return key[0] == Keys.ENTRY
        && Keys.u64(key, 1) == parent
        && Keys.u64(key, 9) <= (run | Keys.COOKIE_SEQUENCE_MASK);
  }

  /** A file's extents that overlap {@code [from, to)}, ascending, {@code maxCount} at most. */
  List<Extent> extents(Inode file, long from, long to, int maxCount) {
    var found = new ArrayList<Extent>();
    if (file.hasInlineExtents()) {
      for (Extent extent : file.inlineExtents()) {
        if (extent.fileEnd() > from && extent.fileOffset() < to && found.size() < maxCount) {
          found.add(extent);
        }
      }
      return found;
    }
    var cursor = tree.floor(Keys.extent(file.number, from));
    if (!cursor.isValid() || !isExtentOf(cursor.key(), file.number)) {
      cursor = tree.seek(Keys.extent(file.number, from));
    }
    while (cursor.isValid() && found.size() < maxCount) {
      byte[] key = cursor.key();
      if (!isExtentOf(key, file.number) || Keys.u64(key, 9) >= to) {
        break;
      }
      var extent = Inode.unpackExtent(Keys.u64(key, 9), cursor.value());
      if (extent.fileEnd() > from) {
        found.add(extent);
      }
      cursor.next();
    }
    return found;
  }

  private static boolean isExtentOf(byte[] key, long inode) {
    return key[0] == Keys.EXTENT && Keys.u64(key, 1) == inode;
  }

  /** How many extents refer to the chunk. */
  long references(ChunkId chunk) {
    byte[] record = tree.get(Keys.chunk(chunk));
    return record == null ? 0 : new RecordReader(record).varint();
  }
}
