package holdfast.client.kernel;

import holdfast.client.api.ClientOptions;
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
 * Drops what the kernel keeps of files whose bytes lie elsewhere than it thinks: appended ones that
 * it had put at an old end, or that were moved behind another client's. On threads of its own: the
 * kernel may hold locks on pages until the write that tells of it is answered. Any thread.
 */
public final class MisplacedPages {
  /** Each may wait for a read or write of its file. */
  private static final int THREAD_COUNT = 2;

  /** Longer than the kernel takes; it isn't waited for when it waits for us. */
  private static final long WAIT_MAX_NS = TimeUnit.SECONDS.toNanos(1);

  private static final System.Logger LOG = System.getLogger(MisplacedPages.class.getName());

  private final KernelPages pages;
  private final ThreadPoolExecutor executor;
  private final Deadlines deadlines;
  private final ReentrantLock lock = new ReentrantLock();

  /** Asked for and not begun: what is asked again until then is done with it. */
  private final Set<Long> asked = new HashSet<>();

  /** The newest that was asked for of each inode, until it is done. */
  private final Map<Long, CompletableFuture<Void>> newest = new HashMap<>();

  public MisplacedPages(KernelPages pages, NamedThreads threads, Deadlines deadlines) {
    this.pages = pages;
    // One task for each inode that is open, at most.
    executor = threads.platformPool("dropper", THREAD_COUNT, ClientOptions.HANDLES_MAX);
    this.deadlines = deadlines;
  }

  public void close() {
    executor.shutdown();
  }

  /** Drops the inode's pages and attributes, soon. Never blocks. */
  public void drop(long inode) {
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
      pages.kernel().forgetInode(inode, true);
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
      deadlines.await(done, deadlines.nowNs() + WAIT_MAX_NS);
    } catch (HoldfastException e) {
      LOG.log(Level.WARNING, "drop pages of inode {0}: {1}", inode, e.getMessage());
    }
  }
}
