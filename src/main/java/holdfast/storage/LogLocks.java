package holdfast.storage;

import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * The two locks of a log store, in one place so that they are always taken in the order of the
 * fields.
 */
final class LogLocks {
  /** Held while forcing, and by what deletes or cuts files. */
  final ReentrantLock force = new ReentrantLock();

  /**
   * Guards what is in memory, and the state file; held over I/O, but never while forcing entries.
   */
  final ReentrantLock state = new ReentrantLock();

  void withoutForces(Runnable body) {
    force.lock();
    try {
      locked(body);
    } finally {
      force.unlock();
    }
  }

  void locked(Runnable body) {
    state.lock();
    try {
      body.run();
    } finally {
      state.unlock();
    }
  }

  <T> T locked(Supplier<T> body) {
    state.lock();
    try {
      return body.get();
    } finally {
      state.unlock();
    }
  }
}
