package holdfast.storage;

import holdfast.consensus.Recovery;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/** Opens the files of an operation log at start and cuts what isn't right. Used once. */
final class LogRecovery {
  private static final System.Logger LOG = System.getLogger(LogRecovery.class.getName());

  private final Disk disk;
  private final OpenedAfter openedAfter;
  private final LossListener losses;
  private final List<LogSegment> segments = new ArrayList<>();

  LogRecovery(Disk disk, OpenedAfter openedAfter, LossListener losses) {
    this.disk = disk;
    this.openedAfter = openedAfter;
    this.losses = losses;
  }

  /** The segments that are right, in order. */
  List<LogSegment> segments() {
    return segments;
  }

  /** The newest state on disk; empty if there never was one. */
  Optional<LogFormat.State> state() {
    var states = new ArrayList<LogFormat.State>();
    int damagedCount = 0;
    for (int i = 0; i < 2; i++) {
      String name = LogFormat.stateName(i);
      var bytes = SmallFile.read(disk, name);
      if (bytes.isEmpty()) {
        continue;
      }
      var state = LogFormat.readState(bytes.get(), disk.path(name));
      state.ifPresent(states::add);
      damagedCount += state.isEmpty() ? 1 : 0;
    }
    boolean hasSegments = disk.list().stream().anyMatch(n -> LogFormat.segmentNumber(n) >= 0);
    if (states.isEmpty() && hasSegments) {
      throw new StorageException(
          ErrorCode.STORE_FAILED,
          "open log: expected=a readable state file, was=corrupt, path="
              + disk.path(LogFormat.stateName(0))
              + "; check the disk, or give the peer an empty directory: its data is on the others");
    }
    boolean isForgotten = states.isEmpty() && openedAfter != OpenedAfter.FRESH;
    boolean isOneMissing = states.size() == 1 && states.get(0).sequence() > 1;
    if (damagedCount > 0 || isForgotten || isOneMissing) {
      lost("a state file is missing or damaged");
    }
    var newest = states.stream().max((a, b) -> Long.compare(a.sequence(), b.sequence()));
    return states.size() == 1 ? newest.map(this::completePair) : newest;
  }

  /** Writes the file of the pair that is missing or damaged. */
  private LogFormat.State completePair(LogFormat.State newest) {
    var next =
        new LogFormat.State(
            newest.sequence() + 1,
            newest.hard(),
            newest.startIndex(),
            newest.startTerm(),
            newest.lowestSegment());
    SmallFile.replace(disk, LogFormat.stateName(next.sequence()), LogFormat.state(next));
    return next;
  }

  /** Opens the segments from the state's lowest on; deletes those below. */
  void openSegments(LogFormat.State state) {
    Deque<Long> numbers = new ArrayDeque<>();
    for (String name : disk.list()) {
      long number = LogFormat.segmentNumber(name);
      if (number >= state.lowestSegment()) {
        numbers.add(number);
      } else if (number >= 0) {
        leaveOrDelete(name, state.hard().logId());
      }
    }
    boolean isFinished = false;
    try {
      long expectedIndex = state.startIndex() + 1;
      while (!numbers.isEmpty() && openNext(numbers, expectedIndex)) {
        expectedIndex = segments.get(segments.size() - 1).endIndex();
      }
      dropCovered(state);
      isFinished = true;
    } finally {
      if (!isFinished) {
        segments.forEach(LogSegment::close);
      }
    }
  }

  /**
   * What isn't valid any more: of another log it is set aside, else what took its place vouches.
   */
  private void leaveOrDelete(String name, LogId log) {
    byte[] bytes;
    try (var file = disk.open(name, Disk.Mode.READ)) {
      bytes = SmallFile.readUpTo(file, 0, LogFormat.SEGMENT_HEADER_BYTES);
    }
    var header = LogFormat.readSegmentHeader(bytes, disk.path(name));
    if (header.isPresent() && !header.get().logId().equals(log)) {
      disk.rename(name, LogFormat.asideName(header.get().logId(), name));
    } else {
      disk.delete(name);
    }
  }

  /** Opens the next segment; false if the log ends in it or before it. */
  private boolean openNext(Deque<Long> numbers, long expectedIndex) {
    long number = numbers.removeFirst();
    String name = LogFormat.segmentName(number);
    var file = disk.open(name, Disk.Mode.WRITE);
    var header =
        LogFormat.readSegmentHeader(
            SmallFile.readUpTo(file, 0, LogFormat.SEGMENT_HEADER_BYTES), disk.path(name));
    if (header.isEmpty() || !follows(header.get(), expectedIndex)) {
      file.close();
      damaged("header of " + name, true);
      numbers.addFirst(number);
      dropFromHighest(numbers);
      return false;
    }
    var segment = new LogSegment(header.get(), file);
    LogSegment.End end = segment.scan();
    segments.add(segment);
    if (end == LogSegment.End.WHOLE) {
      return true;
    }
    boolean isTail = end == LogSegment.End.TORN && numbers.isEmpty();
    damaged(
        "%s behind entry %d".formatted(name, segment.endIndex() - 1),
        !isTail || openedAfter != OpenedAfter.PROCESS_CRASH);
    dropFromHighest(numbers);
    segment.cutToTail();
    segment.force();
    return false;
  }

  private boolean follows(LogFormat.SegmentHeader header, long expectedIndex) {
    if (segments.isEmpty()) {
      return header.firstIndex() <= expectedIndex;
    }
    var before = segments.get(segments.size() - 1);
    return header.firstIndex() == expectedIndex
        && header.termBefore() == before.lastTerm()
        && header.chainBefore() == before.lastChain();
  }

  /** When what is left after a cut lies before the start, entries can't be put behind it. */
  private void dropCovered(LogFormat.State state) {
    if (!segments.isEmpty() && segments.get(segments.size() - 1).endIndex() <= state.startIndex()) {
      var numbers = new ArrayDeque<Long>();
      segments.forEach(segment -> numbers.add(segment.number()));
      segments.forEach(LogSegment::close);
      segments.clear();
      dropFromHighest(numbers);
    }
  }

  /** One by one, so that what is on disk is a prefix at every moment. */
  private void dropFromHighest(Deque<Long> numbers) {
    while (!numbers.isEmpty()) {
      disk.delete(LogFormat.segmentName(numbers.removeLast()));
      disk.forceDirectory();
    }
  }

  private void damaged(String where, boolean isLoss) {
    var level = isLoss ? System.Logger.Level.WARNING : System.Logger.Level.DEBUG;
    LOG.log(level, "cut log: opened after " + openedAfter + ", " + where);
    if (isLoss) {
      lost(where);
    }
  }

  /** After a system crash the directory has the mark already. */
  private void lost(String what) {
    if (openedAfter != OpenedAfter.SYSTEM_CRASH) {
      losses.lost(Recovery.Cause.DAMAGE, false, what);
    }
  }
}
