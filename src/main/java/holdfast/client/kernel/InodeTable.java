package holdfast.client.kernel;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Invalidation;
import holdfast.model.SealId;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * What is remembered of inodes the kernel knows: their seal ids, for life, and for a moment that
 * they have no extended attributes. The kernel asks for security.capability at every write, and
 * must not make us ask the pool each time. What others change is no longer taken for absent before
 * the change is confirmed. As many as the kernel knows: it forgets them, and then so do we. Any
 * thread.
 */
public final class InodeTable {
  /** How long an absent attribute is taken for absent, without news of the inode. */
  static final long ABSENT_NS = TimeUnit.SECONDS.toNanos(1);

  /**
   * @param asOfNs what is absent was absent at this time or later
   */
  private record Known(SealId sealId, Absent absent, long asOfNs) {}

  private enum Absent {
    NOTHING,
    CAPABILITY,
    ALL
  }

  private final ConcurrentHashMap<Long, Known> inodes = new ConcurrentHashMap<>();

  /** What was told before this time isn't believed; meaningful once it was set. */
  private volatile long distrustedNs;

  private volatile boolean isDistrusted;

  public SealId sealIdOrNull(long inode) {
    Known known = inodes.get(inode);
    return known == null ? null : known.sealId();
  }

  /** Whether an attribute need not be asked for. */
  public boolean isAbsent(long inode, boolean isCapability, long nowNs) {
    Known known = inodes.get(inode);
    boolean isOld =
        known == null
            || nowNs - known.asOfNs() > ABSENT_NS
            || isDistrusted && known.asOfNs() - distrustedNs <= 0;
    if (isOld) {
      return false;
    }
    return switch (known.absent()) {
      case NOTHING -> false;
      case CAPABILITY -> isCapability;
      case ALL -> true;
    };
  }

  /** The pool has told this to who asked at {@code askedNs}. */
  public void told(Attributes attributes, long askedNs) {
    Absent absent = attributes.xattrCount() == 0 ? Absent.ALL : Absent.NOTHING;
    put(attributes, absent, askedNs);
  }

  /** The pool has told who asked at {@code askedNs} that there is no security.capability. */
  public void toldNoCapability(Attributes attributes, long askedNs) {
    Absent absent = attributes.xattrCount() == 0 ? Absent.ALL : Absent.CAPABILITY;
    put(attributes, absent, askedNs);
  }

  /**
   * A change made here has led to this. What is there now must not be taken for absent because of
   * an older answer that is still on its way: so it counts from now. One that has lost its last
   * name may be forgotten by the kernel by now, and is not remembered anew.
   */
  public void changed(Attributes attributes, long askedNs, long nowNs) {
    boolean hasNone = attributes.xattrCount() == 0;
    Absent absent = hasNone ? Absent.ALL : Absent.NOTHING;
    long asOfNs = hasNone ? askedNs : nowNs;
    if (attributes.linkCount() > 0) {
      put(attributes, absent, asOfNs);
    } else {
      var now = new Known(attributes.sealId(), absent, asOfNs);
      inodes.computeIfPresent(attributes.inode(), (inode, old) -> newer(old, now));
    }
  }

  /** Others have changed these: who asked before doesn't know what is absent. Never blocks. */
  public void note(List<Invalidation> changes, long nowNs) {
    for (Invalidation change : changes) {
      if (change instanceof Invalidation.OfInode of) {
        inodes.computeIfPresent(
            of.inode(), (inode, old) -> new Known(old.sealId(), Absent.NOTHING, nowNs));
      }
    }
  }

  /** Anything may have changed. Never blocks. */
  public void distrust(long nowNs) {
    distrustedNs = nowNs;
    isDistrusted = true;
  }

  private void put(Attributes attributes, Absent absent, long asOfNs) {
    inodes.merge(
        attributes.inode(), new Known(attributes.sealId(), absent, asOfNs), InodeTable::newer);
  }

  private static Known newer(Known old, Known now) {
    long laterNs = now.asOfNs() - old.asOfNs();
    boolean isNewer = laterNs > 0 || laterNs == 0 && now.absent().compareTo(old.absent()) <= 0;
    return isNewer ? now : old;
  }

  public void forget(long inode) {
    if (inode != Attributes.ROOT_INODE) {
      inodes.remove(inode);
    }
  }
}
