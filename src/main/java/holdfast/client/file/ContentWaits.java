package holdfast.client.file;

import holdfast.client.pool.Deadlines;
import holdfast.client.pool.LeaderCall;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Waits for what is under way of a file's content. Where its commit has had no answer for as long
 * as a change waits for a majority, they fail as that one did. All are called under the file's
 * lock.
 */
final class ContentWaits {
  private static final long LOOK_AGAIN_NS = TimeUnit.SECONDS.toNanos(1);

  private ContentWaits() {}

  /** Where appended bytes go; waits while others are being moved. */
  static long end(FileContent content, Deadlines deadlines, long deadlineNs) {
    while (!content.appends.mayAppend()) {
      change(content, deadlines, deadlineNs, LOOK_AGAIN_NS);
    }
    return content.sizeBytes;
  }

  /**
   * For a change of the content, for so long at most.
   *
   * @throws HoldfastException TIMED_OUT when the deadline is over
   */
  static void change(FileContent content, Deadlines deadlines, long deadlineNs, long lookAgainNs) {
    try {
      long leftNs = deadlineNs - deadlines.nowNs();
      if (leftNs <= 0 || content.changed.awaitNanos(Math.min(leftNs, lookAgainNs)) < 0) {
        if (deadlineNs - deadlines.nowNs() <= 0) {
          throw new HoldfastException(
              ErrorCode.TIMED_OUT,
              "save file: expected=stored by the deadline, was="
                  + content.uploads.size()
                  + " uploads under way, inode="
                  + content.inode);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HoldfastException(ErrorCode.SHUTTING_DOWN, "save file: interrupted", e);
    }
  }

  /**
   * Until no commit is under way.
   *
   * @throws HoldfastException as the one that had no answer, or TIMED_OUT
   */
  static void commit(FileContent content, Deadlines deadlines, long deadlineNs) {
    until(() -> !content.isCommitting, content, deadlines, deadlineNs);
  }

  /**
   * Until all uploads that have started by now are laid over the view; throws likewise, and what
   * one of them failed with that is kept to be tried again. One that was begun before and fails has
   * another try: what it met may be over.
   *
   * @param tryAgain tries again what failed
   */
  static void uploads(
      FileContent content, Deadlines deadlines, Runnable tryAgain, long deadlineNs) {
    long sinceNs = deadlines.nowNs();
    long upTo = content.uploadsStarted;
    while (true) {
      until(
          () -> content.uploadsApplied >= upTo || pausedOrNull(content, upTo) != null,
          content,
          deadlines,
          deadlineNs);
      Upload paused = pausedOrNull(content, upTo);
      if (paused == null) {
        return;
      }
      if (paused.triedNs >= sinceNs) {
        throw Deadlines.asHoldfast(paused.pausedOrNull);
      }
      tryAgain.run();
    }
  }

  /** The first of those that have started by then that failed and is kept. */
  private static Upload pausedOrNull(FileContent content, long upTo) {
    long left = upTo - content.uploadsApplied;
    for (Upload upload : content.uploads) {
      if (left-- <= 0) {
        return null;
      }
      if (upload.pausedOrNull != null) {
        return upload;
      }
    }
    return null;
  }

  private static void until(
      BooleanSupplier isOver, FileContent content, Deadlines deadlines, long deadlineNs) {
    while (!isOver.getAsBoolean()) {
      if (content.unansweredOrNull != null
          && deadlines.nowNs() - content.unansweredNs >= LeaderCall.QUORUM_WAIT_NS) {
        throw Deadlines.asHoldfast(content.unansweredOrNull);
      }
      change(content, deadlines, deadlineNs, LOOK_AGAIN_NS);
    }
  }
}
