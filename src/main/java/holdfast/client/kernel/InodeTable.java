package holdfast.client.kernel;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Invalidation;
import holdfast.model.SealId;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Cache of what is known of each inode for as long as the kernel knows it: its seal id, which
 * extended attributes are absent, its last attributes, and which version the kernel's pages show.
 * The kernel asks for security.capability at every write, which must not become a request to the
 * pool each time; of directories, pipes and devices the file system hears neither open nor close,
 * so those that are removed while they are open live on here. Any thread; never blocks.
 */
public final class InodeTable {
  /** How long an absence is valid without an invalidation of the inode. */
  static final long ABSENT_NS = TimeUnit.SECONDS.toNanos(1);

  private final ConcurrentHashMap<Long, InodeEntry> inodes = new ConcurrentHashMap<>();

  /** What was answered before this time is indeterminate; meaningful once it was set. */
  private volatile long expiredNs;

  private volatile boolean isExpired;

  public SealId sealIdOrNull(long inode) {
    return entry(inode).sealIdOrNull();
  }

  private InodeEntry entry(long inode) {
    return inodes.getOrDefault(inode, InodeEntry.UNKNOWN);
  }

  /** Whether an attribute need not be asked for. */
  public boolean isAbsent(long inode, boolean isCapability, long nowNs) {
    InodeEntry known = entry(inode);
    boolean isOld =
        nowNs - known.asOfNs() > ABSENT_NS || isExpired && known.asOfNs() - expiredNs <= 0;
    return switch (known.absent()) {
      case NOTHING -> false;
      case CAPABILITY -> isCapability && !isOld;
      case ALL -> !isOld;
    };
  }

  /** The pool has answered this to who asked at {@code askedNs}. */
  public void answered(Attributes attributes, long askedNs) {
    put(attributes, attributes.xattrCount() == 0, InodeEntry.Absent.NOTHING, askedNs);
  }

  /** The pool has answered who asked at {@code askedNs} that there is no security.capability. */
  public void answeredNoCapability(Attributes attributes, long askedNs) {
    put(attributes, attributes.xattrCount() == 0, InodeEntry.Absent.CAPABILITY, askedNs);
  }

  private void put(
      Attributes attributes, boolean hasNone, InodeEntry.Absent otherwise, long asOfNs) {
    InodeEntry.Absent absent = hasNone ? InodeEntry.Absent.ALL : otherwise;
    inodes.merge(attributes.inode(), InodeEntry.of(attributes, absent, asOfNs), InodeEntry::with);
  }

  /**
   * A change made here has led to this. A stale answer in flight must not make what is there now
   * absent: so it counts from now. One that has lost its last name may be forgotten by the kernel
   * by now, and is not remembered anew.
   */
  public void changed(Attributes attributes, long askedNs, long nowNs) {
    boolean hasNone = attributes.xattrCount() == 0;
    long asOfNs = hasNone ? askedNs : nowNs;
    if (attributes.linkCount() > 0) {
      put(attributes, hasNone, InodeEntry.Absent.NOTHING, asOfNs);
      return;
    }
    InodeEntry.Absent absent = hasNone ? InodeEntry.Absent.ALL : InodeEntry.Absent.NOTHING;
    InodeEntry now = InodeEntry.of(attributes, absent, asOfNs);
    inodes.computeIfPresent(attributes.inode(), (inode, old) -> old.with(now).withLast(attributes));
  }

  /** Others have changed these: who asked before doesn't know what is absent. */
  public void invalidate(List<Invalidation> changes, long nowNs) {
    for (Invalidation change : changes) {
      if (change instanceof Invalidation.OfInode of) {
        inodes.computeIfPresent(of.inode(), (inode, old) -> old.changedAt(nowNs));
      }
    }
  }

  /** Anything may have changed. */
  public void expireAll(long nowNs) {
    expiredNs = nowNs;
    isExpired = true;
  }

  /**
   * The last attributes of an inode that the pool doesn't know any more, and the kernel does: of a
   * directory, a pipe, a device or a symbolic link, or of what this mount has removed.
   *
   * @return without a name; null: none are known
   */
  public Attributes lastWithoutNameOrNull(long inode) {
    Attributes last = entry(inode).lastOrNull();
    return last == null ? null : last.withLinkCount(0);
  }

  /** The attributes that were answered last; null: none are kept of this one. */
  public Attributes lastOrNull(long inode) {
    return entry(inode).lastOrNull();
  }

  /** They were changed here, of an inode that only this mount knows. */
  public void lastChanged(Attributes last) {
    inodes.computeIfPresent(last.inode(), (inode, old) -> old.withLast(last));
  }

  /** A file is closed: the kernel's pages show this version of it. */
  public void closed(long inode, long version) {
    inodes.computeIfPresent(inode, (key, old) -> old.withClosedVersion(version));
  }

  /** A file is opened: whether the kernel's pages show this version of it. Once. */
  public boolean takeClosed(long inode, long version) {
    boolean isShown = entry(inode).closedVersion() == version;
    inodes.computeIfPresent(inode, (key, old) -> old.withClosedVersion(InodeEntry.NO_VERSION));
    return isShown;
  }

  /** The session is lost: a version that is lost with it may be given to another content. */
  public void sessionLost() {
    inodes.replaceAll((inode, old) -> old.withClosedVersion(InodeEntry.NO_VERSION));
  }

  /** Others have changed the file's content: the kernel's pages are stale. */
  void madeStale(long inode) {
    inodes.compute(
        inode,
        (key, old) -> {
          InodeEntry known = old == null ? InodeEntry.UNKNOWN : old;
          return known.withStaleCount(known.staleCount() + 1);
        });
  }

  /** The pages of one such change are dropped. */
  void notStale(long inode) {
    inodes.computeIfPresent(
        inode,
        (key, old) -> {
          InodeEntry now = old.withStaleCount(Math.max(0, old.staleCount() - 1));
          return now.equals(InodeEntry.UNKNOWN) ? null : now;
        });
  }

  boolean isStale(long inode) {
    return entry(inode).staleCount() > 0;
  }

  /** The kernel has forgotten it; only the count of page drops in flight is kept. */
  public void forget(long inode) {
    if (inode != Attributes.ROOT_INODE) {
      inodes.computeIfPresent(
          inode,
          (key, old) ->
              old.staleCount() == 0 ? null : InodeEntry.UNKNOWN.withStaleCount(old.staleCount()));
    }
  }
}
