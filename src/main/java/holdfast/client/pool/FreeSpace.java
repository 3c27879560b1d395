package holdfast.client.pool;

import holdfast.client.api.PoolFileSystem;
import holdfast.client.api.PoolSpace;
import holdfast.model.HoldfastException;
import holdfast.protocol.Reply;
import java.util.concurrent.CompletableFuture;

/** Caches the pool's room for statfs(2), which must not wait long once it is known. Any thread. */
public final class FreeSpace {
  /** How old an answer may be before a new one is asked for. */
  private static final long MAX_AGE_NS = 1_000_000_000L;

  /** How long the pool may be silent before its last answer does. */
  private static final long SILENCE_NS = 1_000_000_000L;

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
    service.space(deadlines.begin()).thenAccept(space -> known = shown(space));
  }

  /**
   * The room, not older than a second; or, where the pool is silent for so long, as it was answered
   * last.
   *
   * @throws HoldfastException what the pool failed with, where it never answered
   */
  public PoolSpace now() {
    long nowNs = deadlines.nowNs();
    PoolSpace last = known;
    if (last != null && nowNs - askedNs < MAX_AGE_NS) {
      return last;
    }
    askedNs = nowNs;
    Deadline deadline = deadlines.begin();
    CompletableFuture<PoolSpace> asked =
        service.space(deadline).thenApply(space -> known = shown(space));
    try {
      return deadlines.await(asked, last == null ? deadline : deadlines.in(SILENCE_NS));
    } catch (HoldfastException e) {
      if (last == null) {
        throw e;
      }
      return last;
    }
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
