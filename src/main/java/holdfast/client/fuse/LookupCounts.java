package holdfast.client.fuse;

import java.util.concurrent.ConcurrentHashMap;

/**
 * The kernel's lookup count of each inode: one up for every entry reply it accepted, down by what
 * it forgets. The root is not counted. Safe on every thread.
 */
final class LookupCounts {
  private final ConcurrentHashMap<Long, Long> counts = new ConcurrentHashMap<>();

  /** Counts one more; before the reply, because the forget may come right behind it. */
  void add(long inode) {
    counts.merge(inode, 1L, Long::sum);
  }

  /** Counts down; true if the kernel knows the inode no more. */
  boolean subtract(long inode, long count) {
    boolean[] gone = new boolean[1];
    counts.computeIfPresent(
        inode,
        (key, known) -> {
          gone[0] = known <= count;
          return gone[0] ? null : known - count;
        });
    return gone[0];
  }

  /** The count for an inode, 0 if unknown. */
  long of(long inode) {
    return counts.getOrDefault(inode, 0L);
  }

  /** Inodes known to the kernel. */
  int size() {
    return counts.size();
  }
}
