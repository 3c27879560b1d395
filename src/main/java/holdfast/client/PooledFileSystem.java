package holdfast.client;

import holdfast.metadata.Attributes;
import holdfast.metadata.Extent;
import holdfast.metadata.FileType;
import holdfast.metadata.Operation;
import holdfast.metadata.RenameMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.peer.port.FileService;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import holdfast.util.WallClock;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.locks.Lock;
import java.util.function.Supplier;

/**
 * The file system over a pool: names and contents are sealed and opened here, and nowhere else.
 * Close-to-open: what one closed, every other's next open, stat or listing sees.
 */
public final class PooledFileSystem implements PoolFileSystem {
  /** Threads that tell the kernel what changed: each may wait for a lock there. */
  private static final int NOTIFIER_COUNT = 4;

  private static final int NOTIFIER_QUEUE_MAX = 4_096;
  private static final int SEALER_QUEUE_MAX = 65_536;
  private static final System.Logger LOG = System.getLogger(PooledFileSystem.class.getName());

  private final FileService service;
  private final ClientOptions options;
  private final Waits waits;
  private final WallClock wallClock;
  private final ThreadPoolExecutor sealers;
  private final Freshness freshness;
  private final ThreadPoolExecutor notifiers;
  private final ChangeFeed feed;
  private final Tree tree;
  private final OpenFiles files;
  private final Holds holds;
  private final Removals removals;
  private final ChunkReader reader;
  private final ReadAhead readAhead;
  private final WriteBack writeBack;
  private final Xattrs xattrs;
  private final Allocation allocation;
  private final Directories directories;
  private final SpaceCache space;
  private final Presentation presentation;
  private final Flusher flusher;
  private volatile boolean isClosed;

  /**
   * A file system over an opened service.
   *
   * @param newSealId makes random seal ids; any thread
   * @param sealerCount threads that seal and open
   */
  public PooledFileSystem(
      FileService service,
      Sealing sealing,
      ClientOptions options,
      MonotonicClock clock,
      WallClock wallClock,
      NamedThreads threads,
      Supplier<SealId> newSealId,
      int sealerCount) {
    this.service = service;
    this.options = options;
    this.wallClock = wallClock;
    long timeoutNs = options.timeout().toNanos();
    waits = new Waits(clock, timeoutNs);
    sealers = threads.platformPool("sealer", sealerCount, SEALER_QUEUE_MAX);
    freshness = new Freshness(waits);
    tree = new Tree(service, sealing, waits, wallClock, newSealId);
    directories = new Directories(tree);
    var loader = new ExtentLoader(service, waits);
    var blocks = new ArrayPool(DirtyData.BLOCK_BYTES, WriteBack.BLOCKS_KEPT_MAX);
    files = new OpenFiles(loader, waits, blocks);
    holds = new Holds(service, files, waits, wallClock);
    removals = new Removals(tree, files, holds);
    reader = new ChunkReader(service, sealing, new BlockCache(options.cacheSizeBytes()), sealers);
    readAhead = new ReadAhead(reader);
    var committer = new Committer(service, sealing, loader, waits, wallClock);
    writeBack =
        new WriteBack(
            service, sealing, sealers, waits, wallClock, committer, reader, blocks, timeoutNs);
    space = new SpaceCache(service, waits);
    boolean isForUserOnly = options.ownerOrNull() != null;
    xattrs = new Xattrs(tree, files, sealing, waits, wallClock, isForUserOnly);
    allocation = new Allocation(writeBack, space);
    presentation = new Presentation(options.ownerOrNull());
    flusher = new Flusher(files, writeBack, waits, threads);
    notifiers = threads.platformPool("notifier", NOTIFIER_COUNT, NOTIFIER_QUEUE_MAX);
    feed = new ChangeFeed(freshness, holds, files, tree, waits, notifiers);
    service.watch(feed);
  }

  @Override
  public void attach(KernelCache cache) {
    feed.attach(cache);
  }

  @Override
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
    try (var ticket = freshness.begin()) {
      Attributes found = tree.attributes(inode, waits.deadlineNs());
      return presentation.shown(found, ticket.attributesMs(inode), 0);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND && content != null) {
        return unlinked(content);
      }
      throw e;
    }
  }

  private FileAttributes unlinked(FileContent content) {
    content.lock.lock();
    try {
      content.isUnlinked = true;
      content.isGone = true;
      return shown(content.attributes());
    } finally {
      content.lock.unlock();
    }
  }

  @Override
  public FileAttributes setAttributes(long inode, AttributeChange change, long handle) {
    mayChange();
    long deadlineNs = waits.deadlineNs();
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
      try (var ticket = freshness.begin()) {
        Attributes after = tree.setAttributes(operation, deadlineNs);
        return presentation.shown(after, ticket.attributesMs(inode), 0);
      }
    }
    return setOpen(content, operation, deadlineNs);
  }

  private FileAttributes setOpen(
      FileContent content, Operation.SetAttributes operation, long deadlineNs) {
    Attributes after;
    try {
      after = tree.setAttributes(operation, deadlineNs);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        return unlinked(content);
      }
      throw e;
    }
    return shown(content.attributesChanged(after, waits.nowNs()));
  }

  private FileAttributes truncate(long inode, long sizeBytes, long deadlineNs) {
    // A removed file that is open here is known to nobody else: it mustn't be asked for.
    OpenedFile opened = files.openAgain(inode);
    if (opened == null) {
      opened = openFile(inode, deadlineNs);
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
      closeFile(opened.handle());
    }
  }

  @Override
  public FileAttributes lookup(long parent, byte[] name) {
    try (var ticket = freshness.begin()) {
      Attributes found = find(ticket, parent, name);
      long entryMs = ticket.entryMs(parent, name);
      FileContent content = files.contentOrNull(found.inode());
      if (content != null) {
        content.lock.lock();
        try {
          if (content.isUnsaved()) {
            return presentation.shown(content.attributes(), 0, entryMs);
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

  @Override
  public void forget(long inode) {
    tree.forget(inode);
    freshness.forgotten(inode);
  }

  @Override
  public CreatedFile create(Caller caller, long parent, byte[] name, int mode, int openFlags) {
    mayChange();
    try (var ticket = freshness.begin(parent)) {
      return create(ticket, caller, parent, name, mode, openFlags);
    }
  }

  private CreatedFile create(
      Freshness.Ticket ticket, Caller caller, long parent, byte[] name, int mode, int openFlags) {
    long deadlineNs = waits.deadlineNs();
    boolean isExclusive = (openFlags & OpenFlags.EXCLUSIVE) != 0;
    var wanted = presentation.wanted(caller, FileType.FILE, mode, 0, null);
    Attributes created = tree.create(parent, name, wanted, isExclusive, deadlineNs);
    boolean isNew = created.version() == 0 && created.sizeBytes() == 0;
    OpenedFile opened = isNew ? files.openNew(created) : openFile(created.inode(), deadlineNs);
    if (!isNew && (openFlags & OpenFlags.TRUNCATE) != 0) {
      try {
        writeBack.truncate(files.handle(opened.handle()).content, 0, deadlineNs);
      } catch (RuntimeException e) {
        closeFile(opened.handle());
        throw e;
      }
    }
    FileAttributes shown = presentation.shown(created, 0, ticket.entryMs(parent, name));
    return new CreatedFile(shown, opened.handle());
  }

  @Override
  public FileAttributes makeDirectory(Caller caller, long parent, byte[] name, int mode) {
    return make(caller, parent, name, FileType.DIRECTORY, mode, 0, null);
  }

  @Override
  public FileAttributes makeNode(Caller caller, long parent, byte[] name, int mode, int rdev) {
    FileType type = Presentation.nodeType(mode);
    boolean isDevice = type == FileType.CHAR_DEVICE || type == FileType.BLOCK_DEVICE;
    return make(caller, parent, name, type, mode, isDevice ? rdev : 0, null);
  }

  @Override
  public FileAttributes symbolicLink(Caller caller, long parent, byte[] name, byte[] target) {
    return make(caller, parent, name, FileType.SYMLINK, 0777, 0, target);
  }

  private FileAttributes make(
      Caller caller,
      long parent,
      byte[] name,
      FileType type,
      int mode,
      int rdev,
      byte[] targetOrNull) {
    mayChange();
    long deadlineNs = waits.deadlineNs();
    var wanted = presentation.wanted(caller, type, mode, rdev, targetOrNull);
    try (var ticket = freshness.begin(parent)) {
      return made(ticket, tree.create(parent, name, wanted, true, deadlineNs), parent, name);
    }
  }

  private FileAttributes made(Freshness.Ticket ticket, Attributes made, long parent, byte[] name) {
    return presentation.shown(
        made, ticket.attributesMs(made.inode()), ticket.entryMs(parent, name));
  }

  @Override
  public byte[] readLink(long inode) {
    return tree.readLink(inode, waits.deadlineNs());
  }

  @Override
  public void unlink(long parent, byte[] name) {
    mayChange();
    freshness.during(() -> removals.unlink(parent, name, waits.deadlineNs()), parent);
  }

  @Override
  public void removeDirectory(long parent, byte[] name) {
    mayChange();
    freshness.during(() -> tree.removeDirectory(parent, name, waits.deadlineNs()), parent);
  }

  @Override
  public void rename(long parent, byte[] name, long newParent, byte[] newName, int flags) {
    mayChange();
    RenameMode mode =
        switch (flags) {
          case 0 -> RenameMode.REPLACE;
          case RENAME_NO_REPLACE -> RenameMode.NO_REPLACE;
          case RENAME_EXCHANGE -> RenameMode.EXCHANGE;
          default ->
              throw new HoldfastException(
                  ErrorCode.INVALID, "rename: expected=flags 0 to 2, was=" + flags);
        };
    freshness.during(
        () -> removals.rename(parent, name, newParent, newName, mode, waits.deadlineNs()),
        parent,
        newParent);
  }

  @Override
  public FileAttributes link(long inode, long newParent, byte[] newName) {
    mayChange();
    try (var ticket = freshness.begin(newParent)) {
      Attributes linked = tree.link(inode, newParent, newName, waits.deadlineNs());
      return made(ticket, linked, newParent, newName);
    }
  }

  @Override
  public OpenedFile open(long inode, int openFlags) {
    if ((openFlags & OpenFlags.ACCESS_MASK) != OpenFlags.READ_ONLY) {
      mayChange();
    }
    long deadlineNs = waits.deadlineNs();
    FileContent content = files.contentOrNull(inode);
    if (content != null) {
      // What another handle here wrote must not look older than the pool's version of it.
      writeBack.saveAll(content);
    }
    return openFile(inode, deadlineNs);
  }

  private OpenedFile openFile(long inode, long deadlineNs) {
    Lock opening = holds.opening(inode);
    opening.lock();
    try {
      return files.open(inode, deadlineNs);
    } finally {
      opening.unlock();
    }
  }

  @Override
  public int read(long handle, long offset, byte[] target, int targetOffset, int length) {
    FileHandle open = files.handle(handle);
    long deadlineNs = waits.deadlineNs();
    FileContent.Gaps gaps = open.content.read(offset, target, targetOffset, length);
    readAhead.after(open, offset, gaps.lengthBytes(), deadlineNs);
    for (var extent : gaps.extents()) {
      reader.read(
          extent, target, targetOffset + (int) (extent.fileOffset() - offset), waits, deadlineNs);
    }
    return gaps.lengthBytes();
  }

  @Override
  public int write(long handle, long offset, byte[] source, int sourceOffset, int length) {
    mayChange();
    if (length == 0) {
      return 0;
    }
    if (offset > Extent.FILE_MAX_BYTES - length) {
      throw new HoldfastException(
          ErrorCode.TOO_LARGE, "write: expected=an end of at most 4 EiB, was=offset " + offset);
    }
    writeBack.write(
        files.handle(handle),
        offset,
        source,
        sourceOffset,
        length,
        () -> files.all().forEach(writeBack::saveAll),
        waits.deadlineNs());
    return length;
  }

  @Override
  public void allocate(long handle, int mode, long offset, long lengthBytes) {
    mayChange();
    FileContent content = files.handle(handle).content;
    allocation.allocate(content, mode, offset, lengthBytes, waits.deadlineNs());
  }

  @Override
  public void flush(long handle) {
    FileHandle open = files.handle(handle);
    // Nobody else will ever open it: what is unsaved may stay here.
    boolean isNameless = open.content.isNameless();
    if (isNameless) {
      throwFailure(open);
    } else {
      save(open, false);
    }
  }

  @Override
  public void fsync(long handle, boolean dataOnly) {
    save(files.handle(handle), true);
  }

  private void save(FileHandle open, boolean forced) {
    FileContent content = open.content;
    if (!options.isReadOnly()) {
      writeBack.flush(content, forced, waits.deadlineNs());
    }
    throwFailure(open);
  }

  private static void throwFailure(FileHandle open) {
    open.content.lock.lock();
    try {
      open.throwFailure();
    } finally {
      open.content.lock.unlock();
    }
  }

  @Override
  public void release(long handle) {
    FileHandle open = files.handle(handle);
    try {
      if (open.content.isNameless() && files.isLast(open)) {
        writeBack.discard(open.content);
      } else if (open.content.isUnsaved()) {
        writeBack.flush(open.content, false, waits.deadlineNs());
      }
    } catch (HoldfastException e) {
      LOG.log(Level.WARNING, "close file: not all was saved: {0}", e.getMessage());
    } finally {
      closeFile(handle);
    }
  }

  private void closeFile(long handle) {
    FileContent closed = files.close(handle);
    if (closed != null) {
      holds.closed(closed);
    }
  }

  @Override
  public long openDirectory(long inode) {
    return directories.open(inode);
  }

  @Override
  public void readDirectory(long handle, long cookie, DirectorySink sink) {
    directories.read(handle, cookie, sink, waits.deadlineNs());
  }

  @Override
  public void fsyncDirectory(long handle, boolean dataOnly) {
    long deadlineNs = waits.deadlineNs();
    waits.await(service.forceLog(deadlineNs), deadlineNs);
  }

  @Override
  public void releaseDirectory(long handle) {
    directories.close(handle);
  }

  @Override
  public byte[] xattrOrNull(long inode, byte[] name) {
    return xattrs.valueOrNull(inode, name);
  }

  @Override
  public List<byte[]> xattrNames(Caller caller, long inode) {
    return xattrs.names(caller, inode);
  }

  @Override
  public void setXattr(long inode, byte[] name, byte[] value, int flags) {
    mayChange();
    xattrs.set(inode, name, value, flags);
  }

  @Override
  public void removeXattr(long inode, byte[] name) {
    mayChange();
    xattrs.remove(inode, name);
  }

  @Override
  public PoolSpace statistics() {
    return space.now();
  }

  @Override
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

  /** Saves everything and stops. What couldn't be saved is logged. */
  @Override
  public void close() {
    if (isClosed) {
      return;
    }
    isClosed = true;
    flusher.stop();
    for (FileContent content : files.all()) {
      try {
        writeBack.flush(content, false, waits.deadlineNs());
      } catch (HoldfastException e) {
        LOG.log(Level.ERROR, "save file at the end: {0}", e.getMessage());
      }
    }
    feed.attach(KernelCache.NONE);
    notifiers.shutdown();
    sealers.shutdown();
  }

  /** Bytes of unsaved data, of all files. */
  long unsavedBytes() {
    return writeBack.unsavedBytes();
  }

  private void mayChange() {
    if (options.isReadOnly()) {
      throw new HoldfastException(
          ErrorCode.READ_ONLY, "change file system: it is mounted read-only");
    }
  }

  private FileAttributes shown(Attributes attributes) {
    return presentation.shown(attributes);
  }
}
