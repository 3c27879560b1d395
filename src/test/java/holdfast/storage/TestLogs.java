package holdfast.storage;

import holdfast.model.LogId;
import java.util.Optional;

/** Logs without a directory around them. */
final class TestLogs {
  private TestLogs() {}

  /**
   * Opens the log on a disk, or makes an empty one that starts at (0, 0).
   *
   * @param newLogId the log's id if there is none yet
   */
  static LogStore open(
      Disk disk, OpenedAfter openedAfter, LossListener losses, LogId newLogId, int segmentBytes) {
    boolean wasBegun = openedAfter != OpenedAfter.FRESH;
    var recovery = new LogRecovery(disk, openedAfter, wasBegun, Optional.empty());
    LogId id = recovery.logId().orElse(newLogId);
    return LogStore.open(disk, recovery.plan(id, Optional.empty(), 0), losses, segmentBytes);
  }
}
