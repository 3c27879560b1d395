package holdfast.client.api;

import holdfast.model.HoldfastException;

/** A wait for a lock, by which its caller can end it. */
public interface PendingLock {
  /** Receives once how the waiting ended, on any thread. */
  @FunctionalInterface
  interface Listener {
    /** The lock is there, or {@code failureOrNull} says why not. */
    void onEnd(HoldfastException failureOrNull);
  }

  /**
   * Ends the waiting, unless it has ended: the listener receives INTERRUPTED, on another thread and
   * soon. Never blocks.
   */
  void cancel();
}
