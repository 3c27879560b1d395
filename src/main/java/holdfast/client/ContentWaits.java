package holdfast.client;

import java.util.function.BooleanSupplier;

/**
 * Waits for what is under way of a file's content. Where its commit has had no answer for as long
 * as a change waits for a majority, they fail as that one did. All are called under the file's
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
    while (!isOver.getAsBoolean()) {
      if (content.unansweredOrNull != null
          && waits.nowNs() - content.unansweredNs >= LeaderCall.QUORUM_WAIT_NS) {
        throw Waits.asHoldfast(content.unansweredOrNull);
      }
      content.awaitChange(waits, deadlineNs);
    }
  }
}
