package holdfast.client;

import java.util.function.BooleanSupplier;

/**
 * Waits for what is under way of a file's content. Where its commit had no answer, no longer than a
 * change waits for a majority: then they fail as that one did. All are called under the file's
 * lock.
 */
final class ContentWaits {
  private ContentWaits() {}

  /**
   * Until no commit is under way.
   *
   * @throws holdfast.model.HoldfastException as the one that had no answer, or TIMED_OUT
   */
  static void commit(FileContent content, Waits waits, long deadlineNs) {
    until(() -> !content.isCommitting, content, waits, deadlineNs);
  }

  /** Until all uploads that have started by now are laid over the view; throws likewise. */
  static void uploads(FileContent content, Waits waits, long deadlineNs) {
    long upTo = content.uploadsStarted;
    until(() -> content.uploadsApplied >= upTo, content, waits, deadlineNs);
  }

  private static void until(
      BooleanSupplier isOver, FileContent content, Waits waits, long deadlineNs) {
    long begunNs = waits.nowNs();
    while (!isOver.getAsBoolean()) {
      boolean isLong = waits.nowNs() - begunNs >= LeaderCall.QUORUM_WAIT_NS;
      if (isLong && content.unansweredOrNull != null) {
        throw Waits.asHoldfast(content.unansweredOrNull);
      }
      content.awaitChange(waits, deadlineNs);
    }
  }
}
