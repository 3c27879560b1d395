package holdfast.client.file;

import holdfast.client.api.ClientOptions;
import holdfast.client.api.OpenedFile;
import holdfast.client.pool.ChangedAttributes;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.SavedContents;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.BoundedMap;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/** The files that are open here, and their handles. Any thread. */
public final class OpenFileTable {
  /** Files whose version is remembered after they were closed, for the kernel's pages. */
  private static final int VERSIONS_MAX = 16_384;

  private final ExtentLoader loader;
  private final Reconciler reconciler;
  private final SavedContents saved;
  private final ChangedAttributes attributes;
  private final Deadlines deadlines;
  private final BufferPool blocks;
  private final AtomicLong nextHandle = new AtomicLong(1);
  private final AtomicInteger openingCount = new AtomicInteger();
  private final AtomicLong sessionCount = new AtomicLong();
  private final ConcurrentHashMap<Long, FileHandle> handles = new ConcurrentHashMap<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, FileContent> contents = new HashMap<>();
  private final Map<Long, Long> closedVersions = BoundedMap.of(VERSIONS_MAX);

  private final UnforcedChunks unforced = new UnforcedChunks();

  /** {@code blocks} gives the memory of what is written. */
  public OpenFileTable(
      ExtentLoader loader,
      Reconciler reconciler,
      SavedContents saved,
      ChangedAttributes attributes,
      Deadlines deadlines,
      BufferPool blocks) {
    this.reconciler = reconciler;
    this.saved = saved;
    this.attributes = attributes;
    this.loader = loader;
    this.deadlines = deadlines;
    this.blocks = blocks;
  }

  /** Opens a file as the pool has it now, or as it is here while it has unsaved changes. */
  public OpenedFile open(long inode, long deadlineNs) {
    openingCount.incrementAndGet();
    try {
      FileContent known = contentOrNull(inode);
      if (known != null) {
        reconciler.look(known, deadlineNs);
      }
      long session = sessionCount.get();
      ExtentLoader.Loaded loaded = loader.load(inode, deadlineNs);
      return open(loaded.attributes(), loaded.extents(), session);
    } finally {
      openingCount.decrementAndGet();
    }
  }

  /** Whether no file is open here, nor being opened. */
  public boolean isIdle() {
    return openingCount.get() == 0 && handles.isEmpty();
  }

  /** Whether no other handle of its file is open. */
  public boolean isLast(FileHandle open) {
    lock.lock();
    try {
      return open.content.openCount == 1;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Opens a file that was just created.
   *
   * @param session {@link #sessionCount} before that was asked for
   */
  public OpenedFile openNew(Attributes attributes, long session) {
    OpenedFile opened = open(attributes, List.of(), session);
    FileContent content = handle(opened.handle()).content;
    content.lock.lock();
    try {
      content.acknowledged.committed(false);
    } finally {
      content.lock.unlock();
    }
    return opened;
  }

  /** Counts the sessions that were lost. */
  public long sessionCount() {
    return sessionCount.get();
  }

  /** The session was lost: what the pool told of any open file may be no more so. */
  public void doubtAll() {
    sessionCount.incrementAndGet();
    lock.lock();
    try {
      closedVersions.clear(); // a version that is lost may be given again
      contents.values().forEach(FileContent::doubt);
    } finally {
      lock.unlock();
    }
  }

  /** One more handle of a file that is open here; null if it isn't. */
  public OpenedFile openAgain(long inode) {
    FileContent content;
    lock.lock();
    try {
      content = contents.get(inode);
      if (content == null) {
        return null;
      }
      content.openCount++;
    } finally {
      lock.unlock();
    }
    long handle = nextHandle.getAndIncrement();
    handles.put(handle, new FileHandle(content));
    return new OpenedFile(handle, false);
  }

  private OpenedFile open(Attributes attributes, List<Extent> extents, long session) {
    if (handles.size() >= ClientOptions.HANDLES_MAX) {
      throw new HoldfastException(
          ErrorCode.BUSY,
          "open file: expected=at most " + ClientOptions.HANDLES_MAX + " open files");
    }
    FileContent content;
    boolean keepPages;
    lock.lock();
    try {
      Long closedVersion = closedVersions.remove(attributes.inode());
      content = contents.get(attributes.inode());
      if (content == null) {
        content = new FileContent(attributes, extents, blocks, deadlines.nowNs());
        contents.put(attributes.inode(), content);
        unforced.give(content);
        keepPages = closedVersion != null && closedVersion == attributes.version();
      } else {
        keepPages = refresh(content, attributes, extents);
      }
      boolean isOfLostSession = session != sessionCount.get(); // it was loaded, or made
      if (isOfLostSession || this.attributes.isDoubtful(content.inode)) {
        content.doubt();
        keepPages = false;
      }
      content.openCount++;
    } finally {
      lock.unlock();
    }
    long handle = nextHandle.getAndIncrement();
    handles.put(handle, new FileHandle(content));
    return new OpenedFile(handle, keepPages);
  }

  /**
   * Another client has changed an open file, or a power cut has: what isn't being changed here too
   * is as it is now. Returns whether the pool's content isn't what was known of it.
   */
  public boolean reload(FileContent content, long deadlineNs) {
    Attributes before = committed(content);
    reconciler.look(content, deadlineNs);
    ExtentLoader.Loaded loaded = loader.load(content.inode, deadlineNs);
    refresh(content, loaded.attributes(), loaded.extents());
    return !Acknowledged.isSame(before, committed(content));
  }

  private static Attributes committed(FileContent content) {
    content.lock.lock();
    try {
      return content.committed;
    } finally {
      content.lock.unlock();
    }
  }

  private boolean refresh(FileContent content, Attributes attributes, List<Extent> extents) {
    content.lock.lock();
    try {
      if (attributes.version() <= content.committed.version()) {
        return !content.isMixed && !content.acknowledged.isDoubtful();
      }
      if (content.isUnsaved()) {
        // Whether that rests on what is lost is found out before it is committed.
        content.acknowledged.doubt();
        return false;
      }
      HoldfastException lost = content.acknowledged.lostOrNull(content.committed, attributes);
      if (lost != null) {
        content.losses.add(lost);
        saved.told(content.inode, attributes.version());
        this.attributes.told(content.inode);
      }
      content.adopt(attributes, extents, deadlines.nowNs());
      return false;
    } finally {
      content.lock.unlock();
    }
  }

  /** The pool doesn't know an open file any more. */
  public void gone(FileContent content) {
    reconciler.gone(content);
  }

  public FileHandle handle(long handle) {
    FileHandle open = handles.get(handle);
    if (open == null) {
      throw new HoldfastException(
          ErrorCode.BAD_HANDLE, "use handle: expected=an open one, was=" + handle);
    }
    return open;
  }

  /** The file's content if it is open here; null otherwise. */
  public FileContent contentOrNull(long inode) {
    lock.lock();
    try {
      return contents.get(inode);
    } finally {
      lock.unlock();
    }
  }

  /** Everything open. */
  public Collection<FileContent> all() {
    lock.lock();
    try {
      return new ArrayList<>(contents.values());
    } finally {
      lock.unlock();
    }
  }

  /**
   * Gives a handle back; the caller has flushed it.
   *
   * @return the file if that was its last handle, else null
   */
  public FileContent close(long handle) {
    FileHandle open = handles.remove(handle);
    if (open == null) {
      return null;
    }
    lock.lock();
    try {
      FileContent content = open.content;
      if (--content.openCount > 0) {
        return null;
      }
      contents.remove(content.inode);
      content.lock.lock();
      try {
        boolean isSure = !content.isMixed && !content.acknowledged.isDoubtful();
        if (isSure && !content.isUnlinked && !content.isUnsaved()) {
          closedVersions.put(content.inode, content.committed.version());
        }
        unforced.keep(content);
      } finally {
        content.lock.unlock();
      }
      return content;
    } finally {
      lock.unlock();
    }
  }
}
