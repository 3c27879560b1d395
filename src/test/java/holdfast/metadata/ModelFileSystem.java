package holdfast.metadata;

import static holdfast.model.ErrorCode.*;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.RenameMode;
import holdfast.metadata.op.Replacement;
import holdfast.metadata.op.SealedTarget;
import holdfast.metadata.op.Tag;
import holdfast.metadata.op.XattrMode;
import holdfast.metadata.op.XattrName;
import holdfast.metadata.op.XattrValue;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The namespace again, as simply as can be: hash maps, and content as an array of units. */
final class ModelFileSystem {
  /** A file's content is kept in units of this size; extents begin and end at their borders. */
  static final int UNIT_BYTES = 32 << 10;

  static final int UNITS_MAX = 640;
  static final int UNITS_PER_WINDOW = ExtentMap.WINDOW_BYTES / UNIT_BYTES;

  /** Where a unit's bytes are: an extent of an operation, and the unit's place within it. */
  record Unit(Extent extent, int index) {}

  static final class Node {
    long number;
    SealId sealId;
    FileType type;
    int mode;
    int uid;
    int gid;
    int linkCount;
    long sizeBytes;
    long mtimeNs;
    long ctimeNs;
    long atimeNs;
    long version;
    Tag tag = Tag.ZERO;
    SealedTarget target;
    Unit[] units = new Unit[UNITS_MAX];
    Map<EntryName, Node> children = new TreeMap<>();
    Map<EntryName, Tag> tags = new HashMap<>();
    Map<XattrName, XattrValue> xattrs = new HashMap<>();

    boolean isDirectory() {
      return type == FileType.DIRECTORY;
    }

    List<Extent> extents() {
      var extents = new ArrayList<Extent>();
      for (int i = 0; i < units.length; i++) {
        if (units[i] == null) {
          continue;
        }
        int from = i;
        while (i + 1 < units.length
            && units[i + 1] != null
            && units[i + 1].extent == units[from].extent) {
          i++;
        }
        var source = units[from].extent;
        extents.add(
            new Extent(
                (long) from * UNIT_BYTES,
                (i - from + 1) * UNIT_BYTES,
                source.chunk(),
                source.salt(),
                source.keyReference(),
                source.chunkOffset() + units[from].index * UNIT_BYTES));
      }
      return extents;
    }

    Attributes attributes() {
      return new Attributes(
          number,
          sealId,
          type,
          mode,
          uid,
          gid,
          0,
          linkCount,
          isDirectory() ? children.size() : sizeBytes,
          ExtentMap.allocatedBytes(extents()),
          mtimeNs,
          ctimeNs,
          atimeNs,
          version,
          tag,
          xattrs.size());
    }

    void touch(long timeNs) {
      mtimeNs = timeNs;
      ctimeNs = timeNs;
      version++;
    }
  }

  final Map<Long, Node> nodes = new HashMap<>();
  long epoch = 1;

  ModelFileSystem(Attributes root) {
    var node = new Node();
    node.number = root.inode();
    node.sealId = root.sealId();
    node.type = FileType.DIRECTORY;
    node.mode = root.mode();
    node.linkCount = 2;
    nodes.put(node.number, node);
  }

  private static void refuse(boolean condition, ErrorCode code) {
    if (condition) {
      throw new HoldfastException(code, "model");
    }
  }

  private Node node(long number) {
    refuse(!nodes.containsKey(number), NOT_FOUND);
    return nodes.get(number);
  }

  private Node directory(long number) {
    var node = node(number);
    refuse(!node.isDirectory(), NOT_DIRECTORY);
    return node;
  }

  /** Applies it or throws; {@code newInode} is the number to give to what is created. */
  Node apply(Operation operation, long newInode) {
    return switch (operation) {
      case Operation.Pin pin -> throw new AssertionError("not modelled: " + pin);
      case Operation.SetLock set -> throw new AssertionError("not modelled: " + set);
      case Operation.Unpin unpin -> throw new AssertionError("not modelled: " + unpin);
      case Operation.Create create -> create(create, newInode);
      case Operation.Unlink unlink -> {
        var parent = directory(unlink.parent());
        var node = parent.children.get(unlink.name());
        refuse(node == null, NOT_FOUND);
        refuse(node.isDirectory(), IS_DIRECTORY);
        parent.children.remove(unlink.name());
        parent.touch(unlink.timeNs());
        drop(node, unlink.timeNs());
        yield node;
      }
      case Operation.RemoveDirectory remove -> {
        var parent = directory(remove.parent());
        var node = parent.children.get(remove.name());
        refuse(node == null, NOT_FOUND);
        refuse(!node.isDirectory(), NOT_DIRECTORY);
        refuse(!node.children.isEmpty(), NOT_EMPTY);
        parent.children.remove(remove.name());
        parent.touch(remove.timeNs());
        parent.linkCount--;
        node.linkCount = 0;
        node.ctimeNs = remove.timeNs();
        nodes.remove(node.number);
        yield node;
      }
      case Operation.Rename rename -> rename(rename);
      case Operation.SetAttributes set -> {
        var node = node(set.inode());
        node.mode = (set.mask() & 1) != 0 ? set.mode() : node.mode;
        node.uid = (set.mask() & 2) != 0 ? set.uid() : node.uid;
        node.gid = (set.mask() & 4) != 0 ? set.gid() : node.gid;
        node.mtimeNs = (set.mask() & 8) != 0 ? set.mtimeNs() : node.mtimeNs;
        node.atimeNs = (set.mask() & 16) != 0 ? set.atimeNs() : node.atimeNs;
        node.ctimeNs = set.timeNs();
        yield node;
      }
      case Operation.Commit commit -> commit(commit);
      case Operation.Link link -> {
        var node = node(link.inode());
        var parent = directory(link.parent());
        refuse(parent.children.containsKey(link.name()), EXISTS);
        refuse(node.isDirectory(), NOT_PERMITTED);
        parent.children.put(link.name(), node);
        parent.tags.put(link.name(), link.entryTag());
        node.linkCount++;
        node.ctimeNs = link.timeNs();
        parent.touch(link.timeNs());
        yield node;
      }
      case Operation.SetXattr set -> {
        var node = node(set.inode());
        boolean isThere = node.xattrs.containsKey(set.name());
        refuse(isThere && set.mode() == XattrMode.CREATE, EXISTS);
        refuse(!isThere && set.mode() == XattrMode.REPLACE, NO_DATA);
        var after = new HashMap<>(node.xattrs);
        after.put(set.name(), set.value());
        refuse(xattrBytes(after) > XattrStep.INODE_MAX_BYTES, NO_SPACE);
        node.xattrs = after;
        node.ctimeNs = set.timeNs();
        yield node;
      }
      case Operation.RemoveXattr remove -> {
        var node = node(remove.inode());
        refuse(node.xattrs.remove(remove.name()) == null, NO_DATA);
        node.ctimeNs = remove.timeNs();
        yield node;
      }
    };
  }

  private static int xattrBytes(Map<XattrName, XattrValue> xattrs) {
    int bytes = 0;
    for (var xattr : xattrs.entrySet()) {
      bytes += xattr.getKey().sealed().length + xattr.getValue().sealed().length;
    }
    return bytes;
  }

  private void drop(Node node, long timeNs) {
    node.linkCount--;
    node.ctimeNs = timeNs;
    if (node.linkCount == 0) {
      nodes.remove(node.number);
    }
  }

  private Node create(Operation.Create create, long newInode) {
    var parent = directory(create.parent());
    var existing = parent.children.get(create.name());
    if (existing != null) {
      boolean opens =
          !create.exclusive() && create.type() == FileType.FILE && create.content().isEmpty();
      refuse(opens && existing.isDirectory(), IS_DIRECTORY);
      refuse(!opens || existing.type != FileType.FILE, EXISTS);
      return existing;
    }
    var node = new Node();
    node.number = newInode;
    node.sealId = create.sealId();
    node.type = create.type();
    boolean inherits = (parent.mode & 02000) != 0;
    node.mode = create.mode() | (inherits && node.isDirectory() ? 02000 : 0);
    node.uid = create.uid();
    node.gid = inherits ? parent.gid : create.gid();
    node.linkCount = node.isDirectory() ? 2 : 1;
    node.mtimeNs = create.timeNs();
    node.ctimeNs = create.timeNs();
    node.atimeNs = create.timeNs();
    if (create.target().isPresent()) {
      node.target = create.target().get();
      node.sizeBytes = node.target.plainBytes();
    }
    if (create.content().isPresent()) {
      var content = create.content().get();
      checkEpoch(content.uploadEpoch(), content.extents());
      put(node.units, content.extents());
      refuse(isCrowded(node.units), INVALID);
      node.version = content.version();
      node.sizeBytes = content.sizeBytes();
      node.tag = content.fileTag();
      node.mtimeNs = content.mtimeNs();
    }
    nodes.put(newInode, node);
    parent.children.put(create.name(), node);
    parent.tags.put(create.name(), create.entryTag());
    parent.linkCount += node.isDirectory() ? 1 : 0;
    parent.touch(create.timeNs());
    return node;
  }

  private void checkEpoch(long uploadEpoch, List<Extent> extents) {
    refuse(!extents.isEmpty() && (uploadEpoch < epoch - 1 || uploadEpoch > epoch), STALE_EPOCH);
  }

  private static void put(Unit[] units, List<Extent> extents) {
    for (Extent extent : extents) {
      for (int i = 0; i < extent.lengthBytes() / UNIT_BYTES; i++) {
        units[(int) (extent.fileOffset() / UNIT_BYTES) + i] = new Unit(extent, i);
      }
    }
  }

  private static boolean isCrowded(Unit[] units) {
    for (int from = 0; from < units.length; from += UNITS_PER_WINDOW) {
      int count = 0;
      for (int i = from; i < from + UNITS_PER_WINDOW; i++) {
        boolean continues =
            i > from
                && units[i] != null
                && units[i - 1] != null
                && units[i].extent == units[i - 1].extent;
        count += units[i] != null && !continues ? 1 : 0;
      }
      if (count > ExtentMap.WINDOW_EXTENTS_MAX) {
        return true;
      }
    }
    return false;
  }

  private Node commit(Operation.Commit commit) {
    var node = node(commit.inode());
    refuse(node.isDirectory(), IS_DIRECTORY);
    refuse(node.type != FileType.FILE, INVALID);
    refuse(node.version != commit.baseVersion(), STALE_VERSION);
    var units = node.units.clone();
    for (Replacement replacement : commit.replacements()) {
      checkEpoch(commit.uploadEpoch(), replacement.extents());
      int to = (int) Math.min(UNITS_MAX, replacement.toOffset() / UNIT_BYTES);
      for (int i = (int) (replacement.fromOffset() / UNIT_BYTES); i < to; i++) {
        units[i] = null;
      }
      put(units, replacement.extents());
    }
    for (int i = (int) (commit.newSizeBytes() / UNIT_BYTES); i < UNITS_MAX; i++) {
      units[i] = null;
    }
    refuse(isCrowded(units), INVALID);
    node.units = units;
    node.version = commit.newVersion();
    node.sizeBytes = commit.newSizeBytes();
    node.tag = commit.fileTag();
    node.mtimeNs = commit.mtimeNs();
    node.ctimeNs = commit.timeNs();
    return node;
  }

  private boolean contains(Node directory, Node other) {
    return directory == other
        || directory.isDirectory()
            && directory.children.values().stream().anyMatch(child -> contains(child, other));
  }

  private Node rename(Operation.Rename rename) {
    var oldParent = directory(rename.oldParent());
    var newParent = directory(rename.newParent());
    var moved = oldParent.children.get(rename.oldName());
    refuse(moved == null, NOT_FOUND);
    var target = newParent.children.get(rename.newName());
    boolean exchanges = rename.mode() == RenameMode.EXCHANGE;
    refuse(target != null && rename.mode() == RenameMode.NO_REPLACE, EXISTS);
    refuse(target == null && exchanges, NOT_FOUND);
    refuse(moved.isDirectory() && contains(moved, newParent), INVALID);
    refuse(
        target != null && target.isDirectory() && contains(target, oldParent),
        exchanges ? INVALID : NOT_EMPTY);
    if (target == moved) {
      return moved;
    }
    if (target != null && !exchanges) {
      refuse(moved.isDirectory() && !target.isDirectory(), NOT_DIRECTORY);
      refuse(!moved.isDirectory() && target.isDirectory(), IS_DIRECTORY);
      refuse(!target.children.isEmpty(), NOT_EMPTY);
    }
    oldParent.children.remove(rename.oldName());
    newParent.children.put(rename.newName(), moved);
    newParent.tags.put(rename.newName(), rename.newEntryTag());
    if (exchanges) {
      oldParent.children.put(rename.oldName(), target);
      oldParent.tags.put(rename.oldName(), rename.oldEntryTag());
      target.ctimeNs = rename.timeNs();
    } else if (target != null && target.isDirectory()) {
      target.linkCount = 0;
      nodes.remove(target.number);
    } else if (target != null) {
      drop(target, rename.timeNs());
    }
    moved.ctimeNs = rename.timeNs();
    oldParent.touch(rename.timeNs());
    if (newParent != oldParent) {
      newParent.touch(rename.timeNs());
    }
    recountLinks(oldParent);
    recountLinks(newParent);
    return moved;
  }

  private static void recountLinks(Node directory) {
    directory.linkCount =
        2 + (int) directory.children.values().stream().filter(Node::isDirectory).count();
  }
}
