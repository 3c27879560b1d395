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
import holdfast.client.file.FileHandle;
import holdfast.client.file.FileIo;
import holdfast.client.file.FileLayer;
import holdfast.client.file.OpenFile;
import holdfast.client.file.OpenFileTable;
import holdfast.client.file.Sealing;
import holdfast.client.kernel.CacheLease;
import holdfast.client.kernel.InodeTable;
import holdfast.client.kernel.PageInvalidations;
import holdfast.client.names.AttributeOperations;
import holdfast.client.names.DirectoryListings;
import holdfast.client.names.FileCloser;
import holdfast.client.names.FileXattrs;
import holdfast.client.names.LockManager;
import holdfast.client.names.LockWaits;
import holdfast.client.names.NameOperations;
import holdfast.client.names.OrphanPins;
import holdfast.client.names.SealedNamespace;
import holdfast.client.names.StatMapper;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.FreeSpace;
import holdfast.client.pool.PoolService;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.op.RenameMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import holdfast.util.WallClock;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.function.Supplier;

/**
 * The {@link PoolFileSystem} over a pool: builds the rooms below and delegates each call to the one
 * that serves it. Names and contents are sealed and opened in this process, and nowhere else.
 * Close-to-open: what one closed, every other's next open, stat or listing sees.
 */
public final class ClientFileSystem implements PoolFileSystem {
  /** Threads that notify the kernel of changes: each may wait for a lock there. */
  private static final int NOTIFIER_COUNT = 4;

  private static final int NOTIFIER_QUEUE_MAX = 4_096;
  private static final int SEALER_QUEUE_MAX = 65_536;

  private final ClientOptions options;
  private final Deadlines deadlines;
  private final ThreadPoolExecutor sealers;
  private final CacheLease cacheLease;
  private final ThreadPoolExecutor notifiers;
  private final ThreadPoolExecutor expirer;
  private final InodeTable inodes = new InodeTable();
  private final PageInvalidations pages;
  private final SealedNamespace namespace;
  private final FileLayer fileLayer;
  private final OpenFileTable files;
  private final FileIo io;
  private final OrphanPins pins;
  private final NameOperations nameOperations;
  private final AttributeOperations attributeOperations;
  private final FileXattrs xattrs;
  private final LockManager lockManager;
  private final LockWaits lockWaits;
  private final FileCloser closer;
  private final DirectoryListings listings;
  private final FreeSpace freeSpace;
  private final Invalidator invalidator;

  /** Directories whose listing is being given to the kernel and has become stale meanwhile. */
  private final Set<Long> notToKeep = ConcurrentHashMap.newKeySet();

  private volatile boolean isClosed;

  /**
   * A file system over an opened service.
   *
   * @param newSealId makes random seal ids; any thread
   * @param sealerCount threads that seal and open
   */
  public ClientFileSystem(
      PoolService service,
      Sealing sealing,
      ClientOptions options,
      MonotonicClock clock,
      WallClock wallClock,
      NamedThreads threads,
      Supplier<SealId> newSealId,
      int sealerCount) {
    this.options = options;
    long timeoutNs = options.timeout().toNanos();
    deadlines =
        new Deadlines(clock, timeoutNs, () -> service.isOutOfReach(timeoutNs), service::isAlone);
    sealers = threads.platformPool("sealer", sealerCount, SEALER_QUEUE_MAX);
    cacheLease = new CacheLease(deadlines);
    pages = new PageInvalidations(cacheLease, inodes, threads, deadlines);
    namespace = new SealedNamespace(service, sealing, inodes, deadlines, wallClock, newSealId);
    listings = new DirectoryListings(namespace);
    freeSpace = new FreeSpace(service, deadlines);
    var needs =
        new FileLayer.Needs(
            service,
            sealing,
            options,
            deadlines,
            wallClock,
            threads,
            sealers,
            freeSpace,
            namespace.savedContents(),
            namespace.changedAttributes(),
            cacheLease,
            inodes,
            pages);
    fileLayer = new FileLayer(needs);
    files = fileLayer.files();
    io = fileLayer.io();
    var pipeline = fileLayer.pipeline();
    pins = new OrphanPins(service, files, deadlines, wallClock);
    lockManager = new LockManager(service, files, pipeline, pages, deadlines, wallClock);
    lockWaits = new LockWaits(lockManager, deadlines, threads);
    closer = new FileCloser(files, pins, pipeline, lockManager, lockWaits, deadlines);
    var statMapper = new StatMapper(options.ownerOrNull());
    nameOperations =
        new NameOperations(
            namespace, files, pins, closer, pipeline, cacheLease, statMapper, deadlines);
    attributeOperations =
        new AttributeOperations(
            namespace,
            files,
            pins,
            closer,
            inodes,
            pipeline,
            cacheLease,
            statMapper,
            deadlines,
            wallClock);
    boolean isForUserOnly = options.ownerOrNull() != null;
    xattrs =
        new FileXattrs(
            namespace, files, inodes, cacheLease, sealing, deadlines, wallClock, isForUserOnly);
    notifiers = threads.platformPool("notifier", NOTIFIER_COUNT, NOTIFIER_QUEUE_MAX);
    expirer = threads.platformPool("expirer", 1, 1);
    invalidator = newInvalidator();
    service.watch(invalidator);
    freeSpace.ask();
  }

  private Invalidator newInvalidator() {
    return new Invalidator(
        cacheLease,
        pins,
        files,
        listings,
        namespace,
        deadlines,
        inodes,
        pages,
        lockManager,
        lockWaits,
        notifiers,
        expirer);
  }

  @Override
  public long movedNs(Thread thread) {
    return deadlines.movedNs(thread);
  }

  @Override
  public void attach(KernelCache cache) {
    pages.attach(cache);
  }

  /** All is asked for again, as after a change that had no answer: it happens rarely enough. */
  @Override
  public void changedUnseen(long inode) {
    pages.dropSoon(inode);
    invalidator.onOutcomeUnknown();
  }

  @Override
  public FileAttributes attributes(long inode) {
    pages.awaitDropped(inode);
    return attributeOperations.attributes(inode);
  }

  @Override
  public FileAttributes setAttributes(long inode, AttributeChange change, long handle) {
    mayChange();
    return attributeOperations.set(inode, change, handle);
  }

  @Override
  public void access(Caller caller, long inode, int mask) {
    attributeOperations.access(caller, inode, mask);
  }

  @Override
  public FileAttributes lookup(long parent, byte[] name) {
    return nameOperations.lookup(parent, name);
  }

  @Override
  public void forget(long inode) {
    cacheLease.forgotten(inode);
    inodes.forget(inode);
  }

  @Override
  public CreatedFile create(Caller caller, long parent, byte[] name, int mode, int openFlags) {
    mayChange();
    return nameOperations.create(caller, parent, name, mode, openFlags);
  }

  @Override
  public FileAttributes makeDirectory(Caller caller, long parent, byte[] name, int mode) {
    return make(caller, parent, name, FileType.DIRECTORY, mode, 0, null);
  }

  @Override
  public FileAttributes makeNode(Caller caller, long parent, byte[] name, int mode, int rdev) {
    FileType type = StatMapper.nodeType(mode);
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
    return nameOperations.make(caller, parent, name, type, mode, rdev, targetOrNull);
  }

  @Override
  public byte[] readLink(long inode) {
    return namespace.readLink(inode, deadlines.begin());
  }

  @Override
  public void unlink(long parent, byte[] name) {
    mayChange();
    nameOperations.unlink(parent, name);
  }

  @Override
  public void removeDirectory(long parent, byte[] name) {
    mayChange();
    nameOperations.removeDirectory(parent, name);
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
    nameOperations.rename(parent, name, newParent, newName, mode);
  }

  @Override
  public FileAttributes link(long inode, long newParent, byte[] newName) {
    mayChange();
    return nameOperations.link(inode, newParent, newName);
  }

  @Override
  public OpenedFile open(long inode, int openFlags) {
    if ((openFlags & OpenFlags.ACCESS_MASK) != OpenFlags.READ_ONLY) {
      mayChange();
    }
    Deadline deadline = deadlines.begin();
    OpenFile file = files.fileOrNull(inode);
    if (file != null) {
      // What another handle here wrote must not look older than the pool's version of it.
      fileLayer.pipeline().saveAll(file);
    }
    return pins.open(inode, deadline);
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
    if (lockManager.closed(open, owner)) {
      lockWaits.wake(open.inode());
    }
  }

  @Override
  public LockRequest lockInTheWayOrNull(long inode, LockRequest wanted) {
    return lockManager.inTheWayOrNull(inode, wanted);
  }

  @Override
  public void lock(long handle, LockRequest request) {
    FileHandle open = files.handle(handle);
    lockManager.set(open, LockManager.lock(request), deadlines.begin());
    if (request.mode() != LockMode.EXCLUSIVE) {
      lockWaits.wake(open.inode());
    }
  }

  @Override
  public PendingLock lockWhenFree(long handle, LockRequest request, PendingLock.Listener listener) {
    return lockWaits.await(files.handle(handle), LockManager.lock(request), listener);
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
   * Closes a handle as {@link #release} does, but doesn't wait: what isn't saved is reverted if no
   * other handle has the file, and its locks are released later.
   */
  public void abandon(long handle) {
    closer.abandon(handle);
  }

  @Override
  public void readDirectory(long directory, long cookie, DirectorySink sink) {
    try (var ticket = cacheLease.begin()) {
      listings.read(directory, cookie, sink, deadlines.begin());
      if (!ticket.mayKeepListing(directory)) {
        notToKeep.add(directory);
      }
    }
  }

  @Override
  public void listed(long directory) {
    if (notToKeep.remove(directory)) {
      invalidator.recallListing(directory);
    }
  }

  @Override
  public void fsyncDirectory(long directory, boolean dataOnly) {
    namespace.forceDirectory(directory);
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
    return freeSpace.now();
  }

  /** Saves everything and stops. What couldn't be saved is logged. */
  @Override
  public void close() {
    if (isClosed) {
      return;
    }
    isClosed = true;
    fileLayer.close();
    pages.close();
    lockWaits.close();
    notifiers.shutdown();
    expirer.shutdown();
    sealers.shutdown();
  }

  /** Bytes of unsaved data, of all files. */
  public long unsavedBytes() {
    return fileLayer.pipeline().unsavedBytes();
  }

  /** Rises as unsaved data moves on its way to the pool. */
  public long movedCount() {
    return fileLayer.pipeline().movedCount();
  }

  private void mayChange() {
    if (options.isReadOnly()) {
      throw new HoldfastException(
          ErrorCode.READ_ONLY, "change file system: it is mounted read-only");
    }
  }
}
