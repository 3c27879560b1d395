package holdfast.client.names;

import holdfast.client.api.DirectorySink;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.pool.Deadline;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.DirectoryEntry;
import holdfast.util.BoundedMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Reads listings of directories, and caches the page read last of each, so that a listing that is
 * fetched in small steps doesn't ask the pool at each. Any thread.
 */
public final class DirectoryListings {
  /** Directories whose page is kept. */
  private static final int KEPT_MAX = 64;

  private final SealedNamespace namespace;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, Listing> kept = BoundedMap.byUse(KEPT_MAX);

  public DirectoryListings(SealedNamespace namespace) {
    this.namespace = namespace;
  }

  /** See {@link PoolFileSystem#readDirectory}; a cookie of 0 starts with what is there now. */
  public void read(long inode, long cookie, DirectorySink sink, Deadline deadline) {
    listing(inode, cookie == 0).read(cookie, sink, deadline);
  }

  private Listing listing(long inode, boolean isNew) {
    lock.lock();
    try {
      Listing listing = isNew ? null : kept.get(inode);
      if (listing == null) {
        listing = new Listing(inode, namespace);
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

  /** One of them: the page that was read last. Any thread. */
  private static final class Listing {
    /** Entries asked for at once. */
    private static final int PAGE_ENTRIES = 512;

    /** Cookies behind "." and ".."; those of entries are larger. */
    private static final long DOT_COOKIE = 1;

    private static final long DOT_DOT_COOKIE = 2;

    private final long inode;
    private final SealedNamespace namespace;
    private final ReentrantLock lock = new ReentrantLock();
    private Answer.Listing page;
    private long pageAfterCookie = -1;

    Listing(long inode, SealedNamespace namespace) {
      this.inode = inode;
      this.namespace = namespace;
    }

    /** See {@link PoolFileSystem#readDirectory}. */
    void read(long cookie, DirectorySink sink, Deadline deadline) {
      lock.lock();
      try {
        long after = cookie;
        if (after == 0) {
          page = null;
          load(0, deadline);
          if (!sink.accept(new byte[] {'.'}, inode, FileAttributes.DIRECTORY, DOT_COOKIE)) {
            return;
          }
          after = DOT_COOKIE;
        }
        if (after == DOT_COOKIE) {
          load(0, deadline);
          byte[] dots = {'.', '.'};
          if (!sink.accept(dots, page.parentInode(), FileAttributes.DIRECTORY, DOT_DOT_COOKIE)) {
            return;
          }
          after = DOT_DOT_COOKIE;
        }
        entries(after == DOT_DOT_COOKIE ? 0 : after, sink, deadline);
      } finally {
        lock.unlock();
      }
    }

    private void entries(long afterCookie, DirectorySink sink, Deadline deadline) {
      long after = afterCookie;
      while (true) {
        load(after, deadline);
        List<DirectoryEntry> entries = page.entries();
        for (DirectoryEntry entry : entries) {
          if (entry.cookie() <= after) {
            continue;
          }
          byte[] name = namespace.openName(page, entry);
          int type = entry.attributes().statMode() & FileAttributes.TYPE_MASK;
          if (!sink.accept(name, entry.attributes().inode(), type, entry.cookie())) {
            return;
          }
          after = entry.cookie();
        }
        if (page.atEnd()) {
          return;
        }
      }
    }

    /** Loads the page that begins after the cookie, unless it is there. */
    private void load(long afterCookie, Deadline deadline) {
      boolean isThere =
          page != null
              && afterCookie >= pageAfterCookie
              && (page.atEnd()
                  || !page.entries().isEmpty() && afterCookie < page.entries().getLast().cookie());
      if (!isThere) {
        page = namespace.list(inode, afterCookie, PAGE_ENTRIES, deadline);
        pageAfterCookie = afterCookie;
      }
    }
  }
}
