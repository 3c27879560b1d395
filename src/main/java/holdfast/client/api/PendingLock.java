package holdfast.client.api;

import holdfast.model.HoldfastException;

/** A lock that is waited for. */
public interface PendingLock {
  /** Is told once how the waiting ended, on any thread. */
  @FunctionalInterface
  interface Listener {
    /** The lock is there, or {@code failureOrNull} says why not. */
    void onEnd(HoldfastException failureOrNull);
  }

  /**
   * Ends the waiting, unless it has ended: the listener is told INTERRUPTED, on another thread and
   * soon. Never blocks.
   */
  void cancel();
}
