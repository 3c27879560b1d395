package holdfast.client.fuse;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;

/**
 * Counts the writes by which the kernel writes pages of mapped files back, so that a wait for them
 * can distinguish slowness from silence. Safe on every thread.
 */
final class PageWrites {
  private final AtomicLong begun = new AtomicLong();
  private final AtomicLong saved = new AtomicLong();
  private final AtomicInteger inProgress = new AtomicInteger();

  /** Makes one of them; returns what it returns. */
  int count(IntSupplier write) {
    inProgress.incrementAndGet();
    begun.incrementAndGet();
    try {
      int sizeBytes = write.getAsInt();
      saved.incrementAndGet();
      return sizeBytes;
    } finally {
      inProgress.decrementAndGet();
    }
  }

  /** How many have come so far. */
  long begunCount() {
    return begun.get();
  }

  /** How many of them the file system has accepted. */
  long savedCount() {
    return saved.get();
  }

  boolean isAnyInProgress() {
    return inProgress.get() > 0;
  }
}
