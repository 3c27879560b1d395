package holdfast.client.kernel;

import holdfast.client.api.KernelCache;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The kernel's cache, and the files of which it has pages that others have made old: until they are
 * dropped, whoever gets a lock of such a file has to drop them first. Any thread.
 */
public final class KernelPages {
  private volatile KernelCache kernel = KernelCache.NONE;
  private final ConcurrentHashMap<Long, Integer> old = new ConcurrentHashMap<>();

  public void attach(KernelCache cache) {
    kernel = cache;
  }

  public KernelCache kernel() {
    return kernel;
  }

  /** Another has changed the file. */
  public void becameOld(long inode) {
    old.merge(inode, 1, Integer::sum);
  }

  /** The pages that one {@link #becameOld} was about are gone. */
  public void dropped(long inode) {
    old.computeIfPresent(inode, (key, count) -> count == 1 ? null : count - 1);
  }

  public boolean isOld(long inode) {
    return old.containsKey(inode);
  }
}
