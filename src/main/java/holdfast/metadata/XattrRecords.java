package holdfast.metadata;

import holdfast.metadata.op.XattrName;
import holdfast.metadata.op.XattrValue;
import holdfast.metadata.tree.TreeView;
import holdfast.model.ErrorCode;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;

/** Reads extended attributes, and values that are spread over several records, from a tree. */
final class XattrRecords {
  private final TreeView tree;

  XattrRecords(TreeView tree) {
    this.tree = tree;
  }

  /**
   * Where an attribute stands, or could.
   *
   * @param xattr the attribute, or null
   * @param freeCookie without one: the lowest free cookie of the name's run; -1 when it is full
   */
  record Place(Xattr xattr, long freeCookie) {
    /** The free cookie; NO_SPACE when the run is full. */
    long cookieToAdd() {
      if (freeCookie < 0) {
        throw new Refusal(ErrorCode.NO_SPACE, "set xattr: was=too many names of one hash");
      }
      return freeCookie;
    }
  }

  /** One scan over the attributes whose names have the same hash. */
  Place findPlace(long inode, XattrName name) {
    long run = Keys.cookieRun(name);
    long free = run;
    var cursor = tree.seek(Keys.xattr(inode, run));
    while (cursor.isValid()) {
      byte[] key = cursor.key();
      if (!isXattrOf(key, inode) || Keys.u64(key, 9) > (run | Keys.COOKIE_SEQUENCE_MASK)) {
        break;
      }
      var xattr = Xattr.unpack(key, cursor.value());
      if (xattr.name().equals(name)) {
        return new Place(xattr, -1);
      }
      free += xattr.cookie() == free ? 1 : 0;
      cursor.next();
    }
    return new Place(null, free > (run | Keys.COOKIE_SEQUENCE_MASK) ? -1 : free);
  }

  /** All attributes of an inode, without the values that have records of their own. */
  List<Xattr> all(Inode inode) {
    var all = new ArrayList<Xattr>(inode.xattrCount);
    if (inode.xattrCount == 0) {
      return all;
    }
    var cursor = tree.seek(Keys.xattr(inode.number, 0));
    while (cursor.isValid() && isXattrOf(cursor.key(), inode.number)) {
      all.add(Xattr.unpack(cursor.key(), cursor.value()));
      cursor.next();
    }
    Invariants.check(
        all.size() == inode.xattrCount,
        "read xattrs: expected=%s, was=%s, inode=%s",
        inode.xattrCount,
        all.size(),
        inode.number);
    return all;
  }

  XattrValue value(Xattr xattr) {
    if (xattr.isInline()) {
      return new XattrValue(xattr.inlineValue());
    }
    byte[] sealed = new byte[xattr.valueBytes()];
    int at = 0;
    for (int part = 0; part < xattr.partCount(); part++) {
      byte[] bytes = tree.get(Keys.xattrPart(xattr.inode(), xattr.cookie(), part));
      System.arraycopy(bytes, 0, sealed, at, bytes.length);
      at += bytes.length;
    }
    Invariants.check(
        at == sealed.length, "read xattr value: expected=%s bytes, was=%s", sealed.length, at);
    return new XattrValue(sealed);
  }

  private static boolean isXattrOf(byte[] key, long inode) {
    return key[0] == Keys.XATTR && Keys.u64(key, 1) == inode;
  }
}
