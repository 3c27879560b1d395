package holdfast.client.kernel;

import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolSession;
import holdfast.metadata.op.Invalidation;
import holdfast.util.BoundedMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * How long the kernel may believe what it is told: long while this client is told in time of what
 * others change, not at all otherwise. A call takes a {@link Ticket} before it asks the pool; what
 * was made old since then is told with a timeout of 0, however the answer and the news crossed.
 * Never blocks. Any thread.
 */
public final class CacheLease {
  /** For what is taken back when it changes. */
  public static final long LONG_MS = 3_600_000;

  /** Inodes whose last invalidation is remembered. */
  private static final int REMEMBERED_MAX = 16_384;

  private static final long[] NONE = {};
  private static final long NS_PER_MS = 1_000_000L;

  private final Deadlines deadlines;
  private final ReentrantLock lock = new ReentrantLock();
  private final GrantTable grants = new GrantTable();
  private final InFlightChanges inFlight = new InFlightChanges();
  private final Map<Long, Long> invalidated = BoundedMap.of(REMEMBERED_MAX, this::dropped);

  /** Counts invalidations. */
  private long news;

  /** Tickets older than this may have missed any news. */
  private long floor;

  private long trustedUntilNs = Long.MIN_VALUE;
  private boolean isTrusted;

  public CacheLease(Deadlines deadlines) {
    this.deadlines = deadlines;
  }

  private void dropped(long invalidation) {
    floor = Math.max(floor, invalidation);
  }

  /** A call, from before its question until its answer. */
  public final class Ticket implements AutoCloseable {
    private final long since;
    private final long number;
    private final long[] inodes;

    private Ticket(long since, long number, long[] inodes) {
      this.number = number;
      this.since = since;
      this.inodes = inodes;
    }

    /** How long the kernel may keep the inode's attributes, in ms. */
    public long attributesMs(long inode) {
      lock.lock();
      try {
        return timeoutMs(since, inode) == 0 ? 0 : grants.addInode(inode) ? LONG_MS : shortMs();
      } finally {
        lock.unlock();
      }
    }

    /** How long it may keep the name, or that it isn't there, in ms. */
    public long entryMs(long directory, byte[] name) {
      lock.lock();
      try {
        return timeoutMs(since, directory) == 0
            ? 0
            : grants.addEntry(directory, name) ? LONG_MS : shortMs();
      } finally {
        lock.unlock();
      }
    }

    /** Whether the kernel may keep the directory's listing. */
    public boolean mayKeepListing(long directory) {
      lock.lock();
      try {
        return timeoutMs(since, directory) > 0 && grants.addListing(directory);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void close() {
      inFlight.end(number, inodes);
    }
  }

  /** A call begins that asks. */
  public Ticket begin() {
    return begin(NONE);
  }

  /**
   * A call begins that changes these directories: the kernel holds their locks until its answer.
   */
  public Ticket begin(long... inodes) {
    lock.lock();
    try {
      return new Ticket(news, inFlight.begin(inodes), inodes);
    } finally {
      lock.unlock();
    }
  }

  /** Own calls that change directories. */
  public InFlightChanges inFlight() {
    return inFlight;
  }

  /** Runs a call that changes these directories and gives the kernel nothing to keep. */
  public void during(Runnable change, long... directories) {
    Ticket ticket = begin(directories);
    try {
      change.run();
    } finally {
      ticket.close();
    }
  }

  private long timeoutMs(long since, long inode) {
    boolean isNews = floor > since || invalidated.getOrDefault(inode, 0L) > since;
    return isNews || !isLeasedNow() ? 0 : LONG_MS;
  }

  /** By the clock, not by whether somebody has said that the lease ended: nobody may have yet. */
  private boolean isLeasedNow() {
    return isTrusted && trustedUntilNs - deadlines.nowNs() > 0;
  }

  /** Whether what this client knows is still true unless it was told otherwise. */
  public boolean isLeased() {
    lock.lock();
    try {
      return isLeasedNow();
    } finally {
      lock.unlock();
    }
  }

  /** For what can't be taken back: it must be asked for again before the lease could run out. */
  private long shortMs() {
    return Math.max(0, (trustedUntilNs - deadlines.nowNs()) / NS_PER_MS);
  }

  /** This client is told in time of all changes until then. */
  public void lease(long untilNs) {
    lock.lock();
    try {
      isTrusted = true;
      trustedUntilNs = untilNs - PoolSession.TAKING_BACK_NS;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Others have made these changes: whoever asked before gets nothing to keep.
   *
   * @return whether an own call is under way on any of them: the kernel may hold their locks until
   *     it is answered, so it can't be waited for
   */
  public boolean note(List<Invalidation> changes) {
    boolean isUnderWay = false;
    lock.lock();
    try {
      news++;
      for (Invalidation change : changes) {
        long inode =
            switch (change) {
              case Invalidation.OfInode of -> of.inode();
              case Invalidation.OfEntry of -> of.parent();
              case Invalidation.OfLocks of -> -1;
            };
        if (inode < 0) {
          continue;
        }
        invalidated.remove(inode);
        invalidated.put(inode, news);
        isUnderWay |= inFlight.isAnyOn(inode);
      }
    } finally {
      lock.unlock();
    }
    return isUnderWay;
  }

  /** Anything may have changed: nothing is told for long until the next {@link #lease}. */
  public Taken distrust() {
    lock.lock();
    try {
      news++;
      floor = news;
      isTrusted = false;
      invalidated.clear();
      var taken = new Taken(grants.inodes(), grants.listings(), grants.entries());
      grants.clear();
      return taken;
    } finally {
      lock.unlock();
    }
  }

  /** What has to be taken back. */
  public record Taken(List<Long> inodes, List<Long> listings, List<GrantTable.Entry> entries) {}

  /** The kernel is asked to forget this name. */
  void entryDropped(long directory, byte[] name) {
    lock.lock();
    try {
      grants.removeEntry(directory, name);
    } finally {
      lock.unlock();
    }
  }

  /** The kernel knows the inode no more. */
  public void forgotten(long inode) {
    lock.lock();
    try {
      grants.forget(inode);
    } finally {
      lock.unlock();
    }
  }
}
