package holdfast.client.names;

import holdfast.client.api.AbsentException;
import holdfast.client.api.Caller;
import holdfast.client.api.CreatedFile;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.OpenedFile;
import holdfast.client.file.FileHandle;
import holdfast.client.file.OpenFile;
import holdfast.client.file.OpenFileTable;
import holdfast.client.file.WritePipeline;
import holdfast.client.kernel.CacheLease;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.RenameMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.concurrent.locks.Lock;

/** Serves lookup, create, rename and the like, and answers how long the kernel may keep a name. */
public final class NameOperations {
  /** Stands for a name that isn't there. */
  private static final long NO_INODE = 0;

  private final NamespaceAuthority authority;
  private final OpenFileTable files;
  private final OrphanPins pins;
  private final FileCloser closer;
  private final WritePipeline pipeline;
  private final CacheLease cacheLease;
  private final StatMapper statMapper;
  private final Deadlines deadlines;

  /** {@code authority} decides. */
  public NameOperations(
      NamespaceAuthority authority,
      OpenFileTable files,
      OrphanPins pins,
      FileCloser closer,
      WritePipeline pipeline,
      CacheLease cacheLease,
      StatMapper statMapper,
      Deadlines deadlines) {
    this.authority = authority;
    this.files = files;
    this.pins = pins;
    this.closer = closer;
    this.pipeline = pipeline;
    this.cacheLease = cacheLease;
    this.statMapper = statMapper;
    this.deadlines = deadlines;
  }

  /** Finds a name. */
  public FileAttributes lookup(long parent, byte[] name) {
    try (var ticket = cacheLease.begin()) {
      Attributes found = find(ticket, parent, name);
      long entryMs = ticket.entryMs(parent, name);
      OpenFile file = files.fileOrNull(found.inode());
      OpenFile.Shown shown = file == null ? null : file.shownBeside(found);
      if (shown != null && shown.isAhead()) {
        return statMapper.shown(shown.attributes(), 0, entryMs);
      }
      return statMapper.shown(found, ticket.attributesMs(found.inode()), entryMs);
    }
  }

  private Attributes find(CacheLease.Ticket ticket, long parent, byte[] name) {
    try {
      return authority.lookup(parent, name, deadlines.begin());
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
    Deadline deadline = deadlines.begin();
    long session = files.sessionCount();
    boolean isExclusive = (openFlags & OpenFlags.EXCLUSIVE) != 0;
    var wanted = statMapper.wanted(caller, FileType.FILE, mode, 0, null);
    Attributes created = authority.create(parent, name, wanted, isExclusive, deadline);
    boolean isNew = created.version() == 0 && created.sizeBytes() == 0;
    OpenedFile opened =
        isNew ? files.openNew(created, session) : pins.open(created.inode(), deadline);
    if (!isNew && (openFlags & OpenFlags.TRUNCATE) != 0) {
      try {
        FileHandle its = files.handle(opened.handle());
        pipeline.truncate(its.file(), 0, its.checkBeforeChange(), deadline);
      } catch (RuntimeException e) {
        closer.drop(opened.handle());
        throw e;
      }
    }
    FileAttributes shown = statMapper.shown(created, 0, ticket.entryMs(parent, name));
    return new CreatedFile(shown, opened.handle());
  }

  /** Makes anything but an open file, as its caller's; {@code targetOrNull}: of a symbolic link. */
  public FileAttributes make(
      Caller caller,
      long parent,
      byte[] name,
      FileType type,
      int mode,
      int rdev,
      byte[] targetOrNull) {
    var wanted = statMapper.wanted(caller, type, mode, rdev, targetOrNull);
    Deadline deadline = deadlines.begin();
    try (var ticket = cacheLease.begin(parent)) {
      Attributes made = authority.create(parent, name, wanted, true, deadline);
      return statMapper.shown(
          made, ticket.attributesMs(made.inode()), ticket.entryMs(parent, name));
    }
  }

  /** Removes a name that isn't a directory's. */
  public void unlink(long parent, byte[] name) {
    cacheLease.during(() -> unlink(parent, name, deadlines.begin()), parent);
  }

  /** Removes an empty directory. */
  public void removeDirectory(long parent, byte[] name) {
    cacheLease.during(
        () -> changed(authority.removeDirectory(parent, name, deadlines.begin())), parent);
  }

  /** Moves a name. */
  public void rename(long parent, byte[] name, long newParent, byte[] newName, RenameMode mode) {
    cacheLease.during(
        () -> rename(parent, name, newParent, newName, mode, deadlines.begin()), parent, newParent);
  }

  /** Gives an inode one more name. */
  public FileAttributes link(long inode, long newParent, byte[] newName) {
    try (var ticket = cacheLease.begin(newParent)) {
      Attributes linked = changed(authority.link(inode, newParent, newName, deadlines.begin()));
      boolean isOpen = files.fileOrNull(inode) != null;
      return statMapper.shown(
          linked, isOpen ? 0 : ticket.attributesMs(inode), ticket.entryMs(newParent, newName));
    }
  }

  /** So that a file that is open here outlives its name. */
  private void unlink(long parent, byte[] name, Deadline deadline) {
    if (files.isIdle()) {
      removed(authority.unlink(parent, name, false, deadline), false);
      return;
    }
    long inode = authority.lookup(parent, name, deadline).inode();
    Lock removing = pins.removing(inode);
    removing.lock();
    try {
      boolean pin = pins.isOpen(inode);
      removed(authority.unlink(parent, name, pin, deadline), pin);
    } finally {
      removing.unlock();
    }
  }

  /** Likewise, over what has the new name if the mode says so. */
  private void rename(
      long parent,
      byte[] name,
      long newParent,
      byte[] newName,
      RenameMode mode,
      Deadline deadline) {
    boolean mayReplace = mode == RenameMode.REPLACE && !files.isIdle();
    long replaced = mayReplace ? inodeOf(newParent, newName, deadline) : NO_INODE;
    if (replaced == NO_INODE) {
      rename(parent, name, newParent, newName, mode, false, deadline);
      return;
    }
    Lock removing = pins.removing(replaced);
    removing.lock();
    try {
      boolean pin = pins.isOpen(replaced);
      rename(parent, name, newParent, newName, mode, pin, deadline);
    } finally {
      removing.unlock();
    }
  }

  private void rename(
      long parent,
      byte[] name,
      long newParent,
      byte[] newName,
      RenameMode mode,
      boolean pin,
      Deadline deadline) {
    OperationResult.Done done =
        authority.rename(parent, name, newParent, newName, mode, pin, deadline);
    changed(done.attributes());
    done.others().forEach(after -> removed(after, pin && after.linkCount() == 0));
  }

  private void removed(Attributes after, boolean wasPinned) {
    pins.removed(after, wasPinned);
    changed(after);
  }

  private long inodeOf(long parent, byte[] name, Deadline deadline) {
    try {
      return authority.lookup(parent, name, deadline).inode();
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        return NO_INODE;
      }
      throw e;
    }
  }

  /** An inode's names changed: who has it open must see it before the pool is asked again. */
  private Attributes changed(Attributes after) {
    OpenFile file = files.fileOrNull(after.inode());
    return file == null ? after : file.attributesChanged(after);
  }
}
