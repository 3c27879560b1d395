package holdfast.client.names;

import holdfast.client.api.AbsentException;
import holdfast.client.api.Caller;
import holdfast.client.api.CreatedFile;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.OpenedFile;
import holdfast.client.file.FileContent;
import holdfast.client.file.OpenFileTable;
import holdfast.client.file.WriteBack;
import holdfast.client.kernel.CacheLease;
import holdfast.client.kernel.RemovedInodes;
import holdfast.client.pool.Deadlines;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.RenameMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/** Names in directories: finds, makes, moves and removes them, and says how long to keep them. */
public final class NameOperations {
  private final SealedNamespace namespace;
  private final OpenFileTable files;
  private final OrphanPins pins;
  private final FileCloser closer;
  private final Removals removals;
  private final RemovedInodes removed;
  private final WriteBack writeBack;
  private final CacheLease cacheLease;
  private final StatMapper statMapper;
  private final Deadlines deadlines;

  public NameOperations(
      SealedNamespace namespace,
      OpenFileTable files,
      OrphanPins pins,
      FileCloser closer,
      RemovedInodes removed,
      WriteBack writeBack,
      CacheLease cacheLease,
      StatMapper statMapper,
      Deadlines deadlines) {
    this.namespace = namespace;
    this.files = files;
    this.pins = pins;
    this.closer = closer;
    this.removals = new Removals(namespace, files, pins, this::changed);
    this.removed = removed;
    this.writeBack = writeBack;
    this.cacheLease = cacheLease;
    this.statMapper = statMapper;
    this.deadlines = deadlines;
  }

  /** Finds a name. */
  public FileAttributes lookup(long parent, byte[] name) {
    try (var ticket = cacheLease.begin()) {
      Attributes found = find(ticket, parent, name);
      long entryMs = ticket.entryMs(parent, name);
      FileContent content = files.contentOrNull(found.inode());
      if (content != null) {
        content.lock.lock();
        try {
          if (content.isUnsaved()) {
            return statMapper.shown(content.attributes(found), 0, entryMs);
          }
        } finally {
          content.lock.unlock();
        }
      }
      return statMapper.shown(found, ticket.attributesMs(found.inode()), entryMs);
    }
  }

  private Attributes find(CacheLease.Ticket ticket, long parent, byte[] name) {
    try {
      return namespace.lookup(parent, name, deadlines.deadlineNs());
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        throw new AbsentException(e, ticket.entryMs(parent, name));
      }
      throw e;
    }
  }

  /** Creates a regular file and opens it. */
  public CreatedFile create(Caller caller, long parent, byte[] name, int mode, int openFlags) {
    try (var ticket = cacheLease.begin(parent)) {
      return create(ticket, caller, parent, name, mode, openFlags);
    }
  }

  private CreatedFile create(
      CacheLease.Ticket ticket, Caller caller, long parent, byte[] name, int mode, int openFlags) {
    long deadlineNs = deadlines.deadlineNs();
    long session = files.sessionCount();
    boolean isExclusive = (openFlags & OpenFlags.EXCLUSIVE) != 0;
    var wanted = statMapper.wanted(caller, FileType.FILE, mode, 0, null);
    Attributes created = namespace.create(parent, name, wanted, isExclusive, deadlineNs);
    boolean isNew = created.version() == 0 && created.sizeBytes() == 0;
    OpenedFile opened =
        isNew ? files.openNew(created, session) : pins.open(created.inode(), deadlineNs);
    if (!isNew && (openFlags & OpenFlags.TRUNCATE) != 0) {
      try {
        writeBack.truncate(files.handle(opened.handle()).content, 0, deadlineNs);
      } catch (RuntimeException e) {
        closer.drop(opened.handle());
        throw e;
      }
    }
    FileAttributes shown = statMapper.shown(created, 0, ticket.entryMs(parent, name));
    return new CreatedFile(shown, opened.handle());
  }

  /** Makes anything but an open file. */
  public FileAttributes make(long parent, byte[] name, SealedNamespace.Wanted wanted) {
    long deadlineNs = deadlines.deadlineNs();
    try (var ticket = cacheLease.begin(parent)) {
      Attributes made = namespace.create(parent, name, wanted, true, deadlineNs);
      return statMapper.shown(
          made, ticket.attributesMs(made.inode()), ticket.entryMs(parent, name));
    }
  }

  /** Removes a name that isn't a directory's. */
  public void unlink(long parent, byte[] name) {
    cacheLease.during(() -> removals.unlink(parent, name, deadlines.deadlineNs()), parent);
  }

  /** Removes an empty directory. */
  public void removeDirectory(long parent, byte[] name) {
    cacheLease.during(
        () -> changed(namespace.removeDirectory(parent, name, deadlines.deadlineNs())), parent);
  }

  /** Moves a name. */
  public void rename(long parent, byte[] name, long newParent, byte[] newName, RenameMode mode) {
    cacheLease.during(
        () -> removals.rename(parent, name, newParent, newName, mode, deadlines.deadlineNs()),
        parent,
        newParent);
  }

  /** Gives an inode one more name. */
  public FileAttributes link(long inode, long newParent, byte[] newName) {
    try (var ticket = cacheLease.begin(newParent)) {
      Attributes linked =
          changed(namespace.link(inode, newParent, newName, deadlines.deadlineNs()));
      boolean isOpen = files.contentOrNull(inode) != null;
      return statMapper.shown(
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
    return content == null ? after : content.attributesChanged(after, deadlines.nowNs());
  }
}
