package holdfast.storage;

import holdfast.consensus.Endpoint;
import holdfast.consensus.HardState;
import holdfast.model.LogId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads the files of an operation log at start and decides what of them is the log. Changes nothing
 * but a twin of the state file that is damaged: {@link LogPlan} does. Used once.
 */
final class LogRecovery {
  private final Disk disk;
  private final OpenedAfter openedAfter;
  private final boolean wasBegun;
  private final Optional<DirectoryFormat.LogEnd> cleanEnd;
  private final PairFile stateFile;
  private final Optional<LogFormat.State> stored;
  private final List<String> losses = new ArrayList<>();

  /**
   * Reads the state.
   *
   * @param wasBegun whether a log was ever begun here
   * @param cleanEnd where the log ended at the clean end of the last run, if it was one
   */
  LogRecovery(
      Disk disk,
      OpenedAfter openedAfter,
      boolean wasBegun,
      Optional<DirectoryFormat.LogEnd> cleanEnd) {
    this.disk = disk;
    this.openedAfter = openedAfter;
    this.wasBegun = wasBegun;
    this.cleanEnd = cleanEnd;
    stateFile = new PairFile(disk, LogFormat.STATE);
    String path = disk.path(LogFormat.STATE.name());
    stored = stateFile.load().map(bytes -> LogFormat.readState(bytes, path));
  }

  /** An entry that a whole snapshot covers, with all before it; (0, 0) is the log's beginning. */
  record Base(long index, long term) {}

  /** One file. */
  record Item(long number, String name, Optional<LogSegment> segment, LogSegment.End end) {
    boolean isWhole() {
      return end == LogSegment.End.WHOLE;
    }
  }

  /** The log's id, from its state, else from its highest segment that says it. */
  Optional<LogId> logId() {
    if (stored.isPresent()) {
      return stored.map(LogFormat.State::logId);
    }
    Optional<LogId> found = Optional.empty();
    for (String name : disk.list()) {
      if (LogFormat.segmentNumber(name) >= 0) {
        Optional<LogId> of = header(name).map(LogFormat.SegmentHeader::logId);
        found = hasEntries(name) ? of.or(keep(found)) : found.or(keep(of));
      }
    }
    return found;
  }

  /** One without may have been made for a log that wasn't begun any more. */
  private boolean hasEntries(String name) {
    try (var file = disk.open(name, Disk.Mode.READ)) {
      return file.size() > LogFormat.SEGMENT_HEADER_BYTES;
    }
  }

  private static java.util.function.Supplier<Optional<LogId>> keep(Optional<LogId> found) {
    return () -> found;
  }

  private Optional<LogFormat.SegmentHeader> header(String name) {
    try (var file = disk.open(name, Disk.Mode.READ)) {
      byte[] bytes = SmallFile.readUpTo(file, 0, LogFormat.SEGMENT_HEADER_BYTES);
      return LogFormat.readSegmentHeader(bytes, disk.path(name));
    }
  }

  /**
   * What to do to the files so that they are a log again.
   *
   * @param id of the log
   * @param given the newest whole snapshot, or the beginning where there is none; empty: the state
   *     is believed
   * @param leastIndex the log must reach to here, or something is lost
   */
  LogPlan plan(LogId id, Optional<Base> given, long leastIndex) {
    var items = new ArrayList<Item>();
    var outdated = new ArrayList<String>();
    boolean isPlanned = false;
    try {
      for (String name : disk.list()) {
        long number = LogFormat.segmentNumber(name);
        if (number >= stored.map(LogFormat.State::lowestSegment).orElse(0L)) {
          items.add(item(number, name));
        } else if (number >= 0) {
          outdated.add(name);
        }
      }
      LogPlan plan = plan(id, given, leastIndex, List.copyOf(items), outdated);
      isPlanned = true;
      return plan;
    } finally {
      if (!isPlanned) {
        items.forEach(item -> item.segment().ifPresent(LogSegment::close));
      }
    }
  }

  private Item item(long number, String name) {
    Optional<LogFormat.SegmentHeader> header = header(name);
    if (header.isEmpty() || header.get().number() != number) {
      return new Item(number, name, Optional.empty(), LogSegment.End.DAMAGED);
    }
    var segment = new LogSegment(header.get(), disk.open(name, Disk.Mode.WRITE));
    return new Item(number, name, Optional.of(segment), segment.scan());
  }

  private LogPlan plan(
      LogId id, Optional<Base> given, long leastIndex, List<Item> all, List<String> outdated) {
    List<Item> unused = all.stream().filter(this::isUnused).toList();
    List<Item> items = all.stream().filter(item -> !unused.contains(item)).toList();
    long nextSegment = nextSegment(all);
    List<List<Item>> runs = runs(items);
    Base base = given.orElseGet(() -> believed(runs));
    List<Item> kept =
        runs.reversed().stream().filter(run -> holds(run, base)).findFirst().orElse(List.of());
    var plan = new LogPlan(disk, openedAfter, stateFile, all, kept, outdated);
    unused.forEach(plan::drop);
    noteState(items);
    if (kept.isEmpty()) {
      noteUnused(plan, runs, items, base);
    } else {
      noteBehind(plan, items, kept.getLast());
      Item first = kept.getFirst();
      items.stream().filter(item -> item.number() < first.number()).forEach(plan::setAside);
    }
    DirectoryFormat.LogEnd end = plan.end(base);
    if (kept.isEmpty() && runs.stream().anyMatch(run -> isContradicted(run, base))) {
      noteLeast(end, leastIndex);
    } else {
      noteEnd(end, !kept.isEmpty());
      noteLeast(end, leastIndex);
    }
    LogFormat.State next = state(id, base, end, nextSegment, kept);
    plan.state(next, stored.filter(next::equals).isPresent(), nextSegment);
    plan.losses(losses, stored.isEmpty());
    return plan;
  }

  /**
   * Whether this segment was made, and the state that was to name it not written any more: no entry
   * was ever written to it.
   */
  private boolean isUnused(Item item) {
    return stored.isPresent()
        && item.number() > stored.get().highestSegment()
        && item.isWhole()
        && item.segment().filter(segment -> segment.firstIndex() == segment.endIndex()).isPresent();
  }

  /** Without a word from snapshots: the log begins where its state says, or its first segment. */
  private Base believed(List<List<Item>> runs) {
    if (stored.isPresent()) {
      return new Base(stored.get().startIndex(), stored.get().startTerm());
    }
    if (runs.isEmpty()) {
      return new Base(0, 0);
    }
    LogSegment first = first(runs.getLast());
    return new Base(first.firstIndex() - 1, first.termBefore());
  }

  /** The segments in groups, in each of which one follows the other without a gap. */
  private static List<List<Item>> runs(List<Item> items) {
    var runs = new ArrayList<List<Item>>();
    Item before = null;
    for (Item item : items) {
      if (item.segment().isPresent()) {
        boolean goesOn =
            before != null
                && before.isWhole()
                && before.segment().isPresent()
                && item.segment().get().follows(before.segment().get());
        if (!goesOn) {
          runs.add(new ArrayList<>());
        }
        runs.getLast().add(item);
      }
      before = item;
    }
    return runs;
  }

  private static LogSegment first(List<Item> run) {
    return run.getFirst().segment().orElseThrow();
  }

  private static long lastIndex(List<Item> run) {
    return run.getLast().segment().orElseThrow().endIndex() - 1;
  }

  private static boolean holds(List<Item> run, Base base) {
    return first(run).firstIndex() - 1 <= base.index()
        && lastIndex(run) >= base.index()
        && term(run, base.index()) == base.term();
  }

  private static long term(List<Item> run, long index) {
    if (index == first(run).firstIndex() - 1) {
      return first(run).termBefore();
    }
    var segments = run.stream().map(item -> item.segment().orElseThrow()).toList();
    return LogSegment.holding(segments, index).term(index);
  }

  private void noteState(List<Item> items) {
    boolean wasThere = wasBegun || stateFile.exists() || !items.isEmpty();
    if (stored.isEmpty() && wasThere) {
      losses.add("both copies of log.state are missing or damaged");
    }
    stored
        .filter(state -> state.highestSegment() >= state.lowestSegment())
        .map(LogFormat.State::highestSegment)
        .filter(number -> items.stream().noneMatch(item -> item.number() == number))
        .ifPresent(number -> losses.add(LogFormat.segmentName(number) + " is missing"));
  }

  /** No segment joins on to the base: they are older than it, or there is a gap. */
  private void noteUnused(LogPlan plan, List<List<Item>> runs, List<Item> items, Base base) {
    for (Item item : items) {
      boolean isOlder =
          runs.stream().anyMatch(run -> run.contains(item) && isSuperseded(run, items, base));
      if (isOlder) {
        plan.drop(item);
      } else {
        losses.add(item.name() + " doesn't join on to entry " + base.index());
        plan.setAside(item);
      }
    }
    stored
        .filter(state -> state.startIndex() > base.index())
        .ifPresent(
            state ->
                losses.add(
                    "no whole snapshot covers entry %d, where the log begins"
                        .formatted(state.startIndex())));
  }

  /** What the snapshot covers, or contradicts: it holds what was committed. */
  private boolean isSuperseded(List<Item> run, List<Item> items, Base base) {
    Item last = run.getLast();
    boolean isTail = last.equals(items.getLast()) && isCutShort(last);
    boolean isKnown = last.isWhole() || isTail;
    boolean isBehind = first(run).firstIndex() - 1 > base.index();
    return isKnown && !isBehind;
  }

  /** Whether the end of this file may be a write that a crash cut short. */
  private boolean isCutShort(Item item) {
    LogSegment segment = item.segment().orElseThrow();
    return switch (openedAfter) {
      case FRESH, CLEAN -> false;
      case PROCESS_CRASH -> item.end() == LogSegment.End.TORN && !segment.hasEntryBehind();
      case SYSTEM_CRASH ->
          item.end() == LogSegment.End.TORN
              || item.end() == LogSegment.End.DAMAGED && segment.hasHole();
    };
  }

  /** What lies behind the last entry that joins on. */
  private void noteBehind(LogPlan plan, List<Item> items, Item last) {
    LogSegment segment = last.segment().orElseThrow();
    boolean isHighest = last.equals(items.getLast());
    if (!last.isWhole()) {
      boolean isCutShort = isHighest && isCutShort(last);
      if (!isCutShort) {
        losses.add("%s behind entry %d".formatted(last.name(), segment.endIndex() - 1));
      }
      boolean mayBeRecord =
          segment.hasEntryBehind()
              || last.end() == LogSegment.End.DAMAGED && !segment.endsInZeros();
      plan.cut(!isCutShort || mayBeRecord);
    }
    for (Item item : items) {
      if (item.number() > last.number()) {
        losses.add("%s can't follow entry %d".formatted(item.name(), segment.endIndex() - 1));
        plan.setAside(item);
      }
    }
  }

  /**
   * Whether the snapshot has another entry than these where it ends: it came from a leader, and the
   * log was about to begin anew behind it. What is missing now was never committed. <i>Event: a
   * leader that was cut off has forced entries nobody else has; it gets a snapshot, and is killed
   * before it has dropped them.</i>
   */
  private static boolean isContradicted(List<Item> run, Base base) {
    boolean isInside =
        first(run).firstIndex() - 1 <= base.index() && lastIndex(run) >= base.index();
    return isInside && term(run, base.index()) != base.term();
  }

  private void noteLeast(DirectoryFormat.LogEnd end, long leastIndex) {
    if (end.lastIndex() < leastIndex) {
      losses.add("a snapshot of entry %d was here".formatted(leastIndex));
    }
  }

  private void noteEnd(DirectoryFormat.LogEnd end, boolean hasEntries) {
    if (openedAfter == OpenedAfter.CLEAN && cleanEnd.isPresent()) {
      var clean = cleanEnd.get();
      boolean isShorter = end.lastIndex() < clean.lastIndex();
      if (isShorter || hasEntries && !end.equals(clean)) {
        losses.add(
            "the log ends at entry %d of term %d, at the clean end of the last run at %d of %d"
                .formatted(end.lastIndex(), end.lastTerm(), clean.lastIndex(), clean.lastTerm()));
      }
    }
    // After the machine went down entries that weren't forced may be missing, committed or not.
    long committed = stored.map(state -> state.hard().committedIndex()).orElse(0L);
    if (end.lastIndex() < committed && openedAfter != OpenedAfter.SYSTEM_CRASH) {
      losses.add("entry %d was committed".formatted(committed));
    }
    long forced = stored.map(LogFormat.State::forcedIndex).orElse(0L);
    if (end.lastIndex() < forced) {
      losses.add(
          "the log ends at entry %d, and was on the disk up to %d"
              .formatted(end.lastIndex(), forced));
    }
  }

  /** The number above all that are in use or were. */
  private long nextSegment(List<Item> items) {
    long number = stored.map(LogFormat.State::highestSegment).orElse(0L);
    number = Math.max(number, stored.map(LogFormat.State::lowestSegment).orElse(1L) - 1);
    for (Item item : items) {
      number = Math.max(number, item.number());
    }
    return number + 1;
  }

  private LogFormat.State state(
      LogId id, Base base, DirectoryFormat.LogEnd end, long nextSegment, List<Item> kept) {
    HardState hard =
        stored
            .map(state -> committedUpTo(end.lastIndex(), state.hard()))
            .orElseGet(
                () -> new HardState(Math.max(end.lastTerm(), base.term()), Optional.empty()));
    // No more yet: a power cut now may leave the segment as it was before it is put into a new
    // file.
    long forced = Math.min(end.lastIndex(), stored.map(LogFormat.State::forcedIndex).orElse(0L));
    List<Endpoint> voters = stored.map(LogFormat.State::voters).orElse(List.of());
    if (kept.isEmpty()) {
      return new LogFormat.State(
          id, hard, voters, base.index(), base.term(), nextSegment, nextSegment - 1, forced);
    }
    long firstStart = first(kept).firstIndex() - 1;
    long start = stored.map(LogFormat.State::startIndex).orElse(firstStart);
    start = Math.max(firstStart, Math.min(start, base.index()));
    return new LogFormat.State(
        id,
        hard,
        voters,
        start,
        term(kept, start),
        kept.getFirst().number(),
        kept.getLast().number(),
        forced);
  }

  /** The same of a log that ends at this index: a loss is reported once, not at every start. */
  private static HardState committedUpTo(long lastIndex, HardState hard) {
    return new HardState(
        hard.term(), hard.votedFor(), Math.min(hard.committedIndex(), lastIndex), hard.promised());
  }
}
