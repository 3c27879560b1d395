package holdfast.client;

import holdfast.client.api.AttributeChange;
import holdfast.client.api.Caller;
import holdfast.client.api.ClientOptions;
import holdfast.client.api.CreatedFile;
import holdfast.client.api.DirectorySink;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.KernelCache;
import holdfast.client.api.LockRequest;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.OpenedFile;
import holdfast.client.api.PendingLock;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.api.PoolSpace;
import holdfast.client.file.Allocation;
import holdfast.client.file.ArrayPool;
import holdfast.client.file.BlockCache;
import holdfast.client.file.ChunkReader;
import holdfast.client.file.Committer;
import holdfast.client.file.DirtyData;
import holdfast.client.file.ExtentLoader;
import holdfast.client.file.FileContent;
import holdfast.client.file.FileHandle;
import holdfast.client.file.FileIo;
import holdfast.client.file.Flusher;
import holdfast.client.file.MemoryBudget;
import holdfast.client.file.OpenFiles;
import holdfast.client.file.Reconciler;
import holdfast.client.file.Sealing;
import holdfast.client.file.WriteBack;
import holdfast.client.kernel.Freshness;
import holdfast.client.kernel.KernelPages;
import holdfast.client.kernel.MisplacedPages;
import holdfast.client.kernel.RemovedInodes;
import holdfast.client.names.Directories;
import holdfast.client.names.FileCloser;
import holdfast.client.names.Holds;
import holdfast.client.names.Inodes;
import holdfast.client.names.LockCalls;
import holdfast.client.names.LockWaits;
import holdfast.client.names.Names;
import holdfast.client.names.Presentation;
import holdfast.client.names.Tree;
import holdfast.client.names.Xattrs;
import holdfast.client.pool.FileService;
import holdfast.client.pool.SpaceCache;
import holdfast.client.pool.Waits;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.RenameMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import holdfast.util.WallClock;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadPoolExecutor;
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
  private final ThreadPoolExecutor sealers;
  private final Freshness freshness;
  private final ThreadPoolExecutor notifiers;
  private final ThreadPoolExecutor taker;
  private final ChangeFeed feed;
  private final MisplacedPages misplaced;
  private final Tree tree;
  private final OpenFiles files;
  private final RemovedInodes removed = new RemovedInodes();
  private final Holds holds;
  private final Names names;
  private final Inodes inodes;
  private final FileIo io;
  private final WriteBack writeBack;
  private final Xattrs xattrs;
  private final KernelPages pages = new KernelPages();
  private final LockCalls lockCalls;
  private final LockWaits lockWaits;
  private final FileCloser closer;
  private final Directories directories;
  private final SpaceCache space;
  private final Presentation presentation;

  /** Directories whose listing is being given to the kernel and has become old meanwhile. */
  private final Set<Long> notToKeep = ConcurrentHashMap.newKeySet();

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
    long timeoutNs = options.timeout().toNanos();
    waits = new Waits(clock, timeoutNs);
    sealers = threads.platformPool("sealer", sealerCount, SEALER_QUEUE_MAX);
    freshness = new Freshness(waits);
    tree = new Tree(service, sealing, waits, wallClock, newSealId);
    directories = new Directories(tree);
    var saved = tree.savedContents();
    var attributes = tree.changedAttributes();
    var loader = new ExtentLoader(service, waits);
    var blocks = new ArrayPool(DirtyData.BLOCK_BYTES, WriteBack.BLOCKS_KEPT_MAX);
    misplaced = new MisplacedPages(pages, threads, waits);
    var budget = new MemoryBudget(WriteBack.UNSAVED_MAX_BYTES);
    var reconciler = new Reconciler(service, loader, misplaced, saved, attributes, budget, waits);
    files = new OpenFiles(loader, reconciler, saved, attributes, waits, blocks);
    holds = new Holds(service, files, waits, wallClock);
    var reader =
        new ChunkReader(service, sealing, new BlockCache(options.cacheSizeBytes()), sealers);
    var committer = new Committer(service, sealing, reconciler, waits, saved, sealers);
    writeBack =
        new WriteBack(
            service, sealing, sealers, waits, wallClock, committer, reader, blocks, budget,
            freshness, misplaced, timeoutNs);
    space = new SpaceCache(service, waits);
    boolean isForUserOnly = options.ownerOrNull() != null;
    xattrs = new Xattrs(tree, files, freshness, sealing, waits, wallClock, isForUserOnly);
    io =
        new FileIo(
            files,
            reader,
            writeBack,
            new Allocation(writeBack, space),
            misplaced,
            waits,
            options.isReadOnly());
    presentation = new Presentation(options.ownerOrNull());
    lockCalls = new LockCalls(service, files, writeBack, pages, waits, wallClock);
    lockWaits = new LockWaits(lockCalls, waits, threads);
    closer = new FileCloser(files, holds, writeBack, lockCalls, lockWaits, waits);
    names =
        new Names(tree, files, holds, closer, removed, writeBack, freshness, presentation, waits);
    inodes =
        new Inodes(
            tree,
            files,
            holds,
            closer,
            removed,
            writeBack,
            freshness,
            presentation,
            waits,
            wallClock);
    flusher = new Flusher(files, writeBack, waits, threads);
    notifiers = threads.platformPool("notifier", NOTIFIER_COUNT, NOTIFIER_QUEUE_MAX);
    taker = threads.platformPool("taker", 1, 1);
    feed = newFeed();
    service.watch(feed);
  }

  private ChangeFeed newFeed() {
    return new ChangeFeed(
        freshness,
        holds,
        files,
        directories,
        tree,
        waits,
        pages,
        lockCalls,
        lockWaits,
        notifiers,
        taker);
  }

  @Override
  public void attach(KernelCache cache) {
    pages.attach(cache);
  }

  @Override
  public FileAttributes attributes(long inode) {
    misplaced.awaitDropped(inode);
    return inodes.attributes(inode);
  }

  @Override
  public FileAttributes setAttributes(long inode, AttributeChange change, long handle) {
    mayChange();
    return inodes.set(inode, change, handle);
  }

  @Override
  public void access(Caller caller, long inode, int mask) {
    inodes.access(caller, inode, mask);
  }

  @Override
  public FileAttributes lookup(long parent, byte[] name) {
    return names.lookup(parent, name);
  }

  @Override
  public void forget(long inode) {
    tree.forget(inode);
    freshness.forgotten(inode);
    removed.forget(inode);
  }

  @Override
  public CreatedFile create(Caller caller, long parent, byte[] name, int mode, int openFlags) {
    mayChange();
    return names.create(caller, parent, name, mode, openFlags);
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
    var wanted = presentation.wanted(caller, type, mode, rdev, targetOrNull);
    return names.make(parent, name, wanted);
  }

  @Override
  public byte[] readLink(long inode) {
    return tree.readLink(inode, waits.deadlineNs());
  }

  @Override
  public void unlink(long parent, byte[] name) {
    mayChange();
    names.unlink(parent, name);
  }

  @Override
  public void removeDirectory(long parent, byte[] name) {
    mayChange();
    names.removeDirectory(parent, name);
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
    names.rename(parent, name, newParent, newName, mode);
  }

  @Override
  public FileAttributes link(long inode, long newParent, byte[] newName) {
    mayChange();
    return names.link(inode, newParent, newName);
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
    return holds.open(inode, deadlineNs);
  }

  @Override
  public int read(long handle, long offset, byte[] target, int targetOffset, int length) {
    return io.read(handle, offset, target, targetOffset, length);
  }

  @Override
  public int write(long handle, long offset, byte[] source, int sourceOffset, int length) {
    mayChange();
    return io.write(handle, offset, source, sourceOffset, length);
  }

  @Override
  public int append(long handle, long kernelEnd, byte[] source, int sourceOffset, int length) {
    mayChange();
    return io.append(handle, kernelEnd, source, sourceOffset, length);
  }

  @Override
  public void allocate(long handle, int mode, long offset, long lengthBytes) {
    mayChange();
    io.allocate(handle, mode, offset, lengthBytes);
  }

  @Override
  public void flush(long handle) {
    io.flush(handle);
  }

  @Override
  public void releaseLocks(long handle, long owner) {
    FileHandle open = files.handle(handle);
    if (lockCalls.closed(open, owner)) {
      lockWaits.wake(open.content.inode);
    }
  }

  @Override
  public LockRequest lockInTheWayOrNull(long inode, LockRequest wanted) {
    return lockCalls.inTheWayOrNull(inode, wanted);
  }

  @Override
  public void lock(long handle, LockRequest request) {
    FileHandle open = files.handle(handle);
    lockCalls.set(open, LockCalls.lock(request), waits.deadlineNs());
    if (request.type() != LockRequest.EXCLUSIVE) {
      lockWaits.wake(open.content.inode);
    }
  }

  @Override
  public PendingLock lockWhenFree(long handle, LockRequest request, PendingLock.Listener listener) {
    return lockWaits.await(files.handle(handle), LockCalls.lock(request), listener);
  }

  @Override
  public void fsync(long handle, boolean dataOnly) {
    io.fsync(handle);
  }

  @Override
  public void release(long handle) {
    closer.release(handle);
  }

  /**
   * Closes a handle as {@link #release} does, but doesn't wait: what isn't saved is given up if no
   * other handle has the file, and the pool is told later of locks that are gone.
   */
  public void abandon(long handle) {
    closer.abandon(handle);
  }

  @Override
  public void readDirectory(long directory, long cookie, DirectorySink sink) {
    try (var ticket = freshness.begin()) {
      directories.read(directory, cookie, sink, waits.deadlineNs());
      if (!ticket.mayKeepListing(directory)) {
        notToKeep.add(directory);
      }
    }
  }

  @Override
  public void listed(long directory) {
    if (notToKeep.remove(directory)) {
      feed.takeListingBack(directory);
    }
  }

  @Override
  public void fsyncDirectory(long directory, boolean dataOnly) {
    tree.forceDirectory(directory);
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
    pages.attach(KernelCache.NONE);
    lockWaits.close();
    notifiers.shutdown();
    taker.shutdown();
    misplaced.close();
    sealers.shutdown();
  }

  /** Bytes of unsaved data, of all files. */
  public long unsavedBytes() {
    return writeBack.unsavedBytes();
  }

  private void mayChange() {
    if (options.isReadOnly()) {
      throw new HoldfastException(
          ErrorCode.READ_ONLY, "change file system: it is mounted read-only");
    }
  }
}
