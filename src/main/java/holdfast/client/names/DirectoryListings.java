package holdfast.client.names;

import holdfast.client.api.DirectorySink;
import holdfast.client.api.PoolFileSystem;
import holdfast.util.BoundedMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Listings of directories: for those listed last, the page that was read, so that a listing that is
 * fetched in small steps doesn't ask for each. Any thread.
 */
public final class DirectoryListings {
  /** Directories whose page is kept. */
  private static final int KEPT_MAX = 64;

  private final SealedNamespace namespace;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, DirectoryHandle> kept = BoundedMap.byUse(KEPT_MAX);

  public DirectoryListings(SealedNamespace namespace) {
    this.namespace = namespace;
  }

  /** See {@link PoolFileSystem#readDirectory}; a cookie of 0 starts with what is there now. */
  public void read(long inode, long cookie, DirectorySink sink, long deadlineNs) {
    listing(inode, cookie == 0).read(cookie, sink, deadlineNs);
  }

  private DirectoryHandle listing(long inode, boolean isNew) {
    lock.lock();
    try {
      DirectoryHandle listing = isNew ? null : kept.get(inode);
      if (listing == null) {
        listing = new DirectoryHandle(inode, namespace);
        kept.put(inode, listing);
      }
      return listing;
    } finally {
      lock.unlock();
    }
  }

  /** The directory was changed: what was read of it is old. */
  public void changed(long inode) {
    lock.lock();
    try {
      kept.remove(inode);
    } finally {
      lock.unlock();
    }
  }
}
