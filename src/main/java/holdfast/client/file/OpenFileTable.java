package holdfast.client.file;

import holdfast.client.api.ClientOptions;
import holdfast.client.api.OpenedFile;
import holdfast.client.kernel.InodeTable;
import holdfast.client.pool.Deadline;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Opens and closes files: one {@link OpenFile} for each inode, shared by its handles. Any thread.
 */
public final class OpenFileTable {
  private final ExtentLoader loader;
  private final Reconciler reconciler;
  private final InodeTable inodes;
  private final OpenFile.Shared shared;
  private final AtomicLong nextHandle = new AtomicLong(1);
  private final AtomicInteger openingCount = new AtomicInteger();
  private final AtomicLong sessionCount = new AtomicLong();
  private final ConcurrentHashMap<Long, FileHandle> handles = new ConcurrentHashMap<>();

  /** Locked while a file's first handle is made and its last one closed; before a file's own. */
  private final ReentrantLock lock = new ReentrantLock();

  private final Map<Long, OpenFile> files = new HashMap<>();
  private final UnforcedChunks unforced = new UnforcedChunks();

  /** {@code inodes} remembers what the kernel has of files that are closed. */
  OpenFileTable(
      ExtentLoader loader, Reconciler reconciler, InodeTable inodes, OpenFile.Shared shared) {
    this.loader = loader;
    this.reconciler = reconciler;
    this.inodes = inodes;
    this.shared = shared;
  }

  /** Opens a file as the pool has it now, or as it is here while it has unsaved changes. Blocks. */
  public OpenedFile open(long inode, Deadline deadline) {
    openingCount.incrementAndGet();
    try {
      Asked asked = ask(inode, true, deadline);
      ExtentLoader.Loaded loaded = asked.loaded();
      return open(loaded.attributes(), loaded.extents(), asked.session(), false);
    } finally {
      openingCount.decrementAndGet();
    }
  }

  /**
   * What the pool has of a file.
   *
   * @param session {@link #sessionCount} before it was asked for
   */
  private record Asked(ExtentLoader.Loaded loaded, long session) {}

  /**
   * Finds out first whether the pool still has what is known of it, where it is open.
   *
   * @param mayAwait as {@link Reconciler#look}
   */
  private Asked ask(long inode, boolean mayAwait, Deadline deadline) {
    while (true) { // until no session is lost meanwhile, or the deadline is over
      OpenFile known = fileOrNull(inode);
      if (known != null) {
        reconciler.look(known, mayAwait, deadline);
      }
      long session = sessionCount.get();
      ExtentLoader.Loaded loaded = loader.load(inode, deadline);
      if (session == sessionCount.get()) {
        return new Asked(loaded, session);
      }
      if (deadline.isOver()) {
        throw new HoldfastException(
            ErrorCode.TIMED_OUT,
            "open file: expected=a session that lasts, was=ever lost ones, inode=" + inode);
      }
    }
  }

  /**
   * Opens a file that was just created.
   *
   * @param session {@link #sessionCount} before that was asked for
   */
  public OpenedFile openNew(Attributes attributes, long session) {
    return open(attributes, List.of(), session, true);
  }

  /** One more handle of a file that is open here; null if it isn't. */
  public OpenedFile openAgain(long inode) {
    lock.lock();
    try {
      OpenFile file = files.get(inode);
      return file == null ? null : new OpenedFile(add(file.newHandle()), false);
    } finally {
      lock.unlock();
    }
  }

  private long add(FileHandle handle) {
    long number = nextHandle.getAndIncrement();
    handles.put(number, handle);
    return number;
  }

  private OpenedFile open(
      Attributes attributes, List<Extent> extents, long session, boolean isNew) {
    if (handles.size() >= ClientOptions.HANDLES_MAX) {
      throw new HoldfastException(
          ErrorCode.BUSY,
          "open file: expected=at most " + ClientOptions.HANDLES_MAX + " open files");
    }
    long inode = attributes.inode();
    lock.lock();
    try {
      boolean isOfLostSession = session != sessionCount.get(); // it was loaded, or made
      boolean keepsPages = inodes.takeClosed(inode, attributes.version());
      OpenFile file = files.get(inode);
      if (file == null) {
        file = new OpenFile(attributes, extents, unforced.take(inode), shared);
        files.put(inode, file);
      } else {
        // What was lost since may have been reported: shown again, it would be written upon.
        keepsPages = !isOfLostSession && file.refresh(attributes, extents);
      }
      if (isOfLostSession || shared.ownChanges().areAttributesIndeterminate(inode)) {
        file.sessionLost();
        keepsPages = false;
      }
      FileHandle handle = file.newHandle();
      if (isNew) {
        file.created();
      }
      return new OpenedFile(add(handle), keepsPages);
    } finally {
      lock.unlock();
    }
  }

  /** Whether no file is open here, nor being opened. */
  public boolean isIdle() {
    return openingCount.get() == 0 && handles.isEmpty();
  }

  /** Whether no other handle of its file is open. */
  public boolean isLast(FileHandle handle) {
    return handle.file().hasOneHandle();
  }

  /** Counts the sessions that were lost. */
  public long sessionCount() {
    return sessionCount.get();
  }

  /** The session was lost: what the pool has of any open file is indeterminate. Never blocks. */
  public void sessionLost() {
    sessionCount.incrementAndGet();
    lock.lock();
    try {
      inodes.sessionLost();
      files.values().forEach(OpenFile::sessionLost);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Another client has changed an open file, or a power cut has: what isn't being changed here too
   * is as it is now. Returns whether the pool's content isn't what was known of it. Blocks, but not
   * for a commit of this mount: that may wait for the other's, and the other's for this.
   */
  public boolean reload(OpenFile file, Deadline deadline) {
    Attributes before = file.status().committed();
    Asked asked = ask(file.inode(), false, deadline);
    lock.lock();
    try {
      boolean isOpen = files.get(file.inode()) == file;
      if (isOpen && asked.session() == sessionCount.get()) {
        file.refresh(asked.loaded().attributes(), asked.loaded().extents());
      }
    } finally {
      lock.unlock();
    }
    return !Acknowledged.isSame(before, file.status().committed());
  }

  /**
   * The pool doesn't know an inode any more: what follows from that for a file that is open here.
   *
   * @return that file; null if it isn't open
   */
  public OpenFile goneOrNull(long inode) {
    OpenFile file = fileOrNull(inode);
    if (file != null) {
      reconciler.gone(file);
    }
    return file;
  }

  /** An open handle; throws BAD_HANDLE. */
  public FileHandle handle(long handle) {
    FileHandle open = handles.get(handle);
    if (open == null) {
      throw new HoldfastException(
          ErrorCode.BAD_HANDLE, "use handle: expected=an open one, was=" + handle);
    }
    return open;
  }

  /** The file if it is open here; null otherwise. */
  public OpenFile fileOrNull(long inode) {
    lock.lock();
    try {
      return files.get(inode);
    } finally {
      lock.unlock();
    }
  }

  /** Everything open. */
  public Collection<OpenFile> all() {
    lock.lock();
    try {
      return new ArrayList<>(files.values());
    } finally {
      lock.unlock();
    }
  }

  /**
   * Closes a handle; the caller has flushed it.
   *
   * @return the file if that was its last handle, else null
   */
  public OpenFile close(long handle) {
    FileHandle open = handles.remove(handle);
    if (open == null) {
      return null;
    }
    OpenFile file = open.file();
    lock.lock();
    try {
      FileStatus status = file.status();
      if (!file.closeHandle()) {
        return null;
      }
      files.remove(file.inode());
      boolean isNameless = file.links().isNameless();
      boolean isKnown = !status.hasStalePages() && !status.isIndeterminate();
      if (isKnown && !isNameless && !status.isUnsaved()) {
        inodes.closed(file.inode(), status.committed().version());
      }
      if (!isNameless) {
        unforced.keep(file.inode(), file.unsynced().chunks());
      }
      return file;
    } finally {
      lock.unlock();
    }
  }
}
