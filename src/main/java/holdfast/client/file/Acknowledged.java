package holdfast.client.file;

import holdfast.client.pool.LostContent;
import holdfast.client.pool.Patience;
import holdfast.metadata.op.Attributes;
import holdfast.model.HoldfastException;

/**
 * Detects lost commits of an open file: what the pool has acknowledged from here, forced or not. A
 * power cut of all voters, or of all who have a chunk, may lose what isn't forced. Not thread-safe.
 */
final class Acknowledged {
  /** Commits from here, and the creation. */
  private long commitCount;

  /** How many of them were forced. */
  private long forcedCount;

  /** How often the session was lost: after each, what the pool has is indeterminate. */
  private long lossCount;

  /** Up to which of these what the pool has is known. */
  private long settledCount;

  private Patience lookingOrNull;

  /**
   * What was known before the pool was asked for more: its answer may be older than what became
   * known since. By the object, not its version: one that a power cut took is given again.
   */
  record Known(Attributes committed, long lossCount) {}

  /** The pool has a commit from here. */
  void committed(boolean isForced) {
    commitCount++;
    forcedCount = isForced ? commitCount : forcedCount;
  }

  /** How many commits there were. */
  long commitCount() {
    return commitCount;
  }

  /** So many were forced. */
  void forced(long count) {
    forcedCount = Math.max(forcedCount, count);
  }

  boolean isForced() {
    return commitCount == forcedCount;
  }

  /** Whether a session was lost since it was known what the pool has. */
  boolean isIndeterminate() {
    return lossCount != settledCount;
  }

  /** The session is lost, and with it perhaps what the pool had acknowledged. */
  void sessionLost() {
    lossCount++;
  }

  /** Which loss of a session is the last one: to be read before the pool is asked. */
  long lossCount() {
    return lossCount;
  }

  /** What the pool has was asked for after this loss, and is known. */
  void settled(long askedAfter) {
    settledCount = Math.max(settledCount, askedAfter);
    lookingOrNull = isIndeterminate() ? lookingOrNull : null;
  }

  /** Whether that is so: {@link #lookedNs}. */
  boolean isLooking() {
    return lookingOrNull != null;
  }

  /**
   * A look at what the pool has had no result.
   *
   * @return for how long that has been so
   */
  long lookedNs(long nowNs, long tryMaxNs) {
    if (lookingOrNull == null) {
      lookingOrNull = new Patience(nowNs);
    }
    return lookingOrNull.triedNs(nowNs, tryMaxNs);
  }

  /** A version of the pool's that was lost may have been given to another content since. */
  static boolean isSame(Attributes known, Attributes found) {
    return known.version() == found.version() && known.fileTag().equals(found.fileTag());
  }

  /**
   * The pool has another version than it had: null, unless something that wasn't forced is lost by
   * that: once. Where another client has written more since, that doesn't show it.
   */
  HoldfastException lostOrNull(Attributes known, Attributes found) {
    long knownVersion = Attributes.contentVersion(known.version());
    long foundVersion = Attributes.contentVersion(found.version());
    boolean isBack =
        foundVersion < knownVersion
            || foundVersion == knownVersion && !known.fileTag().equals(found.fileTag());
    if (!isBack || isForced()) {
      return null;
    }
    forcedCount = commitCount;
    return LostContent.ofFile(known.inode(), knownVersion, foundVersion);
  }
}
