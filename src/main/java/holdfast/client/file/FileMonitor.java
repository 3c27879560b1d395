package holdfast.client.file;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.LeaderCall;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.WallClock;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Makes the state of an open file unreachable without its lock: {@link #enter} is the only way, in
 * the two classes that make an {@link OpenFile} of this. Locked for memory copies, never over I/O.
 */
abstract sealed class FileMonitor permits SyncedFile {
  private static final long LOOK_AGAIN_NS = TimeUnit.SECONDS.toNanos(1);

  private final long inode;
  private final Shared shared;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Guarded guarded;
  private final Losses losses = new Losses();
  private final LinkState links = new LinkState();

  /** What all open files use. */
  record Shared(
      Deadlines deadlines,
      WallClock wallClock,
      MemoryBudget budget,
      BufferPool blocks,
      CommitPlanner planner,
      OwnChanges ownChanges) {}

  /** What the lock guards, until it is closed. */
  final class Guarded implements AutoCloseable {
    final FileImage image;
    final Acknowledged acknowledged = new Acknowledged();

    /** Handles that have it open. */
    int handleCount;

    /** The last one is closed: it isn't in the table any more. */
    boolean isClosed;

    /** What the image's bytes have of the budget. */
    long budgetedBytes;

    /** When the last session was lost; meaningful once one was. */
    long sessionLostNs;

    /** When the oldest byte that isn't committed was written; meaningful while there is one. */
    long dirtySinceNs;

    /** Why the commit in flight had no answer; null while one may come. */
    HoldfastException unansweredOrNull;

    /** Since when, on the monotonic clock; meaningful while there is one. */
    long unansweredNs;

    /** Pages that the kernel has of it were made stale, by others or by where appends went. */
    boolean isStale;

    private Guarded(FileImage image) {
      this.image = image;
    }

    boolean hasStalePages() {
      return isStale || image.wasReplaced();
    }

    /** The one place where the memory budget is balanced, and the lock released. */
    @Override
    public void close() {
      long freedBytes = budgetedBytes - image.bufferedBytes();
      budgetedBytes -= freedBytes;
      if (freedBytes != 0) {
        shared.budget().release(freedBytes);
      }
      lock.unlock();
    }
  }

  /** When something of what is on its way to the pool moved last. */
  private volatile long movedNs = Long.MIN_VALUE / 2;

  /**
   * As the pool has it.
   *
   * @param unforced chunks of it that weren't forced when it was closed here
   */
  FileMonitor(Attributes committed, List<Extent> extents, Set<ChunkId> unforced, Shared shared) {
    this.shared = shared;
    inode = committed.inode();
    var image = new FileImage(committed, extents, shared.blocks());
    image.remember(unforced);
    guarded = new Guarded(image);
  }

  public final long inode() {
    return inode;
  }

  /** What was lost of it. */
  final Losses losses() {
    return losses;
  }

  /** Whether it has a name. */
  public final LinkState links() {
    return links;
  }

  final Shared shared() {
    return shared;
  }

  final long nowNs() {
    return shared.deadlines().nowNs();
  }

  /** Acquires the lock, until what is returned is closed. */
  final Guarded enter() {
    lock.lock();
    return guarded;
  }

  /** Something of what is on its way to the pool has moved. Any thread. */
  final void moved() {
    movedNs = nowNs();
  }

  /** Wakes waiting threads to look again. */
  final void signal() {
    changed.signalAll();
  }

  /** Remembers what is lost, if anything is, for the handles; wakes waiting threads. */
  final HoldfastException noteLoss(HoldfastException lostOrNull) {
    if (lostOrNull != null) {
      losses.add(lostOrNull);
    }
    changed.signalAll();
    return lostOrNull;
  }

  /** Drops what isn't with the pool, and what is in flight too. */
  final void revert(Guarded in) {
    in.image.revert();
    changed.signalAll();
  }

  /** Waits for a change of anything, and for as long as one wait lasts. */
  final void awaitChange(Guarded in, Deadline deadline) {
    awaitChange(in, deadline, LOOK_AGAIN_NS);
  }

  /**
   * Waits for a change of anything, for so long at most.
   *
   * @throws HoldfastException TIMED_OUT when the deadline is over
   */
  final void awaitChange(Guarded in, Deadline deadline, long atMostNs) {
    try {
      deadline.movedAt(movedNs);
      long leftNs = deadline.leftNs();
      if (leftNs <= 0 || changed.awaitNanos(Math.min(leftNs, atMostNs)) < 0) {
        if (deadline.isOver()) {
          throw new HoldfastException(
              ErrorCode.TIMED_OUT,
              "save file: expected=stored by the deadline, was="
                  + in.image.uploadCount()
                  + " uploads in flight, inode="
                  + inode);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HoldfastException(ErrorCode.SHUTTING_DOWN, "save file: interrupted", e);
    }
  }

  /**
   * Waits for a change. Where the commit in flight has had no answer for as long as a change waits
   * for a majority, this fails as that one did.
   *
   * @throws HoldfastException that, or TIMED_OUT
   */
  final void awaitAnswer(Guarded in, Deadline deadline) {
    boolean isOverdue =
        in.unansweredOrNull != null && nowNs() - in.unansweredNs >= LeaderCall.QUORUM_WAIT_NS;
    if (isOverdue) {
      throw Deadlines.asHoldfast(in.unansweredOrNull);
    }
    awaitChange(in, deadline, LOOK_AGAIN_NS);
  }

  /** Waits until no commit is in flight; throws as {@link #awaitAnswer}. */
  final void awaitCommit(Guarded in, Deadline deadline) {
    while (in.image.isCommitting()) {
      awaitAnswer(in, deadline);
    }
  }
}
