package holdfast.client.names;

import holdfast.client.api.AttributeChange;
import holdfast.client.api.Caller;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.OpenedFile;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.file.FileContent;
import holdfast.client.file.OpenFileTable;
import holdfast.client.file.WriteBack;
import holdfast.client.kernel.CacheLease;
import holdfast.client.kernel.RemovedInodes;
import holdfast.client.pool.Deadlines;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Operation;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.WallClock;

/** What programs see of inodes and change about them, apart from names and content. Blocks. */
public final class AttributeOperations {
  private final SealedNamespace namespace;
  private final OpenFileTable files;
  private final OrphanPins pins;
  private final FileCloser closer;
  private final RemovedInodes removed;
  private final WriteBack writeBack;
  private final CacheLease cacheLease;
  private final StatMapper statMapper;
  private final Deadlines deadlines;
  private final WallClock wallClock;

  public AttributeOperations(
      SealedNamespace namespace,
      OpenFileTable files,
      OrphanPins pins,
      FileCloser closer,
      RemovedInodes removed,
      WriteBack writeBack,
      CacheLease cacheLease,
      StatMapper statMapper,
      Deadlines deadlines,
      WallClock wallClock) {
    this.namespace = namespace;
    this.files = files;
    this.pins = pins;
    this.closer = closer;
    this.removed = removed;
    this.writeBack = writeBack;
    this.cacheLease = cacheLease;
    this.statMapper = statMapper;
    this.deadlines = deadlines;
    this.wallClock = wallClock;
  }

  /** The attributes as programs on this mount see them now. */
  public FileAttributes attributes(long inode) {
    FileContent content = files.contentOrNull(inode);
    if (content != null) {
      content.lock.lock();
      try {
        // While it changes here, the pool's word is older than ours.
        if (content.isUnsaved() || content.isUnlinked) {
          return shown(content.attributes());
        }
      } finally {
        content.lock.unlock();
      }
    }
    try (var ticket = cacheLease.begin()) {
      Attributes found = namespace.attributes(inode, deadlines.deadlineNs());
      return statMapper.shown(found, ticket.attributesMs(inode), 0);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND && content != null) {
        return unlinked(content);
      }
      Attributes last = e.code() == ErrorCode.NOT_FOUND ? removed.orNull(inode) : null;
      if (last != null) {
        return shown(last);
      }
      throw e;
    }
  }

  private FileAttributes unlinked(FileContent content) {
    files.gone(content);
    content.lock.lock();
    try {
      return shown(content.attributes());
    } finally {
      content.lock.unlock();
    }
  }

  /** Changes them; the caller has checked that it may. A cut by a handle tells it what is lost. */
  public FileAttributes set(long inode, AttributeChange change, long handle) {
    if (handle != PoolFileSystem.NO_HANDLE && change.has(AttributeChange.SIZE)) {
      files.handle(handle).warn();
    }
    long deadlineNs = deadlines.deadlineNs();
    FileContent content = files.contentOrNull(inode);
    if (content != null && change.has(AttributeChange.MTIME)) {
      writeBack.flush(content, false, deadlineNs); // it would bring a newer time along later
    }
    FileAttributes shown = null;
    if (change.has(AttributeChange.SIZE)) {
      shown = truncate(inode, change.sizeBytes(), deadlineNs);
    }
    Operation.SetAttributes operation = change.operation(inode, wallClock.nowNs());
    if (operation.mask() == 0 && shown != null) {
      return shown;
    }
    if (content == null) {
      try (var ticket = cacheLease.begin()) {
        Attributes after = namespace.setAttributes(operation, deadlineNs);
        return statMapper.shown(after, ticket.attributesMs(inode), 0);
      }
    }
    return setOpen(content, operation, deadlineNs);
  }

  private FileAttributes setOpen(
      FileContent content, Operation.SetAttributes operation, long deadlineNs) {
    Attributes after;
    try {
      after = namespace.setAttributes(operation, deadlineNs);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        return unlinked(content);
      }
      throw e;
    }
    return shown(content.attributesChanged(after, deadlines.nowNs()));
  }

  private FileAttributes truncate(long inode, long sizeBytes, long deadlineNs) {
    // A removed file that is open here is known to nobody else: it mustn't be asked for.
    OpenedFile opened = files.openAgain(inode);
    if (opened == null) {
      opened = pins.open(inode, deadlineNs);
    }
    try {
      FileContent content = files.handle(opened.handle()).content;
      writeBack.truncate(content, sizeBytes, deadlineNs);
      content.lock.lock();
      try {
        return shown(content.attributes());
      } finally {
        content.lock.unlock();
      }
    } finally {
      closer.drop(opened.handle());
    }
  }

  /** Checks access(2). */
  public void access(Caller caller, long inode, int mask) {
    FileAttributes attributes = attributes(inode);
    if (caller.uid() == 0 && (mask & 1) == 0) {
      return;
    }
    int shift = caller.uid() == attributes.uid() ? 6 : caller.gid() == attributes.gid() ? 3 : 0;
    int allowed = attributes.mode() >> shift & 7;
    boolean isRootExecuting = caller.uid() == 0 && (attributes.mode() & 0111) != 0;
    if ((allowed & mask) != mask && !isRootExecuting) {
      throw new HoldfastException(ErrorCode.ACCESS_DENIED, "check access: denied");
    }
  }

  private FileAttributes shown(Attributes attributes) {
    return statMapper.shown(attributes);
  }
}
