package holdfast.metadata;

import holdfast.metadata.op.Content;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.SealedTarget;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import java.util.List;

/**
 * Executes one operation on a draft: first every check that may refuse it, then the changes. The
 * order of the checks is that of Linux's local file systems.
 */
final class Applier {
  /** Most names of one inode. */
  static final int LINKS_MAX = 1_000_000_000;

  static final int SET_GROUP_ID = 02000;

  private final Draft draft;
  private final Records records;
  private final Orphans orphans;
  private final ClientId author;

  Applier(Draft draft, ClientId author) {
    this.draft = draft;
    this.author = author;
    this.orphans = new Orphans(draft);
    this.records = draft.records();
  }

  OperationResult apply(Operation operation) {
    try {
      return switch (operation) {
        case Operation.Create create -> create(create);
        case Operation.Unlink unlink -> unlink(unlink);
        case Operation.RemoveDirectory remove -> removeDirectory(remove);
        case Operation.Rename rename -> new RenameStep(draft, rename, author).apply();
        case Operation.SetAttributes set -> setAttributes(set);
        case Operation.Commit commit -> new CommitStep(draft, commit).apply();
        case Operation.Link link -> link(link);
        case Operation.Pin pin -> pin(pin);
        case Operation.Unpin unpin -> unpin(unpin);
        case Operation.SetLock set -> setLock(set);
        case Operation.SetXattr set -> new XattrStep(draft).set(set);
        case Operation.RemoveXattr remove -> new XattrStep(draft).remove(remove);
      };
    } catch (Refusal refusal) {
      return new OperationResult.Failed(refusal.code(), refusal.getMessage());
    }
  }

  private OperationResult create(Operation.Create create) {
    var parent = records.directory(create.parent());
    var place = records.findPlace(parent.number, create.name());
    if (place.entry() != null) {
      return existing(create, parent, place.entry());
    }
    create.content().ifPresent(this::checkContent);
    checkLinks(parent);
    long cookie = place.cookieToAdd();

    var inode = new Inode(draft.nextInodeNumber(), create.type(), create.sealId());
    boolean inheritsGroup = (parent.mode & SET_GROUP_ID) != 0;
    inode.mode = create.mode() | (inheritsGroup && inode.isDirectory() ? SET_GROUP_ID : 0);
    inode.uid = create.uid();
    inode.gid = inheritsGroup ? parent.gid : create.gid();
    inode.rdev = create.rdev();
    inode.linkCount = inode.isDirectory() ? 2 : 1;
    inode.parent = inode.isDirectory() ? parent.number : 0;
    inode.mtimeNs = create.timeNs();
    inode.ctimeNs = create.timeNs();
    inode.atimeNs = create.timeNs();
    create.content().ifPresent(content -> addContent(inode, content));
    create.target().ifPresent(target -> setTarget(inode, target));
    draft.addInode(inode);
    draft.putEntry(
        new Entry(parent.number, cookie, create.name(), inode.number, create.entryTag()));
    parent.linkCount += inode.isDirectory() ? 1 : 0;
    parent.touchEntries(create.timeNs(), 1);
    draft.putInode(parent);
    return new OperationResult.Done(inode.attributes(), List.of(parent.attributes()));
  }

  private OperationResult existing(Operation.Create create, Inode parent, Entry found) {
    var inode = records.inode(found.inode());
    boolean opens =
        create.type() == FileType.FILE && !create.exclusive() && create.content().isEmpty();
    if (opens && inode.isFile()) {
      return new OperationResult.Done(inode.attributes(), List.of(parent.attributes()));
    }
    throw new Refusal(
        opens && inode.isDirectory() ? ErrorCode.IS_DIRECTORY : ErrorCode.EXISTS,
        "create entry: was=" + inode.type + " of that name, parent=" + parent.number);
  }

  private void checkContent(Content content) {
    checkEpoch(draft.counters.epoch, content.uploadEpoch(), content.extents());
    checkWindows(content.extents());
  }

  static void checkEpoch(long epoch, long uploadEpoch, List<Extent> extents) {
    boolean isRecent = uploadEpoch == epoch || uploadEpoch == epoch - 1;
    if (!extents.isEmpty() && !isRecent) {
      throw new Refusal(
          ErrorCode.STALE_EPOCH,
          "commit upload: expected=epoch " + epoch + " or the one before, was=" + uploadEpoch);
    }
  }

  static void checkWindows(List<Extent> extents) {
    long crowded = ExtentMap.crowdedWindow(extents);
    if (crowded >= 0) {
      throw new Refusal(
          ErrorCode.INVALID,
          "commit extents: expected="
              + ExtentMap.WINDOW_EXTENTS_MAX
              + " extents a window at most, was=more, window="
              + crowded);
    }
  }

  static void checkLinks(Inode inode) {
    if (inode.linkCount >= LINKS_MAX) {
      throw new Refusal(ErrorCode.NO_SPACE, "add link: was=too many, inode=" + inode.number);
    }
  }

  private void addContent(Inode inode, Content content) {
    var undo = new Undo(draft);
    undo.keep(UndoRecord.of(inode, draft.nextTick(), List.of(), content.extents()));
    setContent(inode, content);
    undo.makeRoom();
  }

  private void setContent(Inode inode, Content content) {
    inode.version = content.version();
    inode.fileTag = content.fileTag();
    inode.mtimeNs = content.mtimeNs();
    inode.sizeBytes = content.sizeBytes();
    inode.allocatedBytes = ExtentMap.allocatedBytes(content.extents());
    int count = content.extents().size();
    boolean isInline = count <= Inode.INLINE_EXTENTS_MAX;
    inode.setExtents(count, isInline ? content.extents() : List.of());
    if (!isInline) {
      for (Extent extent : content.extents()) {
        draft.putExtent(inode.number, extent);
      }
    }
    draft.countReferences(List.of(), content.extents());
  }

  private void setTarget(Inode inode, SealedTarget target) {
    inode.sizeBytes = target.plainBytes();
    draft.tree().put(Keys.target(inode.number), target.sealedShared());
  }

  private OperationResult unlink(Operation.Unlink unlink) {
    var parent = records.directory(unlink.parent());
    var entry = entry(parent, unlink.name());
    var inode = records.inode(entry.inode());
    if (inode.isDirectory()) {
      throw new Refusal(
          ErrorCode.IS_DIRECTORY, "unlink entry: was=a directory, inode=" + inode.number);
    }
    draft.removeEntry(entry);
    orphans.dropLink(inode, author, unlink.pin(), unlink.timeNs());
    parent.touchEntries(unlink.timeNs(), -1);
    draft.putInode(parent);
    return new OperationResult.Done(inode.attributes(), List.of(parent.attributes()));
  }

  private OperationResult pin(Operation.Pin pin) {
    var file = records.file(pin.inode());
    orphans.pin(file, author);
    return new OperationResult.Done(file.attributes(), List.of());
  }

  private OperationResult unpin(Operation.Unpin unpin) {
    var file = records.file(unpin.inode());
    orphans.unpin(file, author);
    return new OperationResult.Done(file.attributes(), List.of());
  }

  private OperationResult setLock(Operation.SetLock set) {
    var file = records.file(set.inode());
    new Locks(draft.tree()).set(draft, file.number, author, set.lock());
    return new OperationResult.Done(file.attributes(), List.of());
  }

  private OperationResult removeDirectory(Operation.RemoveDirectory remove) {
    var parent = records.directory(remove.parent());
    var entry = entry(parent, remove.name());
    var inode = records.inode(entry.inode());
    if (!inode.isDirectory()) {
      throw new Refusal(
          ErrorCode.NOT_DIRECTORY,
          "remove directory: was=" + inode.type + ", inode=" + inode.number);
    }
    checkEmpty(inode);
    draft.removeEntry(entry);
    draft.removeInode(inode);
    inode.linkCount = 0;
    inode.ctimeNs = remove.timeNs();
    parent.linkCount--;
    parent.touchEntries(remove.timeNs(), -1);
    draft.putInode(parent);
    return new OperationResult.Done(inode.attributes(), List.of(parent.attributes()));
  }

  static void checkEmpty(Inode directory) {
    if (directory.sizeBytes != 0) {
      throw new Refusal(
          ErrorCode.NOT_EMPTY,
          "remove directory: expected=no entries, was="
              + directory.sizeBytes
              + ", inode="
              + directory.number);
    }
  }

  private OperationResult setAttributes(Operation.SetAttributes set) {
    var inode = records.inode(set.inode());
    int mask = set.mask();
    inode.mode = (mask & Operation.SetAttributes.MODE) != 0 ? set.mode() : inode.mode;
    inode.uid = (mask & Operation.SetAttributes.UID) != 0 ? set.uid() : inode.uid;
    inode.gid = (mask & Operation.SetAttributes.GID) != 0 ? set.gid() : inode.gid;
    inode.mtimeNs = (mask & Operation.SetAttributes.MTIME) != 0 ? set.mtimeNs() : inode.mtimeNs;
    inode.atimeNs = (mask & Operation.SetAttributes.ATIME) != 0 ? set.atimeNs() : inode.atimeNs;
    inode.ctimeNs = set.timeNs();
    draft.putInode(inode);
    return new OperationResult.Done(inode.attributes(), List.of());
  }

  private OperationResult link(Operation.Link link) {
    var inode = records.inode(link.inode());
    var parent = records.directory(link.parent());
    var place = records.findPlace(parent.number, link.name());
    if (place.entry() != null) {
      throw new Refusal(
          ErrorCode.EXISTS, "link entry: was=an entry of that name, parent=" + parent.number);
    }
    if (inode.isDirectory()) {
      throw new Refusal(
          ErrorCode.NOT_PERMITTED, "link entry: was=a directory, inode=" + inode.number);
    }
    if (inode.linkCount == 0) {
      throw new Refusal(
          ErrorCode.NOT_FOUND, "link entry: was=an inode without a name, inode=" + inode.number);
    }
    checkLinks(inode);
    long cookie = place.cookieToAdd();
    draft.putEntry(new Entry(parent.number, cookie, link.name(), inode.number, link.entryTag()));
    inode.linkCount++;
    inode.ctimeNs = link.timeNs();
    draft.putInode(inode);
    parent.touchEntries(link.timeNs(), 1);
    draft.putInode(parent);
    return new OperationResult.Done(inode.attributes(), List.of(parent.attributes()));
  }

  private Entry entry(Inode parent, EntryName name) {
    var entry = records.findEntry(parent.number, name);
    if (entry == null) {
      throw new Refusal(
          ErrorCode.NOT_FOUND, "find entry: was=none, name=" + name + ", parent=" + parent.number);
    }
    return entry;
  }
}
