package holdfast.client.names;

import holdfast.client.api.AttributeChange;
import holdfast.client.api.Caller;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.OpenedFile;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.file.OpenFile;
import holdfast.client.file.OpenFileTable;
import holdfast.client.file.WritePipeline;
import holdfast.client.kernel.CacheLease;
import holdfast.client.kernel.InodeTable;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.SaveFailure;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Operation;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.WallClock;
import java.util.concurrent.TimeUnit;

/**
 * Serves stat(2), chmod(2) and the like: attributes of inodes, apart from names and content.
 * Blocks.
 */
public final class AttributeOperations {
  /**
   * How long the pool may be silent about the root before its attributes come from memory. Event:
   * without peers umount(8) waited in the root's stat(2) for longer than it was given.
   */
  static final long ROOT_SILENCE_NS = TimeUnit.SECONDS.toNanos(1);

  private final NamespaceAuthority authority;
  private final OpenFileTable files;
  private final OrphanPins pins;
  private final FileCloser closer;
  private final InodeTable inodes;
  private final WritePipeline pipeline;
  private final CacheLease cacheLease;
  private final StatMapper statMapper;
  private final Deadlines deadlines;
  private final WallClock wallClock;

  /** {@code authority} decides; {@code inodes} remembers what it doesn't know any more. */
  public AttributeOperations(
      NamespaceAuthority authority,
      OpenFileTable files,
      OrphanPins pins,
      FileCloser closer,
      InodeTable inodes,
      WritePipeline pipeline,
      CacheLease cacheLease,
      StatMapper statMapper,
      Deadlines deadlines,
      WallClock wallClock) {
    this.authority = authority;
    this.files = files;
    this.pins = pins;
    this.closer = closer;
    this.inodes = inodes;
    this.pipeline = pipeline;
    this.cacheLease = cacheLease;
    this.statMapper = statMapper;
    this.deadlines = deadlines;
    this.wallClock = wallClock;
  }

  /** The attributes as programs on this mount see them now. */
  public FileAttributes attributes(long inode) {
    OpenFile file = files.fileOrNull(inode);
    OpenFile.Shown shown = file == null ? null : file.shown();
    if (shown != null && shown.isAhead()) {
      return statMapper.shown(shown.attributes());
    }
    try (var ticket = cacheLease.begin()) {
      Attributes found = ask(inode);
      return statMapper.shown(found, ticket.attributesMs(inode), 0);
    } catch (HoldfastException e) {
      return statMapper.shown(lastOrThrow(inode, e));
    }
  }

  /** Of the root, what was answered last will do where the pool is silent. */
  private Attributes ask(long inode) {
    Deadline deadline = deadlines.begin();
    Attributes last = inode == Attributes.ROOT_INODE ? inodes.lastOrNull(inode) : null;
    if (last == null || cacheLease.isLeased()) {
      return authority.attributes(inode, deadline);
    }
    try {
      return authority.attributes(inode, deadlines.atMost(ROOT_SILENCE_NS));
    } catch (HoldfastException e) {
      if (SaveFailure.isPoolAway(e)) {
        return last;
      }
      throw e;
    }
  }

  /**
   * The last attributes of an inode that was removed while it is open here, by whomever: of a file,
   * or of what the file system hears neither open nor close of.
   */
  private Attributes lastOrThrow(long inode, HoldfastException why) {
    if (why.code() != ErrorCode.NOT_FOUND) {
      throw why;
    }
    OpenFile gone = files.goneOrNull(inode);
    Attributes last =
        gone == null ? inodes.lastWithoutNameOrNull(inode) : gone.shown().attributes();
    if (last == null) {
      throw why;
    }
    return last;
  }

  /** Changes them; the caller has checked that it may. A cut by a handle reports its losses. */
  public FileAttributes set(long inode, AttributeChange change, long handle) {
    Deadline deadline = deadlines.begin();
    OpenFile file = files.fileOrNull(inode);
    if (file != null && change.has(AttributeChange.MTIME)) {
      pipeline.flush(file, false, deadline); // it would bring a newer time along later
    }
    FileAttributes shown = null;
    if (change.has(AttributeChange.SIZE)) {
      shown = truncate(inode, handle, change.sizeBytes(), deadline);
    }
    Operation.SetAttributes operation = change.operation(inode, wallClock.nowNs());
    if (operation.mask() == 0 && shown != null) {
      return shown;
    }
    try (var ticket = cacheLease.begin()) {
      Attributes after = authority.setAttributes(operation, deadline);
      return file == null
          ? statMapper.shown(after, ticket.attributesMs(inode), 0)
          : statMapper.shown(file.attributesChanged(after));
    } catch (HoldfastException e) {
      return statMapper.shown(setLast(lastOrThrow(inode, e).after(operation)));
    }
  }

  /** Only programs here that have the inode open know it: they see the change. */
  private Attributes setLast(Attributes after) {
    OpenFile file = files.fileOrNull(after.inode());
    if (file != null) {
      return file.attributesChanged(after);
    }
    inodes.lastChanged(after);
    return after;
  }

  private FileAttributes truncate(long inode, long handle, long sizeBytes, Deadline deadline) {
    // A removed file that is open here is known to nobody else: it mustn't be asked for.
    OpenedFile opened = files.openAgain(inode);
    if (opened == null) {
      opened = pins.open(inode, deadline);
    }
    try {
      OpenFile file = files.handle(opened.handle()).file();
      boolean isByHandle = handle != PoolFileSystem.NO_HANDLE;
      long lossCount = files.handle(isByHandle ? handle : opened.handle()).checkBeforeChange();
      pipeline.truncate(file, sizeBytes, lossCount, deadline);
      return statMapper.shown(file.shown().attributes());
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
}
