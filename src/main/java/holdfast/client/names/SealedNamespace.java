package holdfast.client.names;

import holdfast.client.file.Sealing;
import holdfast.client.kernel.InodeTable;
import holdfast.client.pool.ChangedAttributes;
import holdfast.client.pool.ChangedDirectories;
import holdfast.client.pool.Deadline;
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
 * The {@link NamespaceAuthority} over the pool's leader: seals the names it sends, and opens those
 * in answers. Blocks; any thread but the loop.
 */
public final class SealedNamespace implements NamespaceAuthority {
  private final PoolService service;
  private final Sealing sealing;
  private final Deadlines deadlines;
  private final WallClock wallClock;
  private final Supplier<SealId> newSealId;

  private final InodeTable inodes;
  private final ChangedDirectories changed = new ChangedDirectories();
  private final ChangedAttributes attributes = new ChangedAttributes();
  private final SavedContents saved = new SavedContents();

  /** {@code inodes} remembers what it is answered. */
  public SealedNamespace(
      PoolService service,
      Sealing sealing,
      InodeTable inodes,
      Deadlines deadlines,
      WallClock wallClock,
      Supplier<SealId> newSealId) {
    this.service = service;
    this.sealing = sealing;
    this.inodes = inodes;
    this.deadlines = deadlines;
    this.wallClock = wallClock;
    this.newSealId = newSealId;
  }

  @Override
  public Attributes attributes(long inode, Deadline deadline) {
    long askedNs = deadlines.nowNs();
    if (ask(new Query.GetAttributes(inode), deadline) instanceof Answer.Inode found) {
      inodes.answered(found.attributes(), askedNs);
      return found.attributes();
    }
    throw wrongAnswer();
  }

  @Override
  public Attributes lookup(long parent, byte[] name, Deadline deadline) {
    return lookupEntry(parent, name, deadline).attributes();
  }

  private DirectoryEntry lookupEntry(long parent, byte[] name, Deadline deadline) {
    EntryName sealed = sealing.name(sealId(parent, deadline), name);
    long askedNs = deadlines.nowNs();
    if (ask(new Query.Lookup(parent, sealed), deadline) instanceof Answer.Entry found) {
      inodes.answered(found.entry().attributes(), askedNs);
      return found.entry();
    }
    throw wrongAnswer();
  }

  @Override
  public Attributes create(
      long parent, byte[] name, Wanted wanted, boolean exclusive, Deadline deadline) {
    SealId parentSeal = sealId(parent, deadline);
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
    return change(operation, deadline).attributes();
  }

  public byte[] readLink(long inode, Deadline deadline) {
    if (ask(new Query.ReadLink(inode), deadline) instanceof Answer.Target found) {
      return sealing.openTarget(found.attributes().sealId(), found.target());
    }
    throw wrongAnswer();
  }

  @Override
  public Attributes unlink(long parent, byte[] name, boolean pin, Deadline deadline) {
    EntryName sealed = sealing.name(sealId(parent, deadline), name);
    return change(new Operation.Unlink(parent, sealed, pin, wallClock.nowNs()), deadline)
        .attributes();
  }

  @Override
  public Attributes removeDirectory(long parent, byte[] name, Deadline deadline) {
    EntryName sealed = sealing.name(sealId(parent, deadline), name);
    return change(new Operation.RemoveDirectory(parent, sealed, wallClock.nowNs()), deadline)
        .attributes();
  }

  @Override
  public OperationResult.Done rename(
      long oldParent,
      byte[] oldName,
      long newParent,
      byte[] newName,
      RenameMode mode,
      boolean pin,
      Deadline deadline) {
    while (true) {
      ClientId under = service.client();
      Attributes moved = lookup(oldParent, oldName, deadline);
      if (saved.isLost(moved.inode(), moved.version())) {
        saved.reported(moved.inode(), moved.version()); // once, as by an fsync
        throw LostContent.ofMoved(moved.inode());
      }
      try {
        return rename(moved, oldParent, oldName, newParent, newName, mode, pin, deadline);
      } catch (HoldfastException e) {
        if (e.code() != ErrorCode.STALE_VERSION) {
          throw e;
        }
        boolean isOthers =
            under.equals(service.client())
                && lookup(oldParent, oldName, deadline).inode() != moved.inode();
        // Another client may have moved something else there; a power cut may, too.
        if (!isOthers || deadline.isOver()) {
          saved.reported(moved.inode(), 0); // older than any that was expected
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
      boolean pin,
      Deadline deadline) {
    SealId oldSeal = sealId(oldParent, deadline);
    SealId newSeal = sealId(newParent, deadline);
    EntryName oldSealed = sealing.name(oldSeal, oldName);
    EntryName newSealed = sealing.name(newSeal, newName);
    Tag oldTag = Tag.ZERO;
    if (mode == RenameMode.EXCHANGE) {
      Attributes other = lookup(newParent, newName, deadline);
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
            pin,
            moved.inode(),
            contentVersion,
            wallClock.nowNs());
    return change(rename, deadline);
  }

  @Override
  public Attributes link(long inode, long newParent, byte[] newName, Deadline deadline) {
    SealId parentSeal = sealId(newParent, deadline);
    EntryName sealed = sealing.name(parentSeal, newName);
    Attributes child = attributes(inode, deadline);
    Tag tag = sealing.entryTag(parentSeal, sealed, child.sealId(), child.type());
    return change(new Operation.Link(newParent, sealed, tag, inode, wallClock.nowNs()), deadline)
        .attributes();
  }

  @Override
  public Attributes setAttributes(Operation.SetAttributes operation, Deadline deadline) {
    return change(operation, deadline).attributes();
  }

  /** One page of a directory, with its names sealed still. */
  Answer.Listing list(long directory, long afterCookie, int maxEntries, Deadline deadline) {
    var query = new Query.ReadDirectory(directory, afterCookie, maxEntries);
    long askedNs = deadlines.nowNs();
    if (ask(query, deadline) instanceof Answer.Listing page) {
      inodes.answered(page.directory(), askedNs);
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
    SealId sealId = inodes.sealIdOrNull(directory);
    return sealId == null ? null : sealing.openName(sealId, name);
  }

  public ChangedAttributes changedAttributes() {
    return attributes;
  }

  /** After all open files are indeterminate: so is what was changed of anything. */
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
      attributes.vouchForDirectory(directory, service, deadlines, deadlines.begin());
    } catch (HoldfastException e) {
      throw SaveFailure.of(e);
    }
    changed.force(directory, service, deadlines);
  }

  public SavedContents savedContents() {
    return saved;
  }

  SealId sealId(long inode, Deadline deadline) {
    SealId sealId = inodes.sealIdOrNull(inode);
    return sealId != null ? sealId : attributes(inode, deadline).sealId();
  }

  Answer ask(Query query, Deadline deadline) {
    return deadlines.await(service.ask(query, deadline), deadline).answer().orThrow();
  }

  OperationResult.Done change(Operation operation, Deadline deadline) {
    long session = changed.sessionCount();
    long attributesSession = attributes.sessionCount();
    changed.beforeChange(operation, service, deadlines, deadline);
    for (long inode : ChangedAttributes.inodes(operation)) {
      attributes.beforeChange(inode, service, deadlines, deadline);
    }
    long askedNs = deadlines.nowNs();
    OperationResult.Done done =
        deadlines.await(service.change(operation, null, false, deadline), deadline).orThrow();
    changed.changed(operation, done, session, deadlines.nowNs());
    if (ChangedAttributes.isOf(operation)) {
      attributes.changed(operation, done.attributes(), attributesSession, deadlines.nowNs());
    }
    long answeredNs = deadlines.nowNs();
    inodes.changed(done.attributes(), askedNs, answeredNs);
    done.others().forEach(other -> inodes.changed(other, askedNs, answeredNs));
    return done;
  }

  static HoldfastException wrongAnswer() {
    return new HoldfastException(
        ErrorCode.MALFORMED, "ask namespace: expected=the answer to the question, was=another");
  }
}
