package holdfast.storage;

import holdfast.consensus.Configuration;
import holdfast.consensus.Endpoint;
import holdfast.consensus.HardState;
import holdfast.consensus.InitialState;
import holdfast.consensus.LogEntry;
import holdfast.consensus.Recovery;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ChunkLoss;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.port.Loop;
import holdfast.port.OperationLog;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;

/**
 * The {@link holdfast.port.OperationLog} on disk, over log store and snapshots: writes run one at a
 * time on one executor, so in the order of the calls; snapshots on another, what is known of other
 * peers on a third; outcomes come on the loop.
 */
public final class DiskLog implements OperationLog {
  /** The id in the files of a directory whose log hasn't begun. */
  private static final LogId NO_LOG = new LogId(0, 0);

  private static final int READ_BYTES = 1 << 20;

  private final LogStore log;
  private final SnapshotFiles snapshots;
  private final KnownRunsFile knownRuns;
  private final BestEffortWrites beside;
  private final StorageDirectory directory;
  private final Executor logDisk;
  private final Executor snapshotDisk;
  private final Loop loop;
  private final Recovered found;

  /** The first failure of a write: every later one fails too. */
  private volatile Throwable failed;

  /**
   * Log id as the files have it; after opening changed on the log's executor only, before snapshots
   * of the log that is left are set aside: from then on none of it gets its name.
   */
  private volatile LogId logId;

  /**
   * What the disk's work runs on, each one task at a time, in order; nothing of one waits for
   * another's, but a change of logs and a compaction for a snapshot that just gets its name.
   *
   * @param known what is known of other peers
   */
  public record Threads(Executor log, Executor snapshots, Executor known) {}

  /**
   * Opens log and snapshots of a directory; all that they hold is durable when this returns. What
   * is damaged is set aside; what that loses has been reported to the directory then. Blocks.
   */
  public static DiskLog open(
      StorageDirectory directory, int segmentBytes, Threads threads, Loop loop) {
    return open(directory, segmentBytes, threads, loop, loss -> false);
  }

  /**
   * As above.
   *
   * @param judge may refuse to start over what is lost; then nothing has been changed
   */
  public static DiskLog open(
      StorageDirectory directory,
      int segmentBytes,
      Threads threads,
      Loop loop,
      LogLoss.Judge judge) {
    var opening = new LogOpening(directory, NO_LOG);
    LogStore log = opening.open(judge, segmentBytes);
    return new DiskLog(log, opening, directory, threads, loop);
  }

  private DiskLog(
      LogStore log, LogOpening opening, StorageDirectory directory, Threads threads, Loop loop) {
    this.log = log;
    this.snapshots = new SnapshotFiles(opening.snapshots(), () -> logId);
    this.knownRuns = new KnownRunsFile(directory.disk(), threads.known(), loop);
    this.beside = new BestEffortWrites(log, threads.log(), loop);
    this.directory = directory;
    this.logDisk = threads.log();
    this.snapshotDisk = threads.snapshots();
    this.loop = loop;
    this.logId = log.logId();
    this.found = read(opening.newest());
  }

  private Recovered read(Optional<SnapshotStore.Whole> newest) {
    newest.ifPresent(whole -> snapshots.newestBytes(whole.totalBytes()));
    var entries = new ArrayList<LogEntry>();
    long covered = newest.map(whole -> whole.snapshot().index()).orElse(0L);
    long next = Math.max(log.startIndex(), covered) + 1;
    while (next <= log.lastIndex()) {
      List<LogEntry> batch = log.read(next, READ_BYTES);
      entries.addAll(batch);
      next += batch.size();
    }
    var initial =
        new InitialState(
            log.hardState(),
            newest.map(whole -> whole.snapshot().meta()).orElse(SnapshotMeta.NONE),
            entries,
            directory.recovery());
    return new Recovered(
        logId.equals(NO_LOG) ? Optional.empty() : Optional.of(logId),
        directory.incarnation(),
        initial,
        newest.map(SnapshotStore.Whole::totalBytes).orElse(0L),
        AsideLogFiles.list(directory.disk()),
        directory.runNumber(),
        DamagedFiles.lossNoteCount(directory.disk()),
        directory.lacking(),
        knownRuns.atStart());
  }

  /** Bytes that log and snapshots take on disk. Any thread. */
  public long diskBytes() {
    return log.diskBytes() + snapshots.diskBytes();
  }

  /**
   * Forces and closes everything; after the executors have ended. Blocks. After a failure nothing
   * is forced any more.
   *
   * @throws StorageException STORE_FAILED: the run hasn't ended cleanly
   */
  public void close() {
    beside.close();
    try {
      log.force();
      directory.logEnds(log.end());
    } finally {
      log.close();
      snapshots.close();
    }
  }

  @Override
  public Recovered atStart() {
    return found;
  }

  @Override
  public void begin(LogId newLog, InitialState initial, Consumer<StorageException> done) {
    onLog(
        () -> refuse(!logId.equals(NO_LOG), "begin log: expected=none, was=" + logId),
        () -> {
          logId = newLog;
          long startIndex = initial.snapshot().index();
          log.reset(newLog, initial.hardState(), startIndex, 0, voters(initial.entries()));
          if (!initial.entries().isEmpty()) {
            log.append(initial.entries());
            log.force();
          }
          // Last: until then the next start takes all this for nothing.
          directory.beginLog();
        },
        done);
  }

  @Override
  public void switchTo(
      long runNumber,
      LogId newLog,
      HardState hardState,
      SnapshotMeta base,
      SnapshotSource sourceOrNull,
      Consumer<StorageException> done) {
    onLog(
        () -> refuse(logId.equals(newLog), "switch log: expected=another one, was=" + logId),
        () -> {
          directory.raiseRunNumber(runNumber);
          logId = newLog;
          if (sourceOrNull != null) {
            snapshots.stage(ofThisLog(base), sourceOrNull);
          }
          directory.reopenChunks();
          log.leave(newLog, hardState, base);
          snapshots.leaveAllBut(newLog);
          directory.disk().forceDirectory(); // The names of what both left.
          submit(snapshotDisk, snapshots::forgetLeft, why -> {});
        },
        done);
  }

  @Override
  public void dropAside(LogId left, Consumer<StorageException> done) {
    onLog(() -> AsideLogFiles.drop(directory.disk(), left), done);
  }

  @Override
  public void recovered(long nonce, Consumer<StorageException> done) {
    onLog(() -> directory.recovered(nonce), done);
  }

  @Override
  public ChunkLoss chunkLoss() {
    return directory.chunkLoss();
  }

  @Override
  public void settleChunks(ChunkLoss expected, ChunkLoss next, Consumer<StorageException> done) {
    beside.run(() -> directory.settleChunks(expected, next), done);
  }

  @Override
  public void settleLacking(String lossNoteOrNull, Consumer<StorageException> done) {
    onLog(
        () -> {
          if (lossNoteOrNull != null) {
            DamagedFiles.noteLoss(directory.disk(), lossNoteOrNull);
          }
          directory.settleLacking();
        },
        done);
  }

  @Override
  public void noteLoss(String what, Consumer<StorageException> done) {
    onLog(() -> DamagedFiles.noteLoss(directory.disk(), what), done);
  }

  @Override
  public void lost(
      long runNumber,
      Lacking lacking,
      String why,
      Consumer<Recovery> marked,
      Consumer<StorageException> failed) {
    onLog(
        () -> {
          Recovery mark = directory.lostInRun(runNumber, lacking, why);
          loop.post(() -> marked.accept(mark));
        },
        reason -> {
          if (reason != null) {
            failed.accept(reason);
          }
        });
  }

  @Override
  public void saveKnownRuns(byte[] known, Consumer<StorageException> done) {
    knownRuns.save(known, done);
  }

  private static void refuse(boolean isRefused, String why) {
    if (isRefused) {
      throw new StorageException(ErrorCode.INVALID, why);
    }
  }

  @Override
  public void persistHardState(HardState state, Consumer<StorageException> done) {
    onLog(() -> log.saveHardState(state), done);
  }

  @Override
  public void append(long truncateFrom, List<LogEntry> entries, Consumer<StorageException> done) {
    onLog(
        () -> {
          if (truncateFrom > 0 && truncateFrom <= log.lastIndex()) {
            log.truncateFrom(truncateFrom);
          }
          appendInBatches(entries);
          saveVoters(entries);
        },
        done);
  }

  /** Who votes is known even when nothing else can be read: who is alone must know it. */
  private void saveVoters(List<LogEntry> entries) {
    List<Endpoint> voters = voters(entries);
    if (!voters.isEmpty()) {
      log.saveVoters(voters);
    }
  }

  /** Who votes by the last configuration among these; empty if there is none. */
  private static List<Endpoint> voters(List<LogEntry> entries) {
    for (LogEntry entry : entries.reversed()) {
      if (entry.kind() == LogEntry.Kind.CONFIGURATION) {
        return Configuration.of(entry.payload()).voters();
      }
    }
    return List.of();
  }

  private void appendInBatches(List<LogEntry> entries) {
    var batch = new ArrayList<LogEntry>();
    int batchBytes = 0;
    for (LogEntry entry : entries) {
      int entryBytes = entry.payload().length + LogFormat.ENTRY_HEADER_BYTES;
      if (batchBytes + entryBytes > LogStore.BATCH_BYTES_MAX) {
        log.append(batch);
        batch.clear();
        batchBytes = 0;
      }
      batch.add(entry);
      batchBytes += entryBytes;
    }
    if (!batch.isEmpty()) {
      log.append(batch);
    }
  }

  @Override
  public void reset(SnapshotMeta snapshot, Consumer<StorageException> done) {
    onLog(
        () ->
            log.reset(
                logId,
                log.hardState(),
                snapshot.index(),
                snapshot.term(),
                snapshot.configuration().voters()),
        done);
  }

  @Override
  public void compact(long upToIndex, Consumer<StorageException> done) {
    onLog(
        () -> {
          // Were the newest snapshot damaged, the older one and the entries behind it would do.
          long droppable = Math.min(upToIndex, snapshots.olderIndex());
          if (droppable > log.startIndex()) {
            log.truncatePrefix(Math.min(droppable, log.lastIndex()));
          }
        },
        done);
  }

  @Override
  public void force(Consumer<StorageException> done) {
    onLog(log::force, done);
    beside.onForce();
  }

  @Override
  public void saveSnapshot(SnapshotMeta meta, SnapshotSource source, SnapshotSaved saved) {
    LogSnapshot snapshot = ofThisLog(meta);
    submit(
        snapshotDisk,
        () -> {
          long sizeBytes = snapshots.save(snapshot, source);
          loop.post(() -> saved.onSaved(sizeBytes));
        },
        saved::onFailure);
  }

  @Override
  public void readSnapshot(long snapshotIndex, long offset, int maxBytes, SnapshotPiece piece) {
    submit(
        snapshotDisk,
        () -> {
          byte[] bytes = snapshots.read(snapshotIndex, offset, maxBytes);
          long totalBytes = snapshots.totalBytes(snapshotIndex);
          loop.post(() -> piece.onBytes(bytes, totalBytes));
        },
        piece::onFailure);
  }

  @Override
  public void storeSnapshotPiece(
      SnapshotMeta meta,
      long totalBytes,
      long offset,
      byte[] bytes,
      Consumer<StorageException> done) {
    LogSnapshot snapshot = ofThisLog(meta);
    submit(
        snapshotDisk,
        () -> {
          snapshots.receive(snapshot, totalBytes, offset, bytes);
          loop.post(() -> done.accept(null));
        },
        done);
  }

  @Override
  public void discardSnapshot(long snapshotIndex) {
    submit(snapshotDisk, () -> snapshots.discard(snapshotIndex), why -> {});
  }

  private void onLog(Runnable work, Consumer<StorageException> done) {
    onLog(() -> {}, work, done);
  }

  /** What {@code check} throws is passed on and changes nothing: the log goes on. */
  private void onLog(Runnable check, Runnable work, Consumer<StorageException> done) {
    submit(
        logDisk,
        () -> {
          if (failed != null) {
            throw new StorageException(
                ErrorCode.STORE_FAILED, "write log: an earlier write failed: " + failed, failed);
          }
          check.run();
          try {
            work.run();
          } catch (RuntimeException | Error e) {
            failed = e;
            throw e;
          }
          loop.post(() -> done.accept(null));
        },
        done);
  }

  /** Runs the work on an executor; whatever it throws goes to the loop. */
  private void submit(Executor disk, Runnable work, Consumer<StorageException> onFailure) {
    try {
      disk.execute(
          () -> {
            try {
              work.run();
            } catch (RuntimeException | Error e) {
              StorageException why = DiskFailure.of(e);
              loop.post(() -> onFailure.accept(why));
            }
          });
    } catch (RejectedExecutionException e) {
      if (disk == logDisk) {
        failed = e; // what comes later must not be written without this
      }
      var why =
          new StorageException(ErrorCode.STORE_FAILED, "write log: too much waits for the disk", e);
      loop.post(() -> onFailure.accept(why));
    }
  }

  /** As it is called now: the log may be left before the disk comes to it. */
  private LogSnapshot ofThisLog(SnapshotMeta meta) {
    return new LogSnapshot(logId, meta);
  }
}
