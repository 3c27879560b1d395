package holdfast.client.kernel;

import holdfast.client.api.ClientOptions;
import holdfast.client.api.KernelCache;
import holdfast.client.pool.Deadlines;
import holdfast.model.HoldfastException;
import holdfast.util.NamedThreads;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The one caller of {@link KernelCache}: has the kernel drop what it caches of this mount, pages,
 * attributes and names, and counts which pages are stale until then. Any thread; what blocks says
 * so.
 *
 * <p>What an inode was granted stays in the {@link GrantTable}: an answer with a newer grant may be
 * on its way to the kernel while the older is dropped. It goes when the kernel forgets the inode.
 */
public final class PageInvalidations {
  /** Each may wait for a read or write of its file. */
  private static final int THREAD_COUNT = 2;

  /** Longer than the kernel takes; it isn't waited for when it waits for us. */
  private static final long WAIT_MAX_NS = TimeUnit.SECONDS.toNanos(1);

  private static final System.Logger LOG = System.getLogger(PageInvalidations.class.getName());

  private final CacheLease cacheLease;
  private final InodeTable inodes;
  private final ThreadPoolExecutor executor;
  private final Deadlines deadlines;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile KernelCache kernel = KernelCache.NONE;

  /** Asked for and not begun: what is asked again until then is done with it. */
  private final Set<Long> asked = new HashSet<>();

  /** The newest that was asked for of each inode, until it is done. */
  private final Map<Long, CompletableFuture<Void>> newest = new HashMap<>();

  public PageInvalidations(
      CacheLease cacheLease, InodeTable inodes, NamedThreads threads, Deadlines deadlines) {
    this.cacheLease = cacheLease;
    this.inodes = inodes;
    // One task for each inode that is open, at most.
    executor = threads.platformPool("dropper", THREAD_COUNT, ClientOptions.HANDLES_MAX);
    this.deadlines = deadlines;
  }

  /** Sets the kernel's cache that drops go to from now on. */
  public void attach(KernelCache cache) {
    kernel = cache;
  }

  /** Nothing is dropped any more. */
  public void close() {
    kernel = KernelCache.NONE;
    executor.shutdown();
  }

  /** Another has changed the file: until its pages are dropped, they are stale. Never blocks. */
  public void madeStale(long inode) {
    inodes.madeStale(inode);
  }

  /** The pages that one {@link #madeStale} was about are dropped, or need not be. Never blocks. */
  public void notStale(long inode) {
    inodes.notStale(inode);
  }

  /** Whether who gets a lock of the file has to drop its pages first. Never blocks. */
  public boolean isStale(long inode) {
    return inodes.isStale(inode);
  }

  /** Drops the inode's attributes, and with {@code content} its pages. Blocks. */
  public void drop(long inode, boolean content) {
    kernel.forgetInode(inode, content);
  }

  /** Drops a name, or that it isn't there. Blocks. */
  public void dropEntry(long directory, byte[] name) {
    cacheLease.entryDropped(directory, name);
    kernel.forgetEntry(directory, name);
  }

  /** Has a name looked up again. Blocks. */
  public void expireEntry(long directory, byte[] name) {
    kernel.expireEntry(directory, name);
  }

  /**
   * Drops the inode's pages and attributes, soon, on threads of its own: the kernel may hold locks
   * on pages until the write that has found them stale is answered. Never blocks.
   */
  public void dropSoon(long inode) {
    var done = new CompletableFuture<Void>();
    lock.lock();
    try {
      if (!asked.add(inode)) {
        return;
      }
      newest.put(inode, done);
    } finally {
      lock.unlock();
    }
    try {
      executor.execute(() -> dropNow(inode, done));
    } catch (RejectedExecutionException e) {
      LOG.log(Level.DEBUG, "drop pages of inode {0}: the file system is closed", inode);
      begin(inode);
      end(inode, done);
    }
  }

  private void dropNow(long inode, CompletableFuture<Void> done) {
    begin(inode);
    try {
      drop(inode, true);
    } finally {
      end(inode, done);
    }
  }

  private void begin(long inode) {
    lock.lock();
    try {
      asked.remove(inode);
    } finally {
      lock.unlock();
    }
  }

  private void end(long inode, CompletableFuture<Void> done) {
    lock.lock();
    try {
      newest.remove(inode, done);
    } finally {
      lock.unlock();
    }
    done.complete(null);
  }

  /** Waits, not for long, until what was asked for is done: called where no page is locked. */
  public void awaitDropped(long inode) {
    CompletableFuture<Void> done;
    lock.lock();
    try {
      done = newest.get(inode);
    } finally {
      lock.unlock();
    }
    if (done == null) {
      return;
    }
    try {
      deadlines.await(done, deadlines.in(WAIT_MAX_NS));
    } catch (HoldfastException e) {
      LOG.log(Level.WARNING, "drop pages of inode {0}: {1}", inode, e.getMessage());
    }
  }
}
