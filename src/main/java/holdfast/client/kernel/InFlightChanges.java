package holdfast.client.kernel;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * This mount's unanswered calls that change directories: the kernel has the directories' locks
 * until the answers, so whoever needs a lock waits here before. Any thread.
 */
public final class InFlightChanges {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition ended = lock.newCondition();
  private final Map<Long, TreeSet<Long>> calls = new HashMap<>();
  private long nextNumber = 1;

  /** A call on these directories begins; its number. */
  long begin(long... directories) {
    lock.lock();
    try {
      long number = nextNumber++;
      for (long directory : directories) {
        calls.computeIfAbsent(directory, key -> new TreeSet<>()).add(number);
      }
      return number;
    } finally {
      lock.unlock();
    }
  }

  void end(long number, long... directories) {
    lock.lock();
    try {
      for (long directory : directories) {
        calls.computeIfPresent(
            directory,
            (key, numbers) -> {
              numbers.remove(number);
              return numbers.isEmpty() ? null : numbers;
            });
      }
      ended.signalAll();
    } finally {
      lock.unlock();
    }
  }

  public boolean isAnyOn(long directory) {
    lock.lock();
    try {
      return calls.containsKey(directory);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until the calls on the directory that are in flight now have ended, and for the given
   * time at most. A thread that asked the kernel for the directory's lock before that would wait in
   * the kernel, where nothing can end the wait: not even the end of this process.
   */
  public void awaitThoseOn(long directory, long maxNs) {
    lock.lock();
    try {
      long before = nextNumber;
      long leftNs = maxNs;
      while (leftNs > 0 && isAnyBefore(directory, before)) {
        leftNs = ended.awaitNanos(leftNs);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
  }

  private boolean isAnyBefore(long directory, long number) {
    TreeSet<Long> numbers = calls.get(directory);
    return numbers != null && numbers.first() < number;
  }
}
