package holdfast.client.file;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Bounds the memory of written, not yet stored data: writers wait for room. Any thread. */
final class MemoryBudget {
  private final long maxBytes;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition freed = lock.newCondition();
  private long usedBytes;

  /** Rises as what takes the room moves on. */
  private long movedCount;

  MemoryBudget(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Takes the bytes if there is room now. */
  boolean tryAcquire(long bytes) {
    lock.lock();
    try {
      // One writer always gets through, however large: nothing else could ever free its room.
      if (usedBytes > 0 && usedBytes + bytes > maxBytes) {
        return false;
      }
      usedBytes += bytes;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for room and takes it; TIMED_OUT at the deadline.
   *
   * @return false when there was no room for {@code atMostNs}
   */
  boolean acquire(long bytes, Deadlines deadlines, long atMostNs, Deadline deadline) {
    long untilNs = deadlines.nowNs() + atMostNs;
    lock.lock();
    try {
      while (usedBytes > 0 && usedBytes + bytes > maxBytes) {
        long nowNs = deadlines.nowNs();
        if (deadline.isOver()) {
          throw new HoldfastException(
              ErrorCode.TIMED_OUT,
              "write: expected=room for unsaved data, was="
                  + usedBytes
                  + " bytes waiting for the pool");
        }
        if (untilNs - nowNs <= 0) {
          return false;
        }
        long before = movedCount;
        freed.awaitNanos(Math.min(deadline.leftNs(), untilNs - nowNs));
        if (movedCount != before) {
          deadline.moved();
        }
      }
      usedBytes += bytes;
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HoldfastException(ErrorCode.SHUTTING_DOWN, "write: interrupted", e);
    } finally {
      lock.unlock();
    }
  }

  /** Takes the bytes without asking: for what makes room later. */
  void take(long bytes) {
    release(-bytes);
  }

  void release(long bytes) {
    lock.lock();
    try {
      usedBytes -= bytes;
      movedCount += bytes > 0 ? 1 : 0;
      freed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Something of what takes the room has moved on its way to the pool. */
  void moved() {
    lock.lock();
    try {
      movedCount++;
    } finally {
      lock.unlock();
    }
  }

  /** Rises as what takes the room moves on. */
  long movedCount() {
    lock.lock();
    try {
      return movedCount;
    } finally {
      lock.unlock();
    }
  }

  long usedBytes() {
    lock.lock();
    try {
      return usedBytes;
    } finally {
      lock.unlock();
    }
  }
}
