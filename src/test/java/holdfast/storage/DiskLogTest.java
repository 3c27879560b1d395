package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Configuration;
import holdfast.consensus.HardState;
import holdfast.consensus.InitialState;
import holdfast.consensus.LogEntry;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.port.OperationLog;
import holdfast.sim.SimDisk;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The adapters between the peer's ports and its stores: outcomes, order, failures, restarts. */
final class DiskLogTest {
  private static final LogId LOG = new LogId(4, 4);
  private static final int SEGMENT_BYTES = 4_000;
  private static final int STEPS_MAX = 400;

  /** Held strongly, so that its level lasts: the failures here are meant. */
  private static final Logger LOGGER = Logger.getLogger(DiskFailure.class.getName());

  private final SimDisk disk = new SimDisk("d", 1);
  private final List<StorageException> outcomes = new ArrayList<>();
  private final Consumer<StorageException> done = outcomes::add;

  @BeforeAll
  static void logNothing() {
    LOGGER.setLevel(Level.OFF);
  }

  @AfterAll
  static void logAgain() {
    LOGGER.setLevel(null);
  }

  private DiskLog open() {
    return open(Runnable::run);
  }

  private DiskLog open(Executor executor) {
    return open(new DiskLog.Threads(executor, executor, executor));
  }

  private DiskLog open(DiskLog.Threads threads) {
    var directory =
        StorageDirectory.open(disk, new Machine("boot", ""), "test", new Random(1)::nextLong);
    return DiskLog.open(directory, SEGMENT_BYTES, threads, new DirectLoop());
  }

  private static LogEntry entry(long index, long term) {
    return new LogEntry(index, term, LogEntry.Kind.COMMAND, new byte[] {(byte) index, 7, 7});
  }

  private static SnapshotMeta meta(long index, long term) {
    return new SnapshotMeta(index, term, Configuration.EMPTY);
  }

  private static OperationLog.SnapshotSource source(byte[]... pieces) {
    var left = new ArrayList<>(List.of(pieces));
    return () -> left.isEmpty() ? null : left.removeFirst();
  }

  private void begun(DiskLog log) {
    log.begin(LOG, InitialState.empty(), done);
    log.append(0, List.of(entry(1, 1), entry(2, 1), entry(3, 1)), done);
    log.force(done);
    assertEquals(3, outcomes.size());
    outcomes.forEach(why -> assertNull(why));
    outcomes.clear();
  }

  @Test
  void whatWasForcedIsFoundByTheNextStart() {
    begun(open());
    disk.crash();

    OperationLog.Recovered found = open().atStart();

    assertEquals(Optional.of(LOG), found.log());
    assertEquals(3, found.initial().entries().size());
    assertArrayEquals(entry(2, 1).payload(), found.initial().entries().get(1).payload());
  }

  @Test
  void whatWasGivenUpIsCountedUntilItsNoteIsDeleted() {
    DiskLog log = open();
    begun(log);
    var lacking = new OperationLog.Lacking(LOG, 9);
    log.lost(5, lacking, "older", mark -> {}, why -> outcomes.add(why));

    log.noteLoss("a log that was aside", done);
    log.noteLoss("another one", done);

    assertEquals(2, outcomes.size());
    outcomes.forEach(why -> assertNull(why));
    disk.crash();
    OperationLog.Recovered found = open().atStart();
    assertEquals(2, found.lossNoteCount());
    assertEquals(lacking, found.lacking(), "that is another thing");
    disk.restart();
    disk.delete("damaged-1-given-up.txt");
    assertEquals(1, open().atStart().lossNoteCount());
  }

  @Test
  void entriesThatAReceivedSnapshotContradictsAreDroppedByTheNextStart() {
    DiskLog log = open();
    begun(log);
    // Index 2 belongs to term 5 by the leader's word; the crash comes before the log's reset.
    log.storeSnapshotPiece(meta(2, 5), 3, 0, new byte[] {1, 2, 3}, done);
    assertNull(outcomes.getFirst());
    disk.restart();

    OperationLog.Recovered found = open().atStart();

    assertEquals(2, found.initial().snapshot().index());
    assertEquals(5, found.initial().snapshot().term());
    assertEquals(List.of(), found.initial().entries());
  }

  @Test
  void entriesThatAgreeWithTheSnapshotAreKept() {
    DiskLog log = open();
    begun(log);
    log.storeSnapshotPiece(meta(2, 1), 3, 0, new byte[] {1, 2, 3}, done);
    disk.restart();

    OperationLog.Recovered found = open().atStart();

    assertEquals(3, found.initial().entries().getLast().index());
  }

  @Test
  void anExceptionThatNobodyForesawIsToldAndDoesNotVanish() {
    var failures = new ArrayList<StorageException>();
    DiskLog log = open();
    begun(log);

    log.saveSnapshot(
        meta(2, 1),
        () -> {
          throw new IllegalStateException("a bug");
        },
        new OperationLog.SnapshotSaved() {
          @Override
          public void onSaved(long sizeBytes) {
            failures.add(null);
          }

          @Override
          public void onFailure(StorageException why) {
            failures.add(why);
          }
        });

    assertEquals(1, failures.size());
    assertEquals(ErrorCode.STORE_FAILED, failures.getFirst().code());
  }

  @Test
  void afterOneWriteFailedEveryLaterOneFails() {
    DiskLog log = open();
    begun(log);
    disk.failWriteAfter(0);

    log.append(0, List.of(entry(4, 1)), done);
    log.append(0, List.of(entry(4, 1)), done);
    log.force(done);
    log.persistHardState(new HardState(9, Optional.empty()), done);

    assertEquals(4, outcomes.size());
    outcomes.forEach(why -> assertNotNull(why));
  }

  @Test
  void aFullDiskLeavesNoGapInTheLog() {
    DiskLog log = open();
    begun(log);
    disk.totalBytes(0);
    log.append(0, List.of(entry(4, 1)), done);
    disk.totalBytes(1L << 40);

    log.append(0, List.of(entry(5, 1)), done);

    assertEquals(2, outcomes.size());
    outcomes.forEach(why -> assertNotNull(why));
    disk.restart();
    assertEquals(3, open().atStart().initial().entries().getLast().index());
  }

  @Test
  void aWriteThatTheExecutorRefusedIsFollowedByNone() {
    var refuses = new AtomicBoolean();
    DiskLog log =
        open(
            task -> {
              if (refuses.getAndSet(false)) {
                throw new RejectedExecutionException("full");
              }
              task.run();
            });
    begun(log);
    refuses.set(true);

    log.append(0, List.of(entry(4, 1)), done);
    log.append(0, List.of(entry(4, 1)), done);

    assertEquals(2, outcomes.size());
    outcomes.forEach(why -> assertNotNull(why));
  }

  /** It takes minutes to write a large one to a hard disk. */
  @Test
  void whatIsKnownOfOtherPeersIsSavedWhileASnapshotIsWritten() {
    var snapshots = new ArrayList<Runnable>();
    Executor direct = Runnable::run;
    DiskLog log = open(new DiskLog.Threads(direct, snapshots::add, direct));
    log.storeSnapshotPiece(meta(2, 1), 3, 0, new byte[] {1, 2, 3}, done);

    log.saveKnownRuns(new byte[] {1, 2}, done);

    assertEquals(1, snapshots.size());
    assertNull(outcomes.getFirst());
    disk.crash();
    assertArrayEquals(new byte[] {1, 2}, open().atStart().knownRuns());
  }

  @Test
  void ofWhatIsKnownOfOtherPeersOnlyTheNewestWaitsForTheDisk() {
    var saves = new ArrayList<Runnable>();
    DiskLog log = open(new DiskLog.Threads(Runnable::run, Runnable::run, saves::add));
    for (byte at = 1; at <= 5; at++) {
      log.saveKnownRuns(new byte[] {at}, done);
    }
    assertEquals(1, saves.size());
    disk.failForceAfter(0);
    saves.removeFirst().run();
    assertEquals(ErrorCode.STORE_FAILED, outcomes.removeFirst().code());

    log.saveKnownRuns(new byte[] {7}, done);
    saves.removeFirst().run();

    assertNull(outcomes.removeFirst());
    assertEquals(List.of(), outcomes);
    disk.restart();
    assertArrayEquals(new byte[] {7}, open().atStart().knownRuns());
  }

  @Test
  void powerLostAtAnyPointLosesNothingThatWasForced() {
    for (int at = 1; at <= STEPS_MAX; at++) {
      var run = new Run(at);
      if (!run.loses()) {
        assertTrue(at > 10, "the run changes the disk more often");
        return;
      }
    }
  }

  /** One run of a log's life, with the power lost at one change of the disk. */
  private static final class Run {
    private final SimDisk disk;
    private long forcedIndex;
    private long appendedIndex;
    private long durableTerm;
    private long snapshotIndex;
    private boolean isOver;

    Run(int powerLostAt) {
      disk = new SimDisk("d", powerLostAt);
      var directory =
          StorageDirectory.open(disk, new Machine("boot", ""), "test", new Random(1)::nextLong);
      Executor direct = Runnable::run;
      var threads = new DiskLog.Threads(direct, direct, direct);
      DiskLog log = DiskLog.open(directory, SEGMENT_BYTES, threads, new DirectLoop());
      disk.losePowerAt(powerLostAt);
      live(log);
    }

    private void live(DiskLog log) {
      log.begin(LOG, InitialState.empty(), ok(() -> {}));
      for (int round = 1; round <= 6 && !isOver; round++) {
        long term = round;
        log.persistHardState(new HardState(term, Optional.empty()), ok(() -> durableTerm = term));
        for (int i = 0; i < 3 && !isOver; i++) {
          log.append(0, List.of(entry(appendedIndex + 1, term)), ok(() -> appendedIndex++));
        }
        log.force(ok(() -> forcedIndex = appendedIndex));
        if (round % 2 == 0 && !isOver) {
          save(log, forcedIndex, term);
        }
      }
    }

    private void save(DiskLog log, long index, long term) {
      log.saveSnapshot(
          meta(index, term),
          source(new byte[1_000], new byte[500]),
          new OperationLog.SnapshotSaved() {
            @Override
            public void onSaved(long sizeBytes) {
              snapshotIndex = index;
              log.compact(index - 1, ok(() -> {}));
            }

            @Override
            public void onFailure(StorageException why) {
              isOver = true;
            }
          });
    }

    private Consumer<StorageException> ok(Runnable then) {
      return why -> {
        isOver |= why != null;
        if (!isOver) {
          then.run();
        }
      };
    }

    /** Whether the power was lost at all; what was forced by then must be there. */
    boolean loses() {
      if (!disk.isPowerLost()) {
        return false;
      }
      disk.crash();
      var directory =
          StorageDirectory.open(
              disk, new Machine("other boot", ""), "test", new Random(1)::nextLong);
      Executor direct = Runnable::run;
      var threads = new DiskLog.Threads(direct, direct, direct);
      OperationLog.Recovered found =
          DiskLog.open(directory, SEGMENT_BYTES, threads, new DirectLoop()).atStart();
      var initial = found.initial();
      long last =
          initial.entries().isEmpty()
              ? initial.snapshot().index()
              : initial.entries().getLast().index();
      assertTrue(last >= forcedIndex, "last " + last + ", forced " + forcedIndex);
      assertTrue(initial.hardState().term() >= durableTerm);
      assertTrue(initial.snapshot().index() >= snapshotIndex);
      for (LogEntry entry : initial.entries()) {
        assertArrayEquals(entry(entry.index(), entry.term()).payload(), entry.payload());
      }
      return true;
    }
  }
}
