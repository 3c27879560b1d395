package holdfast.client.kernel;

import holdfast.client.pool.Deadlines;
import holdfast.metadata.op.Invalidation;
import holdfast.util.BoundedMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The timeouts of what the kernel is granted to cache: long while the pool's lease has this client
 * notified of others' changes in time, zero otherwise. A call takes a {@link Ticket} before it asks
 * the pool; what was invalidated after that is answered with a timeout of 0, in whichever order the
 * answer and the invalidation came. Never blocks. Any thread.
 */
public final class CacheLease {
  /** Timeout of a grant that is recalled when it changes. */
  public static final long LONG_MS = 3_600_000;

  /** Most inodes whose last invalidation is kept. */
  private static final int REMEMBERED_MAX = 16_384;

  private static final long[] NONE = {};
  private static final long NS_PER_MS = 1_000_000L;

  private final Deadlines deadlines;
  private final ReentrantLock lock = new ReentrantLock();
  private final GrantTable grants = new GrantTable();
  private final InFlightChanges inFlight = new InFlightChanges();
  private final Map<Long, Long> invalidated = BoundedMap.of(REMEMBERED_MAX, this::dropped);

  /** Invalidation epoch: counts the batches of others' changes. */
  private long epoch;

  /** Tickets of earlier epochs may have missed an invalidation of any inode. */
  private long floor;

  private long leasedUntilNs = Long.MIN_VALUE;
  private boolean hasLease;

  public CacheLease(Deadlines deadlines) {
    this.deadlines = deadlines;
  }

  private void dropped(long invalidation) {
    floor = Math.max(floor, invalidation);
  }

  /** The invalidation epoch in which a call began, kept until its answer. */
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

    /** How long it may keep the name, or its absence, in ms. */
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

  /** Begins a call that only reads. */
  public Ticket begin() {
    return begin(NONE);
  }

  /** Begins a call that changes these directories, whose locks the kernel has until its answer. */
  public Ticket begin(long... inodes) {
    lock.lock();
    try {
      return new Ticket(epoch, inFlight.begin(inodes), inodes);
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
    boolean isInvalidated = floor > since || invalidated.getOrDefault(inode, 0L) > since;
    return isInvalidated || !isLeasedNow() ? 0 : LONG_MS;
  }

  /** By the clock: the lease may have run out before {@link #expireAll} was called for it. */
  private boolean isLeasedNow() {
    return hasLease && leasedUntilNs - deadlines.nowNs() > 0;
  }

  /** Whether what this client caches is valid unless it was invalidated. */
  public boolean isLeased() {
    lock.lock();
    try {
      return isLeasedNow();
    } finally {
      lock.unlock();
    }
  }

  /** Timeout of a grant that can't be recalled: it ends before the lease could run out. */
  private long shortMs() {
    return Math.max(0, (leasedUntilNs - deadlines.nowNs()) / NS_PER_MS);
  }

  /** A new lease, and until when it may be relied on. */
  public void renew(long reliedUntilNs) {
    lock.lock();
    try {
      hasLease = true;
      leasedUntilNs = reliedUntilNs;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Others have made these changes: calls begun before are answered with a timeout of 0.
   *
   * @return whether an own call is in flight on any of them: the kernel may have their locks until
   *     it is answered, so the kernel can't be waited for
   */
  public boolean note(List<Invalidation> changes) {
    boolean isInFlight = false;
    lock.lock();
    try {
      epoch++;
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
        invalidated.put(inode, epoch);
        isInFlight |= inFlight.isAnyOn(inode);
      }
    } finally {
      lock.unlock();
    }
    return isInFlight;
  }

  /** Anything may have changed: ends the lease and all grants until the next {@link #renew}. */
  public Expired expireAll() {
    lock.lock();
    try {
      epoch++;
      floor = epoch;
      hasLease = false;
      invalidated.clear();
      var expired = new Expired(grants.inodes(), grants.listings(), grants.entries());
      grants.clear();
      return expired;
    } finally {
      lock.unlock();
    }
  }

  /** Grants to recall from the kernel. */
  public record Expired(List<Long> inodes, List<Long> listings, List<GrantTable.Entry> entries) {}

  /** The kernel is about to forget this name. */
  void entryDropped(long directory, byte[] name) {
    lock.lock();
    try {
      grants.removeEntry(directory, name);
    } finally {
      lock.unlock();
    }
  }

  /** The kernel has forgotten the inode. */
  public void forgotten(long inode) {
    lock.lock();
    try {
      grants.forget(inode);
    } finally {
      lock.unlock();
    }
  }
}
