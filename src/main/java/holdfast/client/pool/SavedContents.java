package holdfast.client.pool;

import holdfast.metadata.op.Attributes;
import holdfast.model.ClientId;
import holdfast.util.BoundedMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Detects lost commits of open and closed files by the content versions that this client has
 * committed lately: a power cut of all voters may lose one that wasn't forced, and then what rests
 * on it must not be done. Any thread.
 */
public final class SavedContents {
  /** Most that are remembered. */
  static final int REMEMBERED_MAX = 16_384;

  /** Much longer than a majority takes to force the log by itself. */
  private static final long LOG_FORCED_AFTER_NS = TimeUnit.SECONDS.toNanos(30);

  /**
   * The last commit of a file.
   *
   * @param isLost an earlier one is lost, and that isn't reported yet
   */
  private record Saved(ClientId under, long savedNs, long version, boolean isLost) {}

  private final ReentrantLock lock = new ReentrantLock();

  /** Eldest first. */
  private final Map<Long, Saved> saved = BoundedMap.of(REMEMBERED_MAX);

  /**
   * The pool has acknowledged a commit of a file.
   *
   * @param under in the session of this id
   * @param baseVersion what it was made from: lower than what was committed before, if that is lost
   * @param askedNs when it was asked for; an answer that comes late says nothing of later commits
   */
  public void saved(
      long inode, ClientId under, long baseVersion, long version, long askedNs, long nowNs) {
    lock.lock();
    try {
      Saved before = saved.remove(inode);
      boolean isInOrder = before != null && askedNs - before.savedNs() >= 0;
      boolean isLost = before != null && before.isLost();
      isLost |= isInOrder && Attributes.contentVersion(baseVersion) < before.version();
      long newVersion = Attributes.contentVersion(version);
      boolean isOverdue = before != null && !isInOrder && before.version() > newVersion;
      saved.put(inode, new Saved(under, nowNs, isOverdue ? before.version() : newVersion, isLost));
    } finally {
      lock.unlock();
    }
  }

  /**
   * The content version that a file must have at least, by an answer of the pool and own commits.
   */
  public long version(Attributes answered) {
    lock.lock();
    try {
      Saved known = saved.get(answered.inode());
      long answeredVersion = Attributes.contentVersion(answered.version());
      return known == null ? answeredVersion : Math.max(known.version(), answeredVersion);
    } finally {
      lock.unlock();
    }
  }

  /** Whether a file that has this version now has lost what was committed from here. */
  public boolean isLost(long inode, long version) {
    lock.lock();
    try {
      Saved known = saved.get(inode);
      return known != null
          && (known.isLost() || known.version() > Attributes.contentVersion(version));
    } finally {
      lock.unlock();
    }
  }

  /** Whether a file that has this version now had a newer one from here. */
  public boolean isAhead(long inode, long version) {
    lock.lock();
    try {
      Saved known = saved.get(inode);
      return known != null && known.version() > Attributes.contentVersion(version);
    } finally {
      lock.unlock();
    }
  }

  /**
   * The loss of something of the file is reported to a program: once.
   *
   * @param foundVersion what the file has; a version above it is lost, too, and reported by that
   */
  public void reported(long inode, long foundVersion) {
    lock.lock();
    try {
      Saved known = saved.remove(inode);
      boolean isThere = known != null && known.version() <= Attributes.contentVersion(foundVersion);
      if (isThere && known.isLost()) {
        saved.put(inode, new Saved(known.under(), known.savedNs(), known.version(), false));
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * The pool doesn't know the file any more.
   *
   * @param current the session by now: what was committed long ago in it, the log has on disk
   * @return whether what was committed from here has to count as lost
   */
  public boolean forget(long inode, ClientId current, long nowNs) {
    lock.lock();
    try {
      Saved known = saved.remove(inode);
      return known != null
          && (!known.under().equals(current) || nowNs - known.savedNs() <= LOG_FORCED_AFTER_NS);
    } finally {
      lock.unlock();
    }
  }
}
