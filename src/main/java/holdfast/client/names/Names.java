package holdfast.client.names;

import holdfast.client.api.AbsentException;
import holdfast.client.api.Caller;
import holdfast.client.api.CreatedFile;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.OpenedFile;
import holdfast.client.file.FileContent;
import holdfast.client.file.OpenFiles;
import holdfast.client.file.WriteBack;
import holdfast.client.kernel.Freshness;
import holdfast.client.kernel.RemovedInodes;
import holdfast.client.pool.Waits;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.RenameMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/** Names in directories: finds, makes, moves and removes them, and says how long to keep them. */
public final class Names {
  private final Tree tree;
  private final OpenFiles files;
  private final Holds holds;
  private final FileCloser closer;
  private final Removals removals;
  private final RemovedInodes removed;
  private final WriteBack writeBack;
  private final Freshness freshness;
  private final Presentation presentation;
  private final Waits waits;

  public Names(
      Tree tree,
      OpenFiles files,
      Holds holds,
      FileCloser closer,
      RemovedInodes removed,
      WriteBack writeBack,
      Freshness freshness,
      Presentation presentation,
      Waits waits) {
    this.tree = tree;
    this.files = files;
    this.holds = holds;
    this.closer = closer;
    this.removals = new Removals(tree, files, holds, this::changed);
    this.removed = removed;
    this.writeBack = writeBack;
    this.freshness = freshness;
    this.presentation = presentation;
    this.waits = waits;
  }

  /** Finds a name. */
  public FileAttributes lookup(long parent, byte[] name) {
    try (var ticket = freshness.begin()) {
      Attributes found = find(ticket, parent, name);
      long entryMs = ticket.entryMs(parent, name);
      FileContent content = files.contentOrNull(found.inode());
      if (content != null) {
        content.lock.lock();
        try {
          if (content.isUnsaved()) {
            return presentation.shown(content.attributes(found), 0, entryMs);
          }
        } finally {
          content.lock.unlock();
        }
      }
      return presentation.shown(found, ticket.attributesMs(found.inode()), entryMs);
    }
  }

  private Attributes find(Freshness.Ticket ticket, long parent, byte[] name) {
    try {
      return tree.lookup(parent, name, waits.deadlineNs());
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        throw new AbsentException(e, ticket.entryMs(parent, name));
      }
      throw e;
    }
  }

  /** Creates a regular file and opens it. */
  public CreatedFile create(Caller caller, long parent, byte[] name, int mode, int openFlags) {
    try (var ticket = freshness.begin(parent)) {
      return create(ticket, caller, parent, name, mode, openFlags);
    }
  }

  private CreatedFile create(
      Freshness.Ticket ticket, Caller caller, long parent, byte[] name, int mode, int openFlags) {
    long deadlineNs = waits.deadlineNs();
    long session = files.sessionCount();
    boolean isExclusive = (openFlags & OpenFlags.EXCLUSIVE) != 0;
    var wanted = presentation.wanted(caller, FileType.FILE, mode, 0, null);
    Attributes created = tree.create(parent, name, wanted, isExclusive, deadlineNs);
    boolean isNew = created.version() == 0 && created.sizeBytes() == 0;
    OpenedFile opened =
        isNew ? files.openNew(created, session) : holds.open(created.inode(), deadlineNs);
    if (!isNew && (openFlags & OpenFlags.TRUNCATE) != 0) {
      try {
        writeBack.truncate(files.handle(opened.handle()).content, 0, deadlineNs);
      } catch (RuntimeException e) {
        closer.drop(opened.handle());
        throw e;
      }
    }
    FileAttributes shown = presentation.shown(created, 0, ticket.entryMs(parent, name));
    return new CreatedFile(shown, opened.handle());
  }

  /** Makes anything but an open file. */
  public FileAttributes make(long parent, byte[] name, Tree.Wanted wanted) {
    long deadlineNs = waits.deadlineNs();
    try (var ticket = freshness.begin(parent)) {
      Attributes made = tree.create(parent, name, wanted, true, deadlineNs);
      return presentation.shown(
          made, ticket.attributesMs(made.inode()), ticket.entryMs(parent, name));
    }
  }

  /** Removes a name that isn't a directory's. */
  public void unlink(long parent, byte[] name) {
    freshness.during(() -> removals.unlink(parent, name, waits.deadlineNs()), parent);
  }

  /** Removes an empty directory. */
  public void removeDirectory(long parent, byte[] name) {
    freshness.during(() -> changed(tree.removeDirectory(parent, name, waits.deadlineNs())), parent);
  }

  /** Moves a name. */
  public void rename(long parent, byte[] name, long newParent, byte[] newName, RenameMode mode) {
    freshness.during(
        () -> removals.rename(parent, name, newParent, newName, mode, waits.deadlineNs()),
        parent,
        newParent);
  }

  /** Gives an inode one more name. */
  public FileAttributes link(long inode, long newParent, byte[] newName) {
    try (var ticket = freshness.begin(newParent)) {
      Attributes linked = changed(tree.link(inode, newParent, newName, waits.deadlineNs()));
      boolean isOpen = files.contentOrNull(inode) != null;
      return presentation.shown(
          linked, isOpen ? 0 : ticket.attributesMs(inode), ticket.entryMs(newParent, newName));
    }
  }

  /**
   * An inode's names changed: who has it open must see it before the pool is asked again. One that
   * has lost its last name lives on only here.
   */
  private Attributes changed(Attributes after) {
    removed.remember(after);
    FileContent content = files.contentOrNull(after.inode());
    return content == null ? after : content.attributesChanged(after, waits.nowNs());
  }
}
