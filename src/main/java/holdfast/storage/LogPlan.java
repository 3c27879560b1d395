package holdfast.storage;

import holdfast.consensus.Recovery;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The changes that make a log of what recovery found: nothing is changed before {@link #carryOut},
 * so that a peer may still refuse to start. Used once.
 */
final class LogPlan implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(LogPlan.class.getName());

  private final Disk disk;
  private final OpenedAfter openedAfter;
  private final PairFile stateFile;
  private final List<LogRecovery.Item> items;
  private final List<LogRecovery.Item> kept;
  private final List<String> outdated;
  private final List<LogRecovery.Item> asides = new ArrayList<>();
  private final List<LogRecovery.Item> drops = new ArrayList<>();
  private List<String> losses = List.of();
  private boolean isVoteLost;
  private boolean isCut;
  private boolean isCopied;
  private LogFormat.State state;
  private boolean isStateSaved;
  private long nextSegment;

  LogPlan(
      Disk disk,
      OpenedAfter openedAfter,
      PairFile stateFile,
      List<LogRecovery.Item> items,
      List<LogRecovery.Item> kept,
      List<String> outdated) {
    this.disk = disk;
    this.openedAfter = openedAfter;
    this.stateFile = stateFile;
    this.items = items;
    this.kept = kept;
    this.outdated = outdated;
  }

  void setAside(LogRecovery.Item item) {
    asides.add(item);
  }

  void drop(LogRecovery.Item item) {
    drops.add(item);
  }

  /** The last segment is cut behind its last entry; {@code copied}: it is kept as it is, too. */
  void cut(boolean copied) {
    isCut = true;
    isCopied = copied;
  }

  /** {@code isSaved}: that is what the state file holds. */
  void state(LogFormat.State next, boolean isSaved, long freeSegment) {
    state = next;
    isStateSaved = isSaved;
    nextSegment = freeSegment;
  }

  void losses(List<String> found, boolean voteLost) {
    losses = List.copyOf(found);
    isVoteLost = voteLost;
    if (!losses.isEmpty()) {
      asides.addAll(drops); // Evidence: were a snapshot damaged too, they would be what is left.
      drops.clear();
    }
  }

  /** What is lost, for people; empty if nothing is. */
  Optional<String> loss() {
    return losses.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", losses));
  }

  PairFile stateFile() {
    return stateFile;
  }

  LogFormat.State state() {
    return state;
  }

  /** The number above all that were ever given, as far as is known. */
  long nextSegment() {
    return nextSegment;
  }

  /** The segments of the log, in order. */
  List<LogSegment> segments() {
    return kept.stream().map(item -> item.segment().orElseThrow()).toList();
  }

  /** All segments whose header can be read, of the log or not. */
  List<LogSegment> readable() {
    return items.stream().flatMap(item -> item.segment().stream()).toList();
  }

  /** Where the log will end. */
  DirectoryFormat.LogEnd end(LogRecovery.Base base) {
    if (kept.isEmpty()) {
      return new DirectoryFormat.LogEnd(base.index(), base.term(), 0);
    }
    LogSegment last = kept.getLast().segment().orElseThrow();
    return new DirectoryFormat.LogEnd(last.endIndex() - 1, last.lastTerm(), last.lastChain());
  }

  /**
   * Reports the loss first, sets aside what is damaged, from the end of the log on, cuts the end,
   * then writes the state, if it is another, and deletes what has been superseded. Where the last
   * run didn't end cleanly the last segment and the state are put into new files in any case:
   * nothing relies on what an earlier process wrote and perhaps couldn't force.
   */
  void carryOut(LossListener listener) {
    loss().ifPresent(why -> listener.lost(Recovery.Cause.DAMAGE, isVoteLost, why));
    for (LogRecovery.Item item : fromHighest(asides)) {
      close(item);
      told(item.name(), DamagedFiles.setAside(disk, item.name()));
    }
    if (isCopied) {
      String name = kept.getLast().name();
      told(name, DamagedFiles.copyAside(disk, name));
    }
    boolean isClean = openedAfter == OpenedAfter.CLEAN && loss().isEmpty();
    boolean isRewritten = isCut || !isClean;
    if (!kept.isEmpty() && isRewritten) {
      kept.getLast().segment().orElseThrow().rewrite(disk);
    }
    if (isStateSaved && !isRewritten) {
      stateFile.keep();
    } else {
      // Forces the segment's name, too. Of the two either may be the old one after a power cut.
      stateFile.replace(sequence -> LogFormat.state(sequence, state));
    }
    outdated.forEach(this::leaveOrDelete);
    for (LogRecovery.Item item : fromHighest(drops)) {
      close(item);
      disk.delete(item.name());
    }
  }

  private static List<LogRecovery.Item> fromHighest(List<LogRecovery.Item> some) {
    return some.stream()
        .sorted(Comparator.comparingLong(LogRecovery.Item::number).reversed())
        .toList();
  }

  private void told(String name, String aside) {
    LOG.log(
        System.Logger.Level.WARNING,
        "{0} is damaged or can''t be used: kept as {1}",
        disk.path(name),
        aside);
  }

  /**
   * What isn't valid any more: of another log it is set aside, else what took its place vouches. It
   * may be of another log too where it doesn't say of which: then it is kept as well.
   */
  private void leaveOrDelete(String name) {
    byte[] bytes;
    try (var file = disk.open(name, Disk.Mode.READ)) {
      bytes = SmallFile.readUpTo(file, 0, LogFormat.SEGMENT_HEADER_BYTES);
    }
    var header = LogFormat.readSegmentHeader(bytes, disk.path(name));
    if (header.isEmpty()) {
      told(name, DamagedFiles.setAside(disk, name));
    } else if (!header.get().logId().equals(state.logId())) {
      disk.rename(name, LogFormat.asideName(header.get().logId(), name));
    } else {
      disk.delete(name);
    }
  }

  private static void close(LogRecovery.Item item) {
    item.segment().ifPresent(LogSegment::close);
  }

  /** Lets all files go. */
  @Override
  public void close() {
    items.forEach(LogPlan::close);
  }
}
