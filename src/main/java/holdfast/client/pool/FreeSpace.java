package holdfast.client.pool;

import holdfast.client.api.PoolFileSystem;
import holdfast.client.api.PoolSpace;
import holdfast.protocol.Reply;

/** Caches the pool's room for statfs(2), which must not wait once it is known. Any thread. */
public final class FreeSpace {
  /** How old an answer may be before a new one is asked for. */
  private static final long MAX_AGE_NS = 1_000_000_000L;

  private static final int BLOCK_BYTES = 4_096;

  private final PoolService service;
  private final Deadlines deadlines;
  private volatile PoolSpace known;
  private volatile long askedNs;

  public FreeSpace(PoolService service, Deadlines deadlines) {
    this.service = service;
    this.deadlines = deadlines;
  }

  /**
   * Asks for the first time, so that {@link #now} needn't wait for a pool that is away by then:
   * umount(8) asks for it. Never blocks.
   */
  public void ask() {
    askedNs = deadlines.nowNs();
    service.space(deadlines.deadlineNs()).thenAccept(space -> known = shown(space));
  }

  /** The room as answered last; waits for the first answer only. */
  public PoolSpace now() {
    long nowNs = deadlines.nowNs();
    PoolSpace last = known;
    if (last != null && nowNs - askedNs < MAX_AGE_NS) {
      return last;
    }
    askedNs = nowNs;
    long deadlineNs = deadlines.deadlineNs();
    var asked = service.space(deadlineNs);
    if (last == null) {
      known = shown(deadlines.await(asked, deadlineNs));
      return known;
    }
    // The next caller gets the new numbers; a failure leaves the old ones.
    asked.thenAccept(space -> known = shown(space));
    return last;
  }

  private static PoolSpace shown(Reply.Space space) {
    long blocks = space.totalBytes() / BLOCK_BYTES;
    long free = space.freeBytes() / BLOCK_BYTES;
    return new PoolSpace(
        BLOCK_BYTES,
        blocks,
        free,
        free,
        space.fileCount() + free,
        free,
        PoolFileSystem.NAME_BYTES_MAX);
  }
}
