package holdfast.client.names;

import holdfast.client.file.Sealing;
import holdfast.client.kernel.InodeTable;
import holdfast.client.pool.ChangedAttributes;
import holdfast.client.pool.ChangedDirectories;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.LostContent;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.SaveFailure;
import holdfast.client.pool.SavedContents;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.DirectoryEntry;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RenameMode;
import holdfast.metadata.op.Tag;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.util.WallClock;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The namespace with open names: seals what it asks and tells, and remembers the seal ids of inodes
 * the kernel knows. Blocks; any thread but the loop.
 */
public final class SealedNamespace {
  private final PoolService service;
  private final Sealing sealing;
  private final Deadlines deadlines;
  private final WallClock wallClock;
  private final Supplier<SealId> newSealId;

  private final InodeTable inodeTable = new InodeTable();
  private final ChangedDirectories changed = new ChangedDirectories();
  private final ChangedAttributes attributes = new ChangedAttributes();
  private final SavedContents saved = new SavedContents();

  public SealedNamespace(
      PoolService service,
      Sealing sealing,
      Deadlines deadlines,
      WallClock wallClock,
      Supplier<SealId> newSealId) {
    this.service = service;
    this.sealing = sealing;
    this.deadlines = deadlines;
    this.wallClock = wallClock;
    this.newSealId = newSealId;
  }

  /** What a new inode is to be. */
  public record Wanted(FileType type, int mode, int uid, int gid, int rdev, byte[] targetOrNull) {}

  Attributes attributes(long inode, long deadlineNs) {
    long askedNs = deadlines.nowNs();
    if (ask(new Query.GetAttributes(inode), deadlineNs) instanceof Answer.Inode found) {
      inodeTable.told(found.attributes(), askedNs);
      return found.attributes();
    }
    throw wrongAnswer();
  }

  Attributes lookup(long parent, byte[] name, long deadlineNs) {
    return lookupEntry(parent, name, deadlineNs).attributes();
  }

  private DirectoryEntry lookupEntry(long parent, byte[] name, long deadlineNs) {
    EntryName sealed = sealing.name(sealId(parent, deadlineNs), name);
    long askedNs = deadlines.nowNs();
    if (ask(new Query.Lookup(parent, sealed), deadlineNs) instanceof Answer.Entry found) {
      inodeTable.told(found.entry().attributes(), askedNs);
      return found.entry();
    }
    throw wrongAnswer();
  }

  /**
   * Makes an inode; when not exclusive, a regular file that has the name already is the result, and
   * then its seal id isn't the new one.
   */
  Attributes create(long parent, byte[] name, Wanted wanted, boolean exclusive, long deadlineNs) {
    SealId parentSeal = sealId(parent, deadlineNs);
    SealId childSeal = newSealId.get();
    EntryName sealed = sealing.name(parentSeal, name);
    var operation =
        new Operation.Create(
            parent,
            sealed,
            sealing.entryTag(parentSeal, sealed, childSeal, wanted.type()),
            childSeal,
            wanted.type(),
            wanted.mode(),
            wanted.uid(),
            wanted.gid(),
            wanted.rdev(),
            Optional.ofNullable(wanted.targetOrNull())
                .map(target -> sealing.target(childSeal, target)),
            exclusive,
            wallClock.nowNs(),
            Optional.empty());
    return change(operation, deadlineNs).attributes();
  }

  public byte[] readLink(long inode, long deadlineNs) {
    if (ask(new Query.ReadLink(inode), deadlineNs) instanceof Answer.Target found) {
      return sealing.openTarget(found.attributes().sealId(), found.target());
    }
    throw wrongAnswer();
  }

  /** Removes a name; returns the inode's attributes afterwards. */
  Attributes unlink(long parent, byte[] name, boolean hold, long deadlineNs) {
    EntryName sealed = sealing.name(sealId(parent, deadlineNs), name);
    return change(new Operation.Unlink(parent, sealed, hold, wallClock.nowNs()), deadlineNs)
        .attributes();
  }

  /** Removes a directory; returns its attributes afterwards. */
  Attributes removeDirectory(long parent, byte[] name, long deadlineNs) {
    EntryName sealed = sealing.name(sealId(parent, deadlineNs), name);
    return change(new Operation.RemoveDirectory(parent, sealed, wallClock.nowNs()), deadlineNs)
        .attributes();
  }

  /** Renames; returns what happened to every inode it touched. */
  OperationResult.Done rename(
      long oldParent,
      byte[] oldName,
      long newParent,
      byte[] newName,
      RenameMode mode,
      boolean hold,
      long deadlineNs) {
    while (true) {
      ClientId under = service.client();
      Attributes moved = lookup(oldParent, oldName, deadlineNs);
      if (saved.isLost(moved.inode(), moved.version())) {
        saved.told(moved.inode(), moved.version()); // once, as by an fsync
        throw LostContent.ofMoved(moved.inode());
      }
      try {
        return rename(moved, oldParent, oldName, newParent, newName, mode, hold, deadlineNs);
      } catch (HoldfastException e) {
        if (e.code() != ErrorCode.STALE_VERSION) {
          throw e;
        }
        boolean isOthers =
            under.equals(service.client())
                && lookup(oldParent, oldName, deadlineNs).inode() != moved.inode();
        // Another client may have moved something else there; a power cut may, too.
        if (!isOthers || deadlineNs - deadlines.nowNs() <= 0) {
          saved.told(moved.inode(), 0); // older than any that was expected
          throw LostContent.ofMoved(moved.inode());
        }
      }
    }
  }

  private OperationResult.Done rename(
      Attributes moved,
      long oldParent,
      byte[] oldName,
      long newParent,
      byte[] newName,
      RenameMode mode,
      boolean hold,
      long deadlineNs) {
    SealId oldSeal = sealId(oldParent, deadlineNs);
    SealId newSeal = sealId(newParent, deadlineNs);
    EntryName oldSealed = sealing.name(oldSeal, oldName);
    EntryName newSealed = sealing.name(newSeal, newName);
    Tag oldTag = Tag.ZERO;
    if (mode == RenameMode.EXCHANGE) {
      Attributes other = lookup(newParent, newName, deadlineNs);
      oldTag = sealing.entryTag(oldSeal, oldSealed, other.sealId(), other.type());
    }
    long contentVersion = moved.type() == FileType.FILE ? saved.version(moved) : 0;
    var rename =
        new Operation.Rename(
            oldParent,
            oldSealed,
            newParent,
            newSealed,
            sealing.entryTag(newSeal, newSealed, moved.sealId(), moved.type()),
            oldTag,
            mode,
            hold,
            moved.inode(),
            contentVersion,
            wallClock.nowNs());
    return change(rename, deadlineNs);
  }

  Attributes link(long inode, long newParent, byte[] newName, long deadlineNs) {
    SealId parentSeal = sealId(newParent, deadlineNs);
    EntryName sealed = sealing.name(parentSeal, newName);
    Attributes child = attributes(inode, deadlineNs);
    Tag tag = sealing.entryTag(parentSeal, sealed, child.sealId(), child.type());
    return change(new Operation.Link(newParent, sealed, tag, inode, wallClock.nowNs()), deadlineNs)
        .attributes();
  }

  Attributes setAttributes(Operation.SetAttributes operation, long deadlineNs) {
    return change(operation, deadlineNs).attributes();
  }

  /** One page of a directory, with its names sealed still. */
  Answer.Listing list(long directory, long afterCookie, int maxEntries, long deadlineNs) {
    var query = new Query.ReadDirectory(directory, afterCookie, maxEntries);
    long askedNs = deadlines.nowNs();
    if (ask(query, deadlineNs) instanceof Answer.Listing page) {
      inodeTable.told(page.directory(), askedNs);
      return page;
    }
    throw wrongAnswer();
  }

  /** A listed name, opened; names with a conflict tag show it. */
  byte[] openName(Answer.Listing page, DirectoryEntry entry) {
    return sealing.openName(page.directory().sealId(), entry.name());
  }

  /** A name in a directory that the kernel knows; null in any other. */
  public byte[] openNameOrNull(long directory, EntryName name) {
    SealId sealId = inodeTable.sealIdOrNull(directory);
    return sealId == null ? null : sealing.openName(sealId, name);
  }

  public void forget(long inode) {
    inodeTable.forget(inode);
  }

  public InodeTable known() {
    return inodeTable;
  }

  public ChangedAttributes changedAttributes() {
    return attributes;
  }

  /** After all open files are in doubt: so is what was changed of anything. */
  public void onSessionLost() {
    changed.onSessionLost();
    attributes.onSessionLost();
  }

  /**
   * Has the directory's changes forced: when this returns, they are on disk at a majority. Throws
   * STORE_FAILED, once, if one was lost before. Blocks until its deadline at most.
   */
  public void forceDirectory(long directory) {
    try {
      attributes.vouchForDirectory(directory, service, deadlines, deadlines.deadlineNs());
    } catch (HoldfastException e) {
      throw SaveFailure.of(e);
    }
    changed.force(directory, service, deadlines);
  }

  public SavedContents savedContents() {
    return saved;
  }

  SealId sealId(long inode, long deadlineNs) {
    SealId sealId = inodeTable.sealIdOrNull(inode);
    return sealId != null ? sealId : attributes(inode, deadlineNs).sealId();
  }

  Answer ask(Query query, long deadlineNs) {
    return deadlines.await(service.ask(query, deadlineNs), deadlineNs).answer().orThrow();
  }

  OperationResult.Done change(Operation operation, long deadlineNs) {
    long session = changed.sessionCount();
    long attributesSession = attributes.sessionCount();
    changed.beforeChange(operation, service, deadlines, deadlineNs);
    for (long inode : ChangedAttributes.inodes(operation)) {
      attributes.beforeChange(inode, service, deadlines, deadlineNs);
    }
    long askedNs = deadlines.nowNs();
    OperationResult.Done done =
        deadlines.await(service.change(operation, null, false, deadlineNs), deadlineNs).orThrow();
    changed.changed(operation, done, session, deadlines.nowNs());
    if (ChangedAttributes.isOf(operation)) {
      attributes.changed(operation, done.attributes(), attributesSession, deadlines.nowNs());
    }
    inodeTable.changed(done.attributes(), askedNs, deadlines.nowNs());
    return done;
  }

  static HoldfastException wrongAnswer() {
    return new HoldfastException(
        ErrorCode.MALFORMED, "ask namespace: expected=the answer to the question, was=another");
  }
}
