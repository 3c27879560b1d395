package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.HardState;
import holdfast.consensus.LogEntry;
import holdfast.consensus.Recovery;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.sim.SimDisk;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The operation log when the disk fails, fills up or rots. */
final class LogStoreTest {
  private static final LogId LOG = new LogId(1, 2);
  private static final int SEGMENT_BYTES = 4_096;

  private final SimDisk disk = new SimDisk("sim", 1);
  private final List<String> losses = new ArrayList<>();
  private final List<Boolean> votesLost = new ArrayList<>();

  @Test
  void newLogIsEmptyAndReportsNoLoss() {
    var log = open(OpenedAfter.FRESH);

    assertEquals(0, log.startIndex());
    assertEquals(0, log.lastIndex());
    assertEquals(0, log.term(0));
    assertEquals(List.of(), log.read(1, 1_000));
    assertEquals(HardState.INITIAL, log.hardState());
    assertEquals(List.of(), losses);
  }

  @Test
  void entriesMustFollowEachOther() {
    var log = open(OpenedAfter.FRESH);
    log.append(List.of(entry(1, 5)));

    assertThrows(Invariants.Violation.class, () -> log.append(List.of(entry(3, 5))));
    assertThrows(Invariants.Violation.class, () -> log.append(List.of(entry(2, 4))));

    log.append(List.of(entry(2, 5)));
    assertEquals(2, log.lastIndex());
  }

  @Test
  void missingLogInAUsedDirectoryIsALoss() {
    open(OpenedAfter.CLEAN);

    assertEquals(1, losses.size());
  }

  @Test
  void tornTailAfterADeadProcessIsCutWithoutALoss() {
    fill(open(OpenedAfter.FRESH), 30);
    String last = lastSegment();
    try (var file = disk.open(last, Disk.Mode.WRITE)) {
      file.truncate(file.size() - 1);
    }

    var log = open(OpenedAfter.PROCESS_CRASH);

    assertEquals(29, log.lastIndex());
    assertEquals(List.of(), losses);
    fill(log, 40);
    assertEquals(40, log.read(1, 1 << 20).size());
  }

  @Test
  void tornTailAfterACleanEndIsALoss() {
    fill(open(OpenedAfter.FRESH), 30);
    try (var file = disk.open(lastSegment(), Disk.Mode.WRITE)) {
      file.truncate(file.size() - 1);
    }

    assertEquals(29, open(OpenedAfter.CLEAN).lastIndex());
    assertEquals(1, losses.size());
  }

  @Test
  void lossIsReportedBeforeAnythingIsCut() {
    fill(open(OpenedAfter.FRESH), 30);
    String last = lastSegment();
    long sizeBytes = disk.sizeBytes(last);
    disk.flipBit(last, (sizeBytes - 5) * 8);

    var sizes = new ArrayList<Long>();
    TestLogs.open(
        disk,
        OpenedAfter.PROCESS_CRASH,
        (cause, isVoteLost, why) -> sizes.add(disk.sizeBytes(last)),
        LOG,
        SEGMENT_BYTES);

    assertEquals(List.of(sizeBytes), sizes);
    assertTrue(disk.sizeBytes(last) < sizeBytes);
  }

  @Test
  void everyFlippedBitIsALossAndNeverAWrongEntry() {
    Seeds.run(
        seed -> {
          losses.clear();
          var random = new Random(seed);
          var damaged = new SimDisk("sim", seed);
          var log = TestLogs.open(damaged, OpenedAfter.FRESH, this::lost, LOG, SEGMENT_BYTES);
          fill(log, 60);
          log.saveHardState(new HardState(9, Optional.empty()));
          log.close();
          var names = damaged.list();
          String name = names.get(random.nextInt(names.size()));
          damaged.flipBit(name, random.nextLong(damaged.sizeBytes(name) * 8));

          var found =
              TestLogs.open(damaged, OpenedAfter.PROCESS_CRASH, this::lost, LOG, SEGMENT_BYTES);

          int lossCount = name.startsWith("log.state") ? 0 : 1;
          assertEquals(lossCount, losses.size());
          for (LogEntry entry : found.read(1, 1 << 20)) {
            assertArrayEquals(payload(entry.index()), entry.payload());
          }
          fill(found, 70);
          found.close();
          var again =
              TestLogs.open(damaged, OpenedAfter.PROCESS_CRASH, this::lost, LOG, SEGMENT_BYTES);
          assertEquals(70, again.read(1, 1 << 20).size());
          assertEquals(lossCount, losses.size());
        });
  }

  @Test
  void bitThatFlipsWhileRunningStopsTheLog() {
    var log = open(OpenedAfter.FRESH);
    fill(log, 30);
    disk.flipBit(LogFormat.segmentName(1), 8L * 500);

    assertEquals(ErrorCode.STORE_FAILED, codeOf(() -> log.read(1, 1 << 20)));

    assertEquals(1, losses.size());
    assertEquals(ErrorCode.STORE_FAILED, codeOf(log::force));
  }

  @Test
  void failedForceStopsTheLogForGoodAndIsALoss() {
    var log = open(OpenedAfter.FRESH);
    fill(log, 3);
    disk.failForceAfter(0);

    assertEquals(ErrorCode.STORE_FAILED, codeOf(log::force));

    assertEquals(1, losses.size());
    assertEquals(ErrorCode.STORE_FAILED, codeOf(log::force));
    assertEquals(ErrorCode.STORE_FAILED, codeOf(() -> log.append(List.of(entry(4, 1)))));
    assertEquals(
        ErrorCode.STORE_FAILED,
        codeOf(() -> log.saveHardState(new HardState(1, Optional.empty()))));
    assertEquals(1, losses.size());
  }

  @Test
  void failedWriteOfAVoteStopsTheLog() {
    var log = open(OpenedAfter.FRESH);
    disk.failWriteAfter(0);

    assertEquals(
        ErrorCode.STORE_FAILED,
        codeOf(() -> log.saveHardState(new HardState(1, Optional.empty()))));

    assertEquals(1, losses.size());
    assertEquals(0, log.hardState().term());
  }

  @Test
  void fullDiskLeavesTheLogUsable() {
    var log = open(OpenedAfter.FRESH);
    fill(log, 3);
    disk.totalBytes(disk.totalBytes() - disk.freeBytes() + 50);

    assertEquals(ErrorCode.NO_SPACE, codeOf(() -> log.append(List.of(entry(4, 1), entry(5, 1)))));

    assertEquals(List.of(), losses);
    assertEquals(3, log.lastIndex());
    disk.totalBytes(1 << 20);
    fill(log, 20);
    log.force();
    disk.crash();
    assertEquals(20, open(OpenedAfter.SYSTEM_CRASH).read(1, 1 << 20).size());
  }

  @Test
  void truncatedPrefixFreesItsSegments() {
    var log = open(OpenedAfter.FRESH);
    fill(log, 200);
    long diskBytes = log.diskBytes();

    log.truncatePrefix(150);

    assertTrue(log.diskBytes() < diskBytes / 2);
    assertEquals(150, log.startIndex());
    assertEquals(1, log.term(150));
    assertEquals(50, log.read(151, 1 << 20).size());
    log.truncatePrefix(200);
    assertEquals(200, log.lastIndex());
    assertEquals(0, log.diskBytes());
    fill(log, 210);
    log.close();
    assertEquals(210, open(OpenedAfter.PROCESS_CRASH).lastIndex());
    assertEquals(List.of(), losses);
  }

  @Test
  void segmentOfANewerVersionIsRefused() {
    fill(open(OpenedAfter.FRESH), 1);
    var out = new ByteWriter().raw(SmallFile.magic("HFOPSLOG")).u32(LogFormat.VERSION + 1);
    SmallFile.replace(disk, LogFormat.segmentName(1), Crc.seal(out, 64));

    var refused = assertThrows(StorageException.class, () -> open(OpenedAfter.PROCESS_CRASH));

    assertEquals(ErrorCode.UNSUPPORTED, refused.code());
    assertTrue(refused.getMessage().contains("too new"), refused.getMessage());
  }

  @Test
  void oneDamagedStateFileLosesNothing() {
    for (String name : List.of("log.state", "log.state.copy")) {
      for (var openedAfter : List.of(OpenedAfter.CLEAN, OpenedAfter.PROCESS_CRASH)) {
        fill(open(openedAfter()), 30);
        var log = open(OpenedAfter.PROCESS_CRASH);
        var hard = new HardState(log.hardState().term() + 1, Optional.empty(), 20, List.of());
        log.saveHardState(hard);
        log.close();
        disk.flipBit(name, 8L * 50);

        var found = open(openedAfter);

        assertEquals(hard, found.hardState());
        assertEquals(30, found.read(1, 1 << 20).size());
        assertEquals(List.of(), losses);
        found.close();
        disk.delete(name);
        open(openedAfter).close();
        assertEquals(List.of(), losses);
        assertTrue(disk.exists(name));
      }
    }
  }

  private OpenedAfter openedAfter() {
    return disk.exists("log.state") ? OpenedAfter.CLEAN : OpenedAfter.FRESH;
  }

  @Test
  void bothStateFilesDamagedCostsTheVoteAndNoEntry() {
    fill(open(OpenedAfter.FRESH), 200);
    disk.flipBit("log.state", 100);
    disk.flipBit("log.state.copy", 100);

    var found = open(OpenedAfter.PROCESS_CRASH);

    assertEquals(List.of("both copies of log.state are missing or damaged"), losses);
    assertEquals(List.of(true), votesLost);
    assertEquals(200, found.read(1, 1 << 20).size());
    assertEquals(new HardState(1, Optional.empty()), found.hardState());
  }

  /** A power cut takes what wasn't forced, and no more. */
  @Test
  void aLogThatEndsBeforeWhatWasKnownToBeForcedHasLostSomethingAlsoInAPowerCut() {
    var log = open(OpenedAfter.FRESH);
    fill(log, 20);
    log.force();
    log.noteForced();
    log.append(List.of(entry(21, 1)));
    disk.restart();
    long sizeBytes = disk.sizeBytes(lastSegment());
    cut(sizeBytes - 1);

    assertEquals(20, open(OpenedAfter.SYSTEM_CRASH).lastIndex());
    assertEquals(List.of(), losses);

    disk.restart();
    cut(disk.sizeBytes(lastSegment()) - 1);
    assertEquals(19, open(OpenedAfter.SYSTEM_CRASH).lastIndex());
    assertEquals(List.of("the log ends at entry 19, and was on the disk up to 20"), losses);
    disk.restart();
    assertEquals(19, open(OpenedAfter.SYSTEM_CRASH).lastIndex());
    assertEquals(1, losses.size(), "it is known");
  }

  /** A leader's snapshot is here, and what contradicts it wasn't dropped yet. */
  @Test
  void whatASnapshotContradictsMayBeMissing() {
    var log = open(OpenedAfter.FRESH);
    fill(log, 20);
    log.force();
    log.noteForced();
    disk.restart();
    var contradicting = new LogRecovery.Base(15, 5);
    for (var openedAfter : List.of(OpenedAfter.PROCESS_CRASH, OpenedAfter.SYSTEM_CRASH)) {
      assertEquals(Optional.empty(), plan(openedAfter, contradicting).loss());
    }

    cut(LogFormat.SEGMENT_HEADER_BYTES);

    var covering = new LogRecovery.Base(15, 1);
    assertTrue(plan(OpenedAfter.SYSTEM_CRASH, covering).loss().orElseThrow().contains("up to 20"));
  }

  private LogPlan plan(OpenedAfter openedAfter, LogRecovery.Base base) {
    var recovery = new LogRecovery(disk, openedAfter, true, Optional.empty());
    LogPlan plan = recovery.plan(LOG, Optional.of(base), 0);
    plan.close();
    return plan;
  }

  private void cut(long sizeBytes) {
    try (var file = disk.open(lastSegment(), Disk.Mode.WRITE)) {
      file.truncate(sizeBytes);
      file.force();
    }
  }

  @Test
  void missingLastSegmentIsALossHoweverTheLastRunEnded() {
    for (var openedAfter :
        List.of(OpenedAfter.CLEAN, OpenedAfter.PROCESS_CRASH, OpenedAfter.SYSTEM_CRASH)) {
      losses.clear();
      fill(open(openedAfter()), 200);
      disk.delete(lastSegment());

      assertTrue(open(openedAfter).lastIndex() < 200);

      assertEquals(1, losses.size());
      assertTrue(losses.getFirst().contains("is missing"), losses.getFirst());
    }
  }

  private LogStore open(OpenedAfter openedAfter) {
    return TestLogs.open(disk, openedAfter, this::lost, LOG, SEGMENT_BYTES);
  }

  private String lastSegment() {
    return disk.list().stream()
        .filter(name -> LogFormat.segmentNumber(name) >= 0)
        .reduce((first, second) -> second)
        .orElseThrow();
  }

  private void lost(Recovery.Cause cause, boolean isVoteLost, String why) {
    losses.add(why);
    votesLost.add(isVoteLost);
  }

  private static void fill(LogStore log, long lastIndex) {
    for (long index = log.lastIndex() + 1; index <= lastIndex; index++) {
      log.append(List.of(entry(index, 1)));
    }
  }

  private static LogEntry entry(long index, long term) {
    return new LogEntry(index, term, LogEntry.Kind.COMMAND, payload(index));
  }

  private static byte[] payload(long index) {
    byte[] payload = new byte[(int) (index * 37 % 300)];
    new Random(index).nextBytes(payload);
    return payload;
  }

  private static ErrorCode codeOf(Runnable body) {
    return DiskContractTest.codeOf(body);
  }
}
