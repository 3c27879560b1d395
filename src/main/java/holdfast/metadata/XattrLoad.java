package holdfast.metadata;

import holdfast.util.ByteReader;
import java.util.ArrayDeque;
import java.util.Arrays;

/**
 * Checks the extended attributes of a snapshot while it is read: inodes say how many there are,
 * attributes how long their values are, and all come in the same order. One thread.
 */
final class XattrLoad {
  /** Inodes that have attributes, which don't all have been seen yet; the counts go down. */
  private final ArrayDeque<Inode> inodes = new ArrayDeque<>();

  /** Attributes whose values have records of their own, which don't all have been seen yet. */
  private final ArrayDeque<Xattr> values = new ArrayDeque<>();

  private int nextPart;

  void onInode(Inode inode) {
    if (inode.xattrCount > 0) {
      inodes.add(inode);
    }
  }

  void onXattr(Xattr xattr) {
    var inode = inodes.peek();
    if (inode == null || inode.number != xattr.inode()) {
      throw new ByteReader.Malformed(
          "load xattr: expected=of an inode that has one, was=inode " + xattr.inode());
    }
    inode.countXattr(xattr, -1);
    if (inode.xattrCount == 0) {
      if (inode.xattrBytes != 0 || inode.xattrListBytes != 0) {
        throw new ByteReader.Malformed(
            "load xattrs: expected=the bytes that the inode tells, inode=" + inode.number);
      }
      inodes.poll();
    }
    if (!xattr.isInline()) {
      values.add(xattr);
    }
  }

  void onPart(byte[] key, byte[] value) {
    var xattr = values.peek();
    boolean isNext =
        xattr != null
            && Arrays.equals(key, Keys.xattrPart(xattr.inode(), xattr.cookie(), nextPart));
    if (!isNext || value.length != partBytes(xattr)) {
      throw new ByteReader.Malformed(
          "load xattr value: expected=the next part of one, was=" + value.length + " bytes");
    }
    nextPart++;
    if (nextPart == xattr.partCount()) {
      values.poll();
      nextPart = 0;
    }
  }

  private int partBytes(Xattr xattr) {
    return Math.min(Xattr.PART_BYTES, xattr.valueBytes() - nextPart * Xattr.PART_BYTES);
  }

  /** Whether nothing is missing. */
  boolean isWhole() {
    return inodes.isEmpty() && values.isEmpty();
  }
}
