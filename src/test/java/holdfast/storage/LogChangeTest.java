package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A log is left while snapshots of it are written, received and read on their own thread. */
final class LogChangeTest {
  private static final LogId LOG = new LogId(4, 4);
  private static final LogId NEXT = new LogId(5, 5);
  private static final int SEGMENT_BYTES = 4_000;
  private static final long NEXT_RUN = 1_000;
  private static final long WAIT_S = 60;

  /** So long a saver gives a change of logs that doesn't wait for it. */
  private static final long PAUSE_MS = 300;

  /** Held strongly, so that its level lasts: the failures here are meant. */
  private static final Logger LOGGER = Logger.getLogger(DiskFailure.class.getName());

  private final SimDisk disk = new SimDisk("d", 1);
  private final List<StorageException> failures = new ArrayList<>();
  private final List<StorageException> refused = new ArrayList<>();

  @BeforeAll
  static void logNothing() {
    LOGGER.setLevel(Level.OFF);
  }

  @AfterAll
  static void logAgain() {
    LOGGER.setLevel(null);
  }

  @Test
  void piecesThatComeAfterTheirLogWasLeftAreOfNoLog() {
    var later = new ArrayList<Runnable>();
    DiskLog log = open(disk, later::add);
    log.storeSnapshotPiece(meta(20), 3, 0, new byte[] {1, 2}, this::refused);
    later.removeFirst().run();
    log.storeSnapshotPiece(meta(20), 3, 2, new byte[] {3}, this::refused);
    log.storeSnapshotPiece(meta(30), 3, 0, new byte[] {1, 2, 3}, this::refused);

    leave(log);
    later.forEach(Runnable::run);

    assertEquals(2, refused.size());
    refused.forEach(why -> assertEquals(ErrorCode.INVALID, why.code()));
    assertTrue(disk.list().stream().noneMatch(name -> name.startsWith("snap-")), "" + disk.list());
    assertNextLogIsEmpty();
  }

  @Test
  void aSnapshotOfALogThatIsLeftMeanwhileIsGivenUp() {
    DiskLog log = open(disk, Runnable::run);
    var pieces = new ArrayList<>(List.of(new byte[10], new byte[10], new byte[10]));

    log.saveSnapshot(
        meta(2),
        () -> {
          if (pieces.size() == 2) {
            leave(log);
          }
          return pieces.isEmpty() ? null : pieces.removeFirst();
        },
        saved(new CountDownLatch(1)));

    assertEquals(1, refused.size());
    assertEquals(1, pieces.size(), "the rest isn't written");
    assertTrue(disk.list().stream().noneMatch(name -> name.startsWith("snap-")), "" + disk.list());
    assertNextLogIsEmpty();
  }

  /** The older one would go just when it gets its other name, and this one come after that. */
  @Test
  void aSnapshotThatIsBeingNamedWhenItsLogIsLeftGoesWithIt() throws InterruptedException {
    var hooked = new FailingDisk(disk);
    try (var saver = Executors.newSingleThreadExecutor()) {
      var isHeld = new AtomicBoolean();
      DiskLog log =
          open(hooked, task -> (isHeld.get() ? saver : (Executor) Runnable::run).execute(task));
      save(log, 1, new CountDownLatch(1));
      save(log, 2, new CountDownLatch(1));
      isHeld.set(true);
      var isNaming = new CountDownLatch(1);
      var isLeaving = new CountDownLatch(1);
      var isSaved = new CountDownLatch(1);
      hooked.onRename(
          to -> {
            if (to.equals(SnapshotFormat.name(3, 1))) {
              isNaming.countDown();
              await(isLeaving, PAUSE_MS);
            } else if (to.equals(LogFormat.asideName(LOG, SnapshotFormat.name(1, 1)))) {
              isLeaving.countDown();
              await(isSaved, TimeUnit.SECONDS.toMillis(WAIT_S));
            }
          });

      save(log, 3, isSaved);
      assertTrue(isNaming.await(WAIT_S, TimeUnit.SECONDS));
      leave(log);

      assertTrue(isSaved.await(WAIT_S, TimeUnit.SECONDS));
    }
    assertEquals(List.of(), failures);
    assertEquals(List.of(), refused);
    assertTrue(disk.exists(LogFormat.asideName(LOG, SnapshotFormat.name(3, 1))));
    assertTrue(disk.list().stream().noneMatch(SnapshotFormat::isSnapshotName), "" + disk.list());
    assertNextLogIsEmpty();
  }

  @Test
  void aSnapshotOfALogThatWasLeftIsNotReadAsOneOfTheNext() {
    DiskLog log = open(disk, Runnable::run);
    save(log, 2, new CountDownLatch(1));
    assertEquals(0, read(log, 2).length);
    leave(log);

    log.storeSnapshotPiece(meta(2), 3, 0, new byte[] {7, 7, 7}, this::done);

    assertEquals(3, read(log, 2).length);
    assertEquals(List.of(), failures);
  }

  private byte[] read(DiskLog log, long index) {
    var read = new ArrayList<byte[]>();
    log.readSnapshot(
        index,
        0,
        1_000,
        new OperationLog.SnapshotPiece() {
          @Override
          public void onBytes(byte[] bytes, long totalBytes) {
            read.add(bytes);
          }

          @Override
          public void onFailure(StorageException why) {
            failures.add(why);
          }
        });
    return read.getFirst();
  }

  private static void await(CountDownLatch latch, long ms) {
    try {
      latch.await(ms, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void assertNextLogIsEmpty() {
    assertEquals(List.of(), failures);
    disk.restart();
    var found = open(directory(disk), Runnable::run).atStart();
    assertEquals(Optional.of(NEXT), found.log());
    assertEquals(0, found.initial().snapshot().index());
  }

  private void save(DiskLog log, long index, CountDownLatch isSaved) {
    log.saveSnapshot(meta(index), () -> null, saved(isSaved));
  }

  private OperationLog.SnapshotSaved saved(CountDownLatch isSaved) {
    return new OperationLog.SnapshotSaved() {
      @Override
      public void onSaved(long sizeBytes) {
        isSaved.countDown();
      }

      @Override
      public void onFailure(StorageException why) {
        refused.add(why);
        isSaved.countDown();
      }
    };
  }

  private void leave(DiskLog log) {
    log.switchTo(
        NEXT_RUN, NEXT, new HardState(2, Optional.empty()), SnapshotMeta.NONE, null, this::done);
  }

  private void done(StorageException why) {
    if (why != null) {
      failures.add(why);
    }
  }

  private void refused(StorageException why) {
    if (why != null) {
      refused.add(why);
    }
  }

  private static SnapshotMeta meta(long index) {
    return new SnapshotMeta(index, 1, Configuration.EMPTY);
  }

  private static StorageDirectory directory(Disk disk) {
    return StorageDirectory.open(disk, new Machine("boot", ""), "test", new Random(1)::nextLong);
  }

  /** One with three entries. */
  private DiskLog open(Disk on, Executor snapshots) {
    DiskLog log = open(directory(on), snapshots);
    log.begin(LOG, InitialState.empty(), this::done);
    for (long index = 1; index <= 3; index++) {
      var entry = new LogEntry(index, 1, LogEntry.Kind.COMMAND, new byte[] {1});
      log.append(0, List.of(entry), this::done);
    }
    log.force(this::done);
    assertEquals(List.of(), failures);
    return log;
  }

  private static DiskLog open(StorageDirectory directory, Executor snapshots) {
    return DiskLog.open(
        directory,
        SEGMENT_BYTES,
        new DiskLog.Threads(Runnable::run, snapshots, Runnable::run),
        new DirectLoop());
  }
}
