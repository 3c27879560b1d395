package holdfast.storage;

import holdfast.consensus.Endpoint;
import holdfast.consensus.HardState;
import holdfast.consensus.LogEntry;
import holdfast.consensus.Recovery;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.util.Invariants;
import java.util.List;
import java.util.Optional;

/**
 * The operation log on disk: entries with consecutive indexes behind a start point, and the hard
 * state beside them. Synchronous, unlike {@link DiskLog} above it.
 *
 * <p>Every method but the plain accessors may block on the disk and throws {@link
 * StorageException}. Safe on several threads; {@link #force} doesn't hold up {@link #append}. After
 * a failed write or force (a full disk is none) the {@link LossListener} knows, and every further
 * call throws STORE_FAILED: the peer's part in consensus ends at once. Nothing is retried.
 */
public final class LogStore implements AutoCloseable {
  /** The largest {@link #append}; an entry counts {@value LogFormat#ENTRY_HEADER_BYTES} more. */
  public static final int BATCH_BYTES_MAX = LogFormat.BATCH_BYTES_MAX;

  /** The usual size of a segment. */
  public static final int SEGMENT_BYTES_DEFAULT = LogFormat.SEGMENT_BYTES_DEFAULT;

  private static final System.Logger LOG = System.getLogger(LogStore.class.getName());

  private final Disk disk;
  private final LossListener losses;
  private final int segmentBytes;

  /** Guards all that follows. */
  private final LogLocks locks = new LogLocks();

  private final LogSegments segments;
  private final PairFile stateFile;
  private LogFormat.State state;
  private long forcedIndex;
  private volatile long sizeBytes;
  private long nextSegment;
  private Optional<StorageException> failure = Optional.empty();
  private boolean isClosed;

  private LogStore(Disk disk, LossListener losses, int segmentBytes, LogPlan plan) {
    this.disk = disk;
    this.losses = losses;
    this.segmentBytes = segmentBytes;
    this.stateFile = plan.stateFile();
    this.state = plan.state();
    this.segments = new LogSegments(disk, plan.segments());
    this.nextSegment = plan.nextSegment();
    this.forcedIndex = lastIndexLocked();
  }

  /**
   * Opens the log that a start has decided upon. Cuts a torn tail. If anything else is damaged, the
   * loss is reported first, then what is damaged is set aside. All that is found is durable when
   * this returns.
   *
   * @param segmentBytes size at which a new file is begun; {@link #SEGMENT_BYTES_DEFAULT}
   */
  static LogStore open(Disk disk, LogPlan plan, LossListener losses, int segmentBytes) {
    boolean isOpened = false;
    try {
      plan.carryOut(losses);
      var store = new LogStore(disk, losses, segmentBytes, plan);
      isOpened = true;
      return store;
    } finally {
      if (!isOpened) {
        plan.close();
      }
    }
  }

  /** The log that this is. */
  public LogId logId() {
    return locks.locked(() -> state.logId());
  }

  /** The hard state, as last saved. */
  public HardState hardState() {
    return locks.locked(() -> state.hard());
  }

  /** Saves term and vote; durable when this returns. */
  public void saveHardState(HardState hard) {
    locks.locked(
        () -> {
          requireUsable();
          HardState before = state.hard();
          Invariants.check(
              hard.term() >= before.term(),
              "terms only grow, was=%s after %s",
              hard.term(),
              before.term());
          saveState(state.with(hard));
          return state;
        });
  }

  /** Saves who votes by the newest configuration; durable when this returns. */
  void saveVoters(List<Endpoint> voters) {
    locks.withoutForces(
        () -> {
          requireUsable();
          if (!state.voters().equals(voters)) {
            saveState(state.withVoters(List.copyOf(voters)));
          }
        });
  }

  /** Index of the last entry that was dropped from the beginning, 0 if none was. */
  public long startIndex() {
    return locks.locked(() -> state.startIndex());
  }

  /** Index of the last entry; {@link #startIndex} if there is none. */
  public long lastIndex() {
    return locks.locked(() -> lastIndexLocked());
  }

  /** Where it ends. */
  DirectoryFormat.LogEnd end() {
    return locks.locked(
        () ->
            new DirectoryFormat.LogEnd(lastIndexLocked(), lastTermLocked(), segments.lastChain()));
  }

  /** The highest index that is known to be durable, with all before it. */
  public long forcedIndex() {
    return locks.locked(() -> forcedIndex);
  }

  /** Bytes its files take on disk, or took a moment ago: waits for nobody. */
  public long diskBytes() {
    if (locks.state.tryLock()) {
      try {
        sizeBytes = segments.sizeBytes();
      } finally {
        locks.state.unlock();
      }
    }
    return sizeBytes;
  }

  /** Term of an entry from {@link #startIndex} to {@link #lastIndex}; doesn't read the disk. */
  public long term(long index) {
    return locks.locked(() -> termLocked(index));
  }

  private long termLocked(long index) {
    Invariants.check(
        index >= state.startIndex() && index <= lastIndexLocked(),
        "index from %s to %s, was=%s",
        state.startIndex(),
        lastIndexLocked(),
        index);
    return index == state.startIndex() ? state.startTerm() : segments.term(index);
  }

  /**
   * Writes entries behind the last; durable after the next {@link #force}. All or, after an
   * exception, none of them.
   *
   * @param entries the next indexes, terms not falling, {@value #BATCH_BYTES_MAX} bytes at most
   * @throws StorageException NO_SPACE: nothing was lost, the log can go on; STORE_FAILED
   */
  public void append(List<LogEntry> entries) {
    locks.locked(
        () -> {
          requireUsable();
          int batchBytes = LogSegments.checkBatch(entries, lastIndexLocked(), lastTermLocked());
          if (entries.isEmpty()) {
            return;
          }
          LogSegment segment = segmentFor(batchBytes);
          try {
            segment.append(entries);
          } catch (StorageException e) {
            throw afterFailedAppend(segment, e);
          }
        });
  }

  /**
   * Returns when all entries appended before the call are durable.
   *
   * @return the index up to which they are
   * @throws StorageException STORE_FAILED; never retried
   */
  public long force() {
    locks.force.lock();
    try {
      LogSegment segment;
      long target;
      locks.state.lock();
      try {
        requireUsable();
        if (segments.isEmpty() || forcedIndex == lastIndexLocked()) {
          forcedIndex = lastIndexLocked();
          return forcedIndex;
        }
        segment = segments.last();
        target = lastIndexLocked();
      } finally {
        locks.state.unlock();
      }
      forceOrFail(segment);
      return locks.locked(
          () -> {
            requireUsable();
            forcedIndex = Math.max(forcedIndex, target);
            return forcedIndex;
          });
    } finally {
      locks.force.unlock();
    }
  }

  /**
   * Notes beside the log how far it is forced: a later start that finds less knows that something
   * was lost. Durable when this returns, or the log says why not: then it goes on, and the next
   * save puts the state into new files. Every save of the state notes it, too.
   */
  void noteForced() {
    locks.locked(
        () -> {
          if (failure.isPresent() || isClosed || state.forcedIndex() >= forcedIndex) {
            return;
          }
          LogFormat.State noted = state.forcedUpTo(forcedIndex);
          try {
            stateFile.overwrite(sequence -> LogFormat.state(sequence, noted));
          } catch (StorageException e) {
            LOG.log(System.Logger.Level.WARNING, "note how far log is forced: " + e.getMessage());
            return;
          }
          state = noted;
        });
  }

  /**
   * Reads entries from an index on: as many as fit {@code maxBytes}, at least one; none if the
   * index is behind the last. Each is checked against what was written.
   *
   * @param fromIndex above {@link #startIndex}
   */
  public List<LogEntry> read(long fromIndex, int maxBytes) {
    return locks.locked(
        () -> {
          requireUsable();
          Invariants.check(
              fromIndex > state.startIndex(),
              "index above %s, was=%s",
              state.startIndex(),
              fromIndex);
          return segments
              .read(fromIndex, lastIndexLocked(), maxBytes)
              .orElseThrow(() -> fail(otherEntries(fromIndex)));
        });
  }

  private static StorageException otherEntries(long index) {
    return new StorageException(
        ErrorCode.STORE_FAILED,
        "read log: expected=entries as written, was=others, index=" + index);
  }

  /** Drops the entries from an index on; durable when this returns. */
  public void truncateFrom(long index) {
    locks.withoutForces(
        () -> {
          requireUsable();
          Invariants.check(
              index > state.startIndex(), "index above %s, was=%s", state.startIndex(), index);
          forcedIndex = Math.min(forcedIndex, index - 1);
          cutFrom(index);
        });
  }

  /**
   * Makes an entry the start, dropping all up to it; durable when this returns. Only when a
   * snapshot that covers it is durable. An index at or before the start does nothing.
   */
  public void truncatePrefix(long upToIndex) {
    locks.withoutForces(
        () -> {
          requireUsable();
          if (upToIndex <= state.startIndex()) {
            return;
          }
          long startTerm = term(upToIndex);
          int dropCount = segments.countBefore(upToIndex + 1);
          long lowest =
              dropCount < segments.count() ? segments.get(dropCount).number() : nextSegment;
          saveState(state.startingAt(upToIndex, startTerm, lowest));
          orFail(() -> segments.dropLowest(dropCount));
          forcedIndex = Math.max(forcedIndex, upToIndex);
        });
  }

  /**
   * Drops everything and starts anew behind (startIndex, startTerm): a snapshot from elsewhere was
   * installed, or another log is followed. Durable when this returns, atomically.
   */
  public void reset(
      LogId id, HardState hard, long startIndex, long startTerm, List<Endpoint> voters) {
    locks.withoutForces(
        () -> {
          requireUsable();
          Optional<LogSegment> first = startAnew(id, hard, startIndex, startTerm, voters);
          orFail(() -> segments.dropLowest(segments.count()));
          first.ifPresent(segments::add);
        });
  }

  /**
   * As {@link #reset} to another log, but what this one holds is set aside, not dropped: under its
   * new names durably with the next force of the directory, under the old ones until then.
   */
  void leave(LogId id, HardState hard, SnapshotMeta base) {
    locks.withoutForces(
        () -> {
          requireUsable();
          if (forcedIndex < lastIndexLocked()) {
            // What is kept is kept whole: nobody forces it later. The segments before were forced.
            forceOrFail(segments.last());
          }
          LogId left = state.logId();
          Optional<LogSegment> first =
              startAnew(id, hard, base.index(), base.term(), base.configuration().voters());
          orFail(() -> segments.setAside(left));
          first.ifPresent(segments::add);
        });
  }

  /**
   * From now on the log has no entry, durably. Behind a snapshot its first segment is made before,
   * and returned: one write of the state names both. Until then it is a file of no log, which a
   * start deletes.
   */
  private Optional<LogSegment> startAnew(
      LogId id, HardState hard, long startIndex, long startTerm, List<Endpoint> voters) {
    Optional<LogSegment> first = Optional.empty();
    boolean isDone = false;
    try {
      long lowest = nextSegment;
      if (startIndex > 0) {
        first =
            Optional.of(
                create(new LogFormat.SegmentHeader(lowest, startIndex + 1, startTerm, 0, id)));
      }
      forcedIndex = startIndex;
      saveState(
          new LogFormat.State(
              id, hard, List.copyOf(voters), startIndex, startTerm, lowest, nextSegment - 1, 0));
      isDone = true;
      return first;
    } finally {
      if (!isDone) {
        first.ifPresent(LogSegment::close);
      }
    }
  }

  /** Lets the files go. Forces nothing: {@link #force} first. */
  @Override
  public void close() {
    locks.withoutForces(
        () -> {
          isClosed = true;
          segments.close();
        });
  }

  private StorageException afterFailedAppend(LogSegment segment, StorageException e) {
    if (e.code() != ErrorCode.NO_SPACE) {
      return fail(e);
    }
    try {
      segment.cutToTail();
      return e;
    } catch (StorageException cut) {
      e.addSuppressed(cut);
      return fail(e);
    }
  }

  /** The segment a batch goes to. The one before is forced when a new one is begun. */
  private LogSegment segmentFor(int batchBytes) {
    if (!segments.isEmpty()) {
      LogSegment last = segments.last();
      boolean isEmpty = last.tailBytes() == LogFormat.SEGMENT_HEADER_BYTES;
      if (isEmpty || last.tailBytes() + batchBytes <= segmentBytes) {
        return last;
      }
      forceOrFail(last);
      forcedIndex = lastIndexLocked();
    }
    var header =
        new LogFormat.SegmentHeader(
            nextSegment,
            lastIndexLocked() + 1,
            lastTermLocked(),
            segments.lastChain(),
            state.logId());
    LogSegment created = create(header);
    segments.add(created);
    saveState(state.withHighest(created.number()));
    return created;
  }

  private LogSegment create(LogFormat.SegmentHeader header) {
    try {
      LogSegment created = LogSegment.create(disk, header);
      nextSegment++;
      return created;
    } catch (StorageException e) {
      throw e.code() == ErrorCode.NO_SPACE ? e : fail(e);
    }
  }

  private void cutFrom(long index) {
    int keep = segments.countBegunBefore(index);
    if (keep < segments.count() || state.forcedIndex() > forcedIndex) {
      // First: from the moment that one is cut or deleted none of it needs to be there any more.
      saveState(state.withHighest(keep == 0 ? 0 : segments.get(keep - 1).number()));
    }
    orFail(
        () -> {
          segments.dropHighest(keep);
          if (!segments.isEmpty()) {
            segments.last().cutFrom(index);
            segments.last().force();
          }
        });
  }

  private void orFail(Runnable change) {
    try {
      change.run();
    } catch (StorageException e) {
      throw fail(e);
    }
  }

  private void saveState(LogFormat.State next) {
    LogFormat.State noted = next.forcedUpTo(forcedIndex);
    try {
      stateFile.overwrite(sequence -> LogFormat.state(sequence, noted));
    } catch (StorageException e) {
      throw fail(e);
    }
    state = noted;
  }

  private void forceOrFail(LogSegment segment) {
    try {
      segment.force();
    } catch (StorageException e) {
      throw locks.locked(() -> fail(e));
    }
  }

  private StorageException fail(StorageException e) {
    if (failure.isEmpty()) {
      failure = Optional.of(e);
      losses.lost(Recovery.Cause.POWER_CUT, false, e.getMessage());
    }
    return e;
  }

  private void requireUsable() {
    if (failure.isPresent()) {
      throw new StorageException(
          ErrorCode.STORE_FAILED,
          "use log: expected=a log without a failure, was=" + failure.get().getMessage(),
          failure.get());
    }
    if (isClosed) {
      throw new StorageException(ErrorCode.SHUTTING_DOWN, "use log: expected=open, was=closed");
    }
  }

  private long lastIndexLocked() {
    return segments.isEmpty()
        ? state.startIndex()
        : Math.max(state.startIndex(), segments.last().endIndex() - 1);
  }

  private long lastTermLocked() {
    return lastIndexLocked() == state.startIndex() ? state.startTerm() : segments.last().lastTerm();
  }
}
