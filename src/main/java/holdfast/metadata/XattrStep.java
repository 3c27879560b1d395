package holdfast.metadata;

import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.XattrMode;
import holdfast.metadata.op.XattrName;
import holdfast.metadata.op.XattrValue;
import holdfast.model.ErrorCode;
import java.util.Arrays;
import java.util.List;

/** Applies changes of extended attributes: their records, and the counts in the inode's. */
final class XattrStep {
  /** What a listing of an inode's names may need: listxattr(2) gives no more. */
  static final int LIST_MAX_BYTES = 65_536;

  /** Sealed names and values of one inode together. */
  static final int INODE_MAX_BYTES = 1 << 20;

  private final Draft draft;
  private final XattrRecords xattrs;

  XattrStep(Draft draft) {
    this.draft = draft;
    this.xattrs = new XattrRecords(draft.tree());
  }

  OperationResult set(Operation.SetXattr set) {
    var inode = draft.records().inode(set.inode());
    var place = xattrs.findPlace(inode.number, set.name());
    Xattr old = place.xattr();
    if (old != null && set.mode() == XattrMode.CREATE) {
      throw new Refusal(
          ErrorCode.EXISTS, "set xattr: expected=none of that name, was=" + set.name() + at(inode));
    }
    if (old == null && set.mode() == XattrMode.REPLACE) {
      throw noData("set", set.name(), inode);
    }
    long cookie = old == null ? place.cookieToAdd() : old.cookie();
    var xattr = Xattr.of(inode.number, cookie, set.name(), set.value());
    checkRoom(inode, old, xattr);

    if (old != null) {
      remove(inode, old);
    }
    put(inode, xattr, set.value());
    return changed(inode, set.timeNs());
  }

  OperationResult remove(Operation.RemoveXattr remove) {
    var inode = draft.records().inode(remove.inode());
    Xattr old = xattrs.findPlace(inode.number, remove.name()).xattr();
    if (old == null) {
      throw noData("remove", remove.name(), inode);
    }
    remove(inode, old);
    return changed(inode, remove.timeNs());
  }

  /** All of an inode that goes; its own record, and what it counts, is the caller's. */
  void removeAll(Inode inode) {
    xattrs.all(inode).forEach(this::removeRecords);
  }

  private OperationResult changed(Inode inode, long timeNs) {
    inode.ctimeNs = timeNs;
    draft.putInode(inode);
    return new OperationResult.Done(inode.attributes(), List.of());
  }

  private static void checkRoom(Inode inode, Xattr oldOrNull, Xattr xattr) {
    int oldBytes = oldOrNull == null ? 0 : oldOrNull.totalBytes();
    int listBytes = inode.xattrListBytes + (oldOrNull == null ? xattr.name().listBytes() : 0);
    int totalBytes = inode.xattrBytes - oldBytes + xattr.totalBytes();
    if (listBytes > LIST_MAX_BYTES || totalBytes > INODE_MAX_BYTES) {
      throw new Refusal(
          ErrorCode.NO_SPACE,
          "set xattr: expected="
              + LIST_MAX_BYTES
              + " bytes of names and "
              + INODE_MAX_BYTES
              + " in all at most, was="
              + listBytes
              + " and "
              + totalBytes
              + at(inode));
    }
  }

  private void put(Inode inode, Xattr xattr, XattrValue value) {
    draft.tree().put(xattr.key(), xattr.pack());
    byte[] sealed = value.sealedShared();
    for (int part = 0; part < xattr.partCount(); part++) {
      int from = part * Xattr.PART_BYTES;
      int to = Math.min(sealed.length, from + Xattr.PART_BYTES);
      draft
          .tree()
          .put(
              Keys.xattrPart(inode.number, xattr.cookie(), part),
              Arrays.copyOfRange(sealed, from, to));
    }
    inode.countXattr(xattr, 1);
  }

  private void remove(Inode inode, Xattr xattr) {
    removeRecords(xattr);
    inode.countXattr(xattr, -1);
  }

  private void removeRecords(Xattr xattr) {
    draft.tree().remove(xattr.key());
    for (int part = 0; part < xattr.partCount(); part++) {
      draft.tree().remove(Keys.xattrPart(xattr.inode(), xattr.cookie(), part));
    }
  }

  private static Refusal noData(String verb, XattrName name, Inode inode) {
    return new Refusal(
        ErrorCode.NO_DATA, verb + " xattr: was=none of that name, name=" + name + at(inode));
  }

  private static String at(Inode inode) {
    return ", inode=" + inode.number;
  }
}
