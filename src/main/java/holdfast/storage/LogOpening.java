package holdfast.storage;

import holdfast.consensus.Configuration;
import holdfast.consensus.HardState;
import holdfast.consensus.LogEntry;
import holdfast.model.LogId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Opens log and snapshots of a directory together: the log goes on from the newest snapshot that is
 * whole. Used once.
 */
final class LogOpening {
  private static final int READ_BYTES = 1 << 20;

  private final StorageDirectory directory;
  private final LogId newLog;
  private final Disk disk;
  private final LogRecovery recovery;
  private final SnapshotStore snapshots;
  private final LogId id;
  private final SnapshotStore.Checked checked;

  /** Reads everything. Finishes or undoes what a change to another log had begun. */
  LogOpening(StorageDirectory directory, LogId newLog) {
    this.directory = directory;
    this.newLog = newLog;
    disk = directory.disk();
    recovery =
        new LogRecovery(
            disk, directory.openedAfter(), directory.isLogBegun(), directory.lastLogEnd());
    snapshots = SnapshotStore.open(disk);
    id = recovery.logId().or(snapshots::newestLog).orElse(newLog);
    if (snapshots.leaveAllBut(id)) {
      disk.forceDirectory(); // What an earlier run has set aside is forced with the state.
    }
    checked = snapshots.check();
  }

  SnapshotStore snapshots() {
    return snapshots;
  }

  /** The newest whole snapshot. */
  Optional<SnapshotStore.Whole> newest() {
    return checked.whole().stream().findFirst();
  }

  /**
   * Asks {@code judge} about what is lost, makes the files a log again, and only then lets the run
   * begin: what is said of the end of the last one stays true for every start that doesn't get
   * here.
   */
  LogStore open(LogLoss.Judge judge, int segmentBytes) {
    var base =
        newest()
            .map(whole -> new LogRecovery.Base(whole.snapshot().index(), whole.snapshot().term()))
            .orElse(new LogRecovery.Base(0, 0));
    LogPlan plan = recovery.plan(id, Optional.of(base), checked.newestDamagedIndex());
    boolean isAgreed = false;
    try {
      Optional<LogLoss> loss = plan.loss().map(why -> loss(why, plan, base));
      if (loss.isPresent() && judge.isAccepted(loss.get())) {
        DamagedFiles.noteLoss(disk, loss.get().why());
      }
      isAgreed = true;
    } finally {
      if (!isAgreed) {
        plan.close();
      }
    }
    LogStore log = LogStore.open(disk, plan, directory, segmentBytes);
    boolean isOpened = false;
    try {
      snapshots.setAside(checked.damaged()); // What that loses is marked.
      directory.begin();
      if (!id.equals(newLog) && !directory.isLogBegun()) {
        // A crash came while the log was begun: nobody has heard of it.
        log.reset(newLog, HardState.INITIAL, 0, 0, List.of());
      }
      isOpened = true;
      return log;
    } finally {
      if (!isOpened) {
        log.close();
      }
    }
  }

  private LogLoss loss(String why, LogPlan plan, LogRecovery.Base base) {
    var parts = new ArrayList<>(checked.damaged());
    parts.add(why);
    return new LogLoss(
        String.join("; ", parts), plan.end(base).lastIndex(), configuration(plan), disk.path(""));
  }

  /** The newest configuration that can be read anywhere. */
  private Configuration configuration(LogPlan plan) {
    for (LogSegment segment : plan.readable().reversed()) {
      Optional<Configuration> last = lastConfiguration(segment);
      if (last.isPresent()) {
        return last.get();
      }
    }
    var names = new ArrayList<String>(checked.damaged());
    checked.whole().stream().map(whole -> whole.snapshot().fileName()).forEach(names::add);
    return names.stream()
        .sorted(java.util.Comparator.reverseOrder())
        .flatMap(name -> snapshots.configuration(name).stream())
        .findFirst()
        .orElseGet(() -> new Configuration(plan.state().voters(), List.of()));
  }

  private static Optional<Configuration> lastConfiguration(LogSegment segment) {
    Optional<Configuration> last = Optional.empty();
    long index = segment.firstIndex();
    while (index < segment.endIndex()) {
      List<LogEntry> batch = new ArrayList<>();
      segment.read(index, READ_BYTES, batch);
      if (batch.isEmpty()) {
        return last;
      }
      for (LogEntry entry : batch) {
        if (entry.kind() == LogEntry.Kind.CONFIGURATION) {
          last = Optional.of(Configuration.of(entry.payload()));
        }
      }
      index += batch.size();
    }
    return last;
  }
}
