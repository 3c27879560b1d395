package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Configuration;
import holdfast.consensus.Endpoint;
import holdfast.consensus.HardState;
import holdfast.consensus.InitialState;
import holdfast.consensus.LogEntry;
import holdfast.consensus.Recovery;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.port.OperationLog;
import holdfast.sim.SimDisk;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Log and snapshots together when one of them is damaged: what serves instead, what is marked. */
final class DiskLogDamageTest {
  private static final LogId LOG = new LogId(4, 4);
  private static final int SEGMENT_BYTES = 4_000;

  /** Held strongly, so that its level lasts: the damage here is meant. */
  private static final Logger LOGGER = Logger.getLogger("holdfast.storage");

  private static Level levelBefore;

  private static final long RUN_IN_NEXT_LOG = 1_000;

  private final SimDisk disk = new SimDisk("d", 1);
  private final List<StorageException> failures = new ArrayList<>();

  @BeforeAll
  static void logNothing() {
    levelBefore = LOGGER.getLevel();
    LOGGER.setLevel(Level.OFF);
  }

  @AfterAll
  static void logAgain() {
    LOGGER.setLevel(levelBefore);
  }

  private void done(StorageException why) {
    if (why != null) {
      failures.add(why);
    }
  }

  private static StorageDirectory directory(SimDisk disk, String boot) {
    return StorageDirectory.open(disk, new Machine(boot, ""), "test", new Random(1)::nextLong);
  }

  private DiskLog open() {
    return open(directory(disk, "boot"));
  }

  private static DiskLog open(StorageDirectory directory) {
    return open(directory, loss -> false);
  }

  private static DiskLog open(StorageDirectory directory, LogLoss.Judge judge) {
    return DiskLog.open(directory, SEGMENT_BYTES, threads(Runnable::run), new DirectLoop(), judge);
  }

  private static DiskLog.Threads threads(Executor snapshots) {
    return new DiskLog.Threads(Runnable::run, snapshots, Runnable::run);
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
    log.begin(LOG, InitialState.empty(), this::done);
    log.append(0, List.of(entry(1, 1), entry(2, 1), entry(3, 1)), this::done);
    log.force(this::done);
    assertEquals(List.of(), failures);
  }

  @Test
  void theOlderSnapshotAndTheLogFromThereServeForADamagedOne() {
    for (var openedAfter : List.of(OpenedAfter.CLEAN, OpenedAfter.PROCESS_CRASH)) {
      var log = new DamageableLog(openedAfter);
      String newest = SnapshotFormat.name(DamageableLog.NEWEST, 3);
      log.disk.flipBit(newest, 8L * 300);

      var found = log.start();

      assertEquals(DamageableLog.OLDER, found.initial().snapshot().index());
      assertTrue(log.isPrefix(found), "nothing is lost");
      assertEquals(Recovery.NONE, found.recovery());
      assertTrue(log.disk.exists("damaged-1-" + newest));
    }
  }

  @Test
  void withoutAWholeSnapshotTheLogFromItsBeginningServes() {
    DiskLog log = open();
    begun(log);
    log.saveSnapshot(meta(2, 1), source(new byte[1_000]), saved());
    log.compact(2, this::done);
    disk.flipBit(SnapshotFormat.name(2, 1), 8L * 300);
    disk.restart();

    var found = open().atStart();

    assertEquals(0, found.initial().snapshot().index());
    assertEquals(3, found.initial().entries().size());
    assertEquals(Recovery.NONE, found.initial().recovery());
  }

  @Test
  void withoutSnapshotAndBeginningTheLogIsEmptyAndMarked() {
    var log = new DamageableLog(OpenedAfter.CLEAN);
    log.disk.flipBit(SnapshotFormat.name(DamageableLog.OLDER, 2), 8L * 300);
    log.disk.flipBit(SnapshotFormat.name(DamageableLog.NEWEST, 3), 8L * 20);
    int fileCount = log.files().size();

    var found = log.start();

    assertEquals(Optional.of(DamageableLog.LOG), found.log());
    assertEquals(0, found.lastIndex());
    assertEquals(7, found.initial().hardState().term());
    assertEquals(Recovery.Cause.DAMAGE, found.recovery().cause());
    assertEquals(fileCount + 2, log.files().size(), "all is kept, and two files say why");
  }

  @Test
  void aReceivedSnapshotThatIsDamagedLaterIsALoss() {
    DiskLog log = open();
    begun(log);
    log.storeSnapshotPiece(meta(9, 5), 3, 0, new byte[] {1, 2, 3}, this::done);
    log.reset(meta(9, 5), this::done);
    log.append(0, List.of(entry(10, 5)), this::done);
    log.force(this::done);
    disk.flipBit(SnapshotFormat.name(9, 5), 8L * 90);
    disk.restart();

    var found = open().atStart();

    assertEquals(Recovery.Cause.DAMAGE, found.initial().recovery().cause());
    assertEquals(List.of(), found.initial().entries());
  }

  @Test
  void aDamagedSnapshotNeverCostsALogThatDoesNotNeedIt() {
    DiskLog log = open();
    begun(log);
    log.storeSnapshotPiece(meta(2, 1), 3, 0, new byte[] {1, 2, 3}, this::done);
    disk.flipBit(SnapshotFormat.name(2, 1), 8L * 90);
    disk.restart();

    var found = open().atStart();

    assertEquals(3, found.initial().entries().size());
    assertEquals(Recovery.NONE, found.initial().recovery());
  }

  @Test
  void aLogThatIsGoneAltogetherIsALossAndNotANewFolder() {
    var log = new DamageableLog(OpenedAfter.CLEAN);
    for (String name : log.files()) {
      if (LogFormat.isLogName(name) || SnapshotFormat.isSnapshotName(name)) {
        log.remove(name);
      }
    }

    var found = log.start();

    assertEquals(Optional.empty(), found.log());
    assertEquals(Recovery.Cause.DAMAGE, found.recovery().cause());
    assertTrue(found.recovery().isVoteLost());
  }

  @Test
  void whoIsAloneRefusesAndLeavesEverythingAsItWas() {
    var log = new DamageableLog(OpenedAfter.CLEAN);
    String last = log.lastSegment();
    log.disk.flipBit(last, 8L * 20);
    var names = log.files();

    var refused =
        assertThrows(
            StorageException.class, () -> log.start(LogLoss.judge(DamageableLog.SELF, false)));

    assertEquals(names, log.files());
    String text = refused.getMessage();
    assertTrue(text.contains(last), text);
    assertTrue(text.contains("everything up to entry"), text);
    assertTrue(text.contains("--accept-damage"), text);
    log.disk.flipBit(last, 8L * 20);
    assertTrue(log.isPrefix(log.start()), "put back, nothing is lost");
  }

  @Test
  void aRefusedStartIsRefusedUntilSomebodyAnswersIt() {
    var log = new DamageableLog(OpenedAfter.CLEAN);
    String last = log.lastSegment();
    log.cut(last, log.disk.sizeBytes(last) - 3);

    for (int i = 0; i < 3; i++) {
      assertThrows(
          StorageException.class, () -> log.start(LogLoss.judge(DamageableLog.SELF, false)));
    }

    var found = log.start(LogLoss.judge(DamageableLog.SELF, true));
    assertEquals(DamageableLog.LAST - 1, found.lastIndex());
    assertEquals(Recovery.Cause.DAMAGE, found.recovery().cause());
    assertEquals(1, found.lossNoteCount());
  }

  @Test
  void aStartThatWasCutShortLeavesAPowerCutOne() {
    var log = new DamageableLog(OpenedAfter.SYSTEM_CRASH);
    String last = log.lastSegment();
    log.overwrite(last, 1024, new byte[512]);
    log.directory("other boot").close();

    var found = log.start(LogLoss.judge(DamageableLog.SELF, false));

    assertFalse(log.isPrefix(found));
    assertEquals(Recovery.Cause.POWER_CUT, found.recovery().cause());
  }

  @Test
  void aStartThatIsKilledAtAnyMomentHidesNoLoss() {
    for (var openedAfter : List.of(OpenedAfter.CLEAN, OpenedAfter.SYSTEM_CRASH)) {
      boolean isClean = openedAfter == OpenedAfter.CLEAN;
      int killedCount = 0;
      boolean isThrough = false;
      for (int at = 1; !isThrough; at++) {
        var log = new DamageableLog(openedAfter);
        String last = log.lastSegment();
        if (isClean) {
          log.cut(last, log.disk.sizeBytes(last) - 3);
        } else {
          log.overwrite(last, 1024, new byte[512]);
        }
        log.disk.losePowerAt(at);
        try {
          log.start();
          isThrough = true;
        } catch (SimDisk.PowerLost e) {
          log.disk.restart();
          killedCount++;
          var found = log.start();
          assertFalse(log.isPrefix(found));
          assertEquals(
              isClean ? Recovery.Cause.DAMAGE : Recovery.Cause.POWER_CUT,
              found.recovery().cause(),
              openedAfter + ", killed at change " + at);
        }
      }
      assertTrue(killedCount > 20, "starts that were killed: " + killedCount);
    }
  }

  @Test
  void aSnapshotThatIsALossIsMarkedBeforeItIsSetAside() {
    boolean isThrough = false;
    for (int at = 1; !isThrough; at++) {
      var killed = new SimDisk("d", at);
      DiskLog log = open(directory(killed, "boot"));
      begun(log);
      log.saveSnapshot(meta(2, 1), source(new byte[10]), saved());
      log.storeSnapshotPiece(meta(9, 5), 3, 0, new byte[] {1, 2, 3}, this::done);
      killed.flipBit(SnapshotFormat.name(9, 5), 8L * 90);
      killed.restart();
      killed.losePowerAt(at);
      try {
        open(directory(killed, "boot"));
        isThrough = true;
      } catch (SimDisk.PowerLost e) {
        killed.restart();
        var found = open(directory(killed, "boot")).atStart();
        assertEquals(Recovery.Cause.DAMAGE, found.initial().recovery().cause(), "killed at " + at);
      }
    }
  }

  @Test
  void whoIsAloneAndHasNothingLeftIsNotTalkedIntoGoingOn() {
    var log = new DamageableLog(OpenedAfter.CLEAN);
    damageBothSnapshots(log);
    var names = log.files();

    var refused =
        assertThrows(
            StorageException.class, () -> log.start(LogLoss.judge(DamageableLog.SELF, true)));

    assertEquals(names, log.files());
    String text = refused.getMessage();
    assertTrue(text.contains(SnapshotFormat.name(DamageableLog.NEWEST, 3)), text);
    assertTrue(text.contains("nothing is left"), text);
    log.disk.flipBit(SnapshotFormat.name(DamageableLog.OLDER, 2), 8L * 300);
    assertTrue(log.isPrefix(log.start()), "put back, nothing is lost");
  }

  @Test
  void whoIsAloneGoesOnWithWhatIsLeftWhenToldToAndSaysSoEverAfter() {
    var log = new DamageableLog(OpenedAfter.CLEAN);
    log.remove(log.lastSegment());

    var found = log.start(LogLoss.judge(DamageableLog.SELF, true));

    assertFalse(log.isPrefix(found));
    assertTrue(found.lastIndex() > DamageableLog.NEWEST);
    assertEquals(Recovery.Cause.DAMAGE, found.recovery().cause());
    assertEquals(1, found.lossNoteCount());
    var again = log.start(LogLoss.judge(DamageableLog.SELF, false));
    assertEquals(found.lastIndex(), again.lastIndex());
    assertEquals(1, again.lossNoteCount());
  }

  @Test
  void whoIsAloneKnowsItWhenNothingElseCanBeRead() {
    for (String what : List.of("remove", "cut", "flip")) {
      var lonely = new SimDisk("d", 1);
      var founder = new Endpoint(DamageableLog.SELF, 1);
      var directory = directory(lonely, "boot");
      DiskLog log = open(directory);
      log.begin(LOG, InitialState.founding(founder), this::done);
      assertEquals(List.of(), failures);
      log.close();
      directory.closeCleanly();
      String name = LogFormat.segmentName(1);
      switch (what) {
        case "remove" -> lonely.delete(name);
        case "cut" -> {
          try (var file = lonely.open(name, Disk.Mode.WRITE)) {
            file.truncate(0);
          }
        }
        default -> lonely.flipBit(name, 8L * 20);
      }

      var again = directory(lonely, "boot");
      var judge = LogLoss.judge(DamageableLog.SELF, true);
      var refused = assertThrows(StorageException.class, () -> open(again, judge));

      assertTrue(refused.getMessage().contains("nothing is left"), refused.getMessage());
    }
  }

  @Test
  void whoHasOthersGoesOnWithoutBeingTold() {
    var log = new DamageableLog(OpenedAfter.CLEAN);
    damageBothSnapshots(log);

    var found = log.start(LogLoss.judge(new NodeId(7, 7, 7, 7), false));

    assertEquals(Recovery.Cause.DAMAGE, found.recovery().cause());
    assertEquals(0, found.lossNoteCount());
  }

  @Test
  void aLogThatWasBegunIsThereWholeOrNotAtAll() {
    var founder = new Endpoint(DamageableLog.SELF, 1);
    int begunCount = 0;
    int count = 0;
    for (int at = 1; begunCount < 20; at++) {
      var crashing = new SimDisk("d", at);
      DiskLog log = open(directory(crashing, "boot"));
      crashing.losePowerAt(at);
      var ends = new ArrayList<StorageException>();
      log.begin(LOG, InitialState.founding(founder), ends::add);
      boolean isBegun = !crashing.isPowerLost();
      crashing.crash();

      DiskLog next = open(directory(crashing, "other boot"));

      var found = next.atStart();
      boolean isThere = found.log().isPresent();
      assertTrue(isThere || !isBegun);
      assertEquals(isThere ? 1 : 0, found.initial().entries().size());
      assertEquals(isThere ? 1 : 0, found.initial().hardState().term());
      assertTrue(found.initial().recovery().cause() != Recovery.Cause.DAMAGE);
      if (!isThere) {
        next.begin(LOG, InitialState.founding(founder), this::done);
        assertEquals(List.of(), failures);
        count++;
      }
      begunCount += isBegun ? 1 : 0;
    }
    assertTrue(count > 5, "crashes while it began: " + count);
  }

  @Test
  void aForceThatFailedIsNeverTriedAgainOnTheSameFile() {
    for (int seed = 0; seed < 50; seed++) {
      var failing = new SimDisk("d", seed);
      var directory = directory(failing, "boot");
      DiskLog log = open(directory);
      begun(log);
      log.append(0, List.of(entry(4, 1), entry(5, 1)), this::done);
      failing.failForceAfter(0);
      log.force(this::done);
      assertEquals(1, failures.size());
      failures.clear();
      long changeCount = failing.changeCount();
      assertThrows(StorageException.class, log::close);
      assertEquals(changeCount, failing.changeCount(), "closing forces nothing");
      failing.restart();

      // What the failed force dropped can still be read: as if nothing had been the matter.
      var second = directory(failing, "boot");
      DiskLog next = open(second);
      assertEquals(5, next.atStart().initial().entries().size());
      assertEquals(Recovery.Cause.POWER_CUT, next.atStart().initial().recovery().cause());
      next.append(0, List.of(entry(6, 1)), this::done);
      next.force(this::done);
      assertEquals(List.of(), failures);
      failing.crash();

      assertEquals(6, open(directory(failing, "other boot")).atStart().initial().entries().size());
    }
  }

  private static void damageBothSnapshots(DamageableLog log) {
    log.disk.flipBit(SnapshotFormat.name(DamageableLog.OLDER, 2), 8L * 300);
    log.disk.flipBit(SnapshotFormat.name(DamageableLog.NEWEST, 3), 8L * 300);
  }

  @Test
  void theLogReachesBackToTheOlderOfTwoSnapshots() {
    DiskLog log = open();
    begun(log);
    log.saveSnapshot(meta(2, 1), source(new byte[10]), saved());
    log.compact(2, this::done);
    log.saveSnapshot(meta(3, 1), source(new byte[10]), saved());
    log.compact(3, this::done);
    assertEquals(List.of(), failures);
    disk.flipBit(SnapshotFormat.name(3, 1), 8L * 70);
    disk.restart();

    var found = open().atStart();

    assertEquals(2, found.initial().snapshot().index());
    assertEquals(3, found.initial().entries().getLast().index());
    assertEquals(Recovery.NONE, found.initial().recovery());
  }

  /** One that no entry was written to, too: no start had come to delete it. */
  @Test
  void aRefusedStartLetsAllSegmentsGo() {
    var log = new DamageableLog(OpenedAfter.CLEAN);
    String last = log.lastSegment();
    long number = LogFormat.segmentNumber(last);
    var header = new LogFormat.SegmentHeader(number + 1, 200, 9, 7, new LogId(5, 5));
    LogSegment.create(log.disk, header).close();
    log.disk.flipBit(last, 8L * 80);
    int before = log.disk.openHandleCount();

    assertThrows(
        StorageException.class,
        () ->
            log.start(
                loss -> {
                  throw new StorageException(ErrorCode.REFUSED, "planted");
                }));

    assertTrue(log.disk.exists(LogFormat.segmentName(number + 1)));
    assertEquals(before, log.disk.openHandleCount());
  }

  @Test
  void aSnapshotIsOfTheLogThatItWasTakenIn() {
    var later = new ArrayList<Runnable>();
    var directory =
        StorageDirectory.open(disk, new Machine("boot", ""), "test", new Random(1)::nextLong);
    DiskLog log = DiskLog.open(directory, SEGMENT_BYTES, threads(later::add), new DirectLoop());
    begun(log);
    log.saveSnapshot(meta(2, 1), source(new byte[10]), saved());
    var next = new LogId(5, 5);
    log.switchTo(
        RUN_IN_NEXT_LOG,
        next,
        new HardState(2, Optional.empty()),
        SnapshotMeta.NONE,
        null,
        this::done);
    later.forEach(Runnable::run);
    disk.restart();

    var found = open().atStart();

    assertEquals(Optional.of(next), found.log());
    assertEquals(0, found.initial().snapshot().index());
    assertTrue(disk.list().stream().noneMatch(SnapshotFormat::isSnapshotName));
  }

  private void left(DiskLog log) {
    var none = SnapshotMeta.NONE;
    log.switchTo(
        RUN_IN_NEXT_LOG,
        new LogId(5, 5),
        new HardState(2, Optional.empty()),
        none,
        null,
        this::done);
    assertEquals(List.of(), failures);
  }

  @Test
  void aLogThatWasLeftReachesAsFarAsItsSnapshots() {
    DiskLog log = open();
    begun(log);
    log.storeSnapshotPiece(meta(10, 5), 3, 0, new byte[] {1, 2, 3}, this::done);
    log.reset(meta(10, 5), this::done);
    left(log);
    disk.restart();

    assertEquals(List.of(new OperationLog.Aside(LOG, 10, 5)), open().atStart().aside());
  }

  @Test
  void aLogThatWasLeftMayReachAnywhereIfItsEndCannotBeRead() {
    DiskLog log = open();
    begun(log);
    left(log);
    String name = LogFormat.asideName(LOG, LogFormat.segmentName(1));
    disk.restart();
    DiskLog undamaged = open();
    assertEquals(List.of(new OperationLog.Aside(LOG, 3, 1)), undamaged.atStart().aside());

    for (int at = 0; at < disk.sizeBytes(name); at++) {
      disk.flipBit(name, 8L * at + at % 8);
      long end = AsideLogFiles.list(disk).getFirst().lastIndex();
      assertEquals(Long.MAX_VALUE, end, "damaged byte " + at);
      disk.flipBit(name, 8L * at + at % 8);
    }
    for (long size = disk.sizeBytes(name) - 1; size >= 0; size--) {
      boolean isWhole = size == 64 || size == 64 + 39 || size == 64 + 2 * 39;
      try (var file = disk.open(name, Disk.Mode.WRITE)) {
        file.truncate(size);
      }
      long end = AsideLogFiles.list(disk).getFirst().lastIndex();
      assertEquals(isWhole ? (size - 64) / 39 : Long.MAX_VALUE, end, "cut to " + size);
    }
  }

  @Test
  void whatALogThatWasLeftHoldsIsOnTheDisk() {
    for (int seed = 0; seed < 30; seed++) {
      var crashing = new SimDisk("d", seed);
      DiskLog log = open(directory(crashing, "boot"));
      begun(log);
      log.append(0, List.of(entry(4, 1), entry(5, 1)), this::done);
      left(log);
      crashing.crash();

      DiskLog next = open(directory(crashing, "other boot"));

      assertEquals(List.of(new OperationLog.Aside(LOG, 5, 1)), next.atStart().aside());
    }
  }

  @Test
  void aFileOfALogThatWasBeingLeftIsKeptHoweverDamaged() {
    for (boolean isDamaged : List.of(false, true)) {
      var killed = new SimDisk("d", 1);
      DiskLog log = open(directory(killed, "boot"));
      begun(log);
      left(log);
      String name = LogFormat.segmentName(1);
      String aside = LogFormat.asideName(LOG, name);
      killed.rename(aside, name); // As if the process had died before it came to that.
      if (isDamaged) {
        killed.flipBit(name, 8L * 20);
      }
      killed.restart();

      open(directory(killed, "boot"));

      assertFalse(killed.exists(name));
      assertTrue(killed.exists(isDamaged ? "damaged-1-" + name : aside));
    }
  }

  /** So that a folder from before has a number which is taken. */
  @Test
  void whereThereIsTheNextLogTheRunHasAHigherNumberWheneverPowerIsLost() {
    var next = new LogId(5, 5);
    int switchedCount = 0;
    boolean isPowerLost = true;
    for (long change = 1; isPowerLost; change++) {
      var own = new SimDisk("d", change);
      DiskLog log = open(directory(own, "boot"));
      begun(log);
      own.losePowerAt(change);
      log.switchTo(RUN_IN_NEXT_LOG, next, HardState.INITIAL, SnapshotMeta.NONE, null, why -> {});
      isPowerLost = own.isPowerLost();
      own.crash();

      var found = open(directory(own, "later")).atStart();

      if (found.log().equals(Optional.of(next))) {
        switchedCount++;
        assertTrue(found.runNumber() > RUN_IN_NEXT_LOG, "run " + found.runNumber());
      }
    }
    assertTrue(switchedCount > 1, "switched " + switchedCount + " times");
  }

  /** Its first segment is made before the state names it. */
  @Test
  void aLogThatIsFoundedIsTheOldOneOrTheNewOneWheneverPowerIsLost() {
    var next = new LogId(5, 5);
    var found = new HashSet<Optional<LogId>>();
    boolean isPowerLost = true;
    for (long change = 1; isPowerLost; change++) {
      var own = new SimDisk("d", change);
      DiskLog log = open(directory(own, "boot"));
      begun(log);
      log.force(why -> {});
      own.losePowerAt(change);
      log.switchTo(
          RUN_IN_NEXT_LOG,
          next,
          new HardState(2, Optional.empty()),
          meta(1_000, 1),
          source(new byte[100]),
          why -> {});
      log.append(0, List.of(entry(1_001, 2)), why -> {});
      log.force(why -> {});
      isPowerLost = own.isPowerLost();
      own.crash();

      var after = open(directory(own, "later")).atStart();

      found.add(after.log());
      boolean isOld = after.log().equals(Optional.of(LOG));
      assertEquals(Recovery.Cause.POWER_CUT, after.initial().recovery().cause(), "at " + change);
      assertEquals(isOld ? 0 : 1_000, after.initial().snapshot().index(), "at " + change);
      assertTrue(!isOld || after.initial().entries().size() == 3, "at " + change);
      assertTrue(isPowerLost || after.initial().entries().size() == 1);
      List<OperationLog.Aside> aside = List.of(new OperationLog.Aside(LOG, 3, 1));
      assertEquals(isOld ? List.of() : aside, after.aside(), "at " + change);
    }
    assertEquals(Set.of(Optional.of(LOG), Optional.of(next)), found);
  }

  /** Until then nothing is read or written; a disk may take 100 ms for each. */
  @Test
  void aChangeOfLogsWaitsForTheDiskNoMoreOftenThanItMust() {
    var none = SnapshotMeta.NONE;
    var hard = new HardState(2, Optional.empty());
    DiskLog founder = open();
    begun(founder);
    founder.force(this::done);
    long before = disk.forceCount();
    founder.switchTo(
        RUN_IN_NEXT_LOG, new LogId(5, 5), hard, meta(9, 1), source(new byte[9]), this::done);
    assertEquals(2 + 2 + 2 + 2 + 1, disk.forceCount() - before, "run, snapshot, segment, state");
    before = disk.forceCount();
    founder.append(0, List.of(entry(10, 2)), this::done);
    founder.force(this::done);
    assertEquals(1, disk.forceCount() - before);

    before = disk.forceCount();
    founder.switchTo(RUN_IN_NEXT_LOG, new LogId(6, 6), hard, none, null, this::done);
    assertEquals(2 + 2 + 1, disk.forceCount() - before, "run, state, the directory");
    before = disk.forceCount();
    founder.storeSnapshotPiece(meta(20, 3), 3, 0, new byte[] {1, 2, 3}, this::done);
    founder.reset(meta(20, 3), this::done);
    assertEquals(2 + 2 + 2, disk.forceCount() - before, "snapshot, segment, state");
    before = disk.forceCount();
    founder.append(0, List.of(entry(21, 3)), this::done);
    founder.force(this::done);
    assertEquals(1, disk.forceCount() - before);
    assertEquals(List.of(), failures);
  }

  /** A disk may take 100 ms for each, one after the other. */
  @Test
  void aStartWaitsForTheDiskNoMoreOftenThanItMust() {
    assertEquals(3, startForces(OpenedAfter.CLEAN), "run");
    assertEquals(1 + 3 + 3, startForces(OpenedAfter.PROCESS_CRASH), "segment, state, run");
    assertEquals(3 + 1 + 3 + 3, startForces(OpenedAfter.SYSTEM_CRASH), "mark, the same");
  }

  private static long startForces(OpenedAfter openedAfter) {
    var log = new DamageableLog(openedAfter);
    long before = log.disk.forceCount();
    open(log.directory(openedAfter == OpenedAfter.SYSTEM_CRASH ? "other boot" : "boot"));
    return log.disk.forceCount() - before;
  }

  private OperationLog.SnapshotSaved saved() {
    return new OperationLog.SnapshotSaved() {
      @Override
      public void onSaved(long sizeBytes) {
        // As it should.
      }

      @Override
      public void onFailure(StorageException why) {
        failures.add(why);
      }
    };
  }
}
