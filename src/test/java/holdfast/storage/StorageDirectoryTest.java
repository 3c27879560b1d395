package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Recovery;
import holdfast.crypto.identity.NodeKey;
import holdfast.model.ChunkLoss;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.sim.SimDisk;
import holdfast.util.ByteWriter;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The directory: its lock, its versions, how the last run ended, and the mark of a loss. */
final class StorageDirectoryTest {
  private static final byte[] ID = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

  private final SimDisk disk = new SimDisk("sim", 1);

  @Test
  void newDirectoryIsFreshAndKeepsItsId() {
    byte[] id;
    try (var directory = open("boot 1")) {
      assertEquals(OpenedAfter.FRESH, directory.openedAfter());
      assertEquals(Recovery.NONE, directory.recovery());
      id = directory.directoryId();
    }
    disk.restart();
    try (var directory = open("boot 1")) {
      assertArrayEquals(id, directory.directoryId());
    }
  }

  @Test
  void cleanEndIsToldFromACrashOfTheProcessAndOfTheSystem() {
    open("boot 1").closeCleanly();
    addLog();
    var clean = open("boot 2");
    assertEquals(OpenedAfter.CLEAN, clean.openedAfter());
    assertEquals(Recovery.NONE, clean.recovery());

    disk.restart();
    var killed = open("boot 2");
    assertEquals(OpenedAfter.PROCESS_CRASH, killed.openedAfter());
    assertEquals(Recovery.NONE, killed.recovery());

    disk.crash();
    var down = open("boot 3");
    assertEquals(OpenedAfter.SYSTEM_CRASH, down.openedAfter());
    assertEquals(Recovery.Cause.POWER_CUT, down.recovery().cause());
    down.closeCleanly();
  }

  @Test
  void aStartThatComesNoFurtherLeavesTheEndOfTheLastRunAsItWas() {
    var end = new DirectoryFormat.LogEnd(7, 3, 99);
    var first = open("boot 1");
    addLog();
    first.logEnds(end);
    first.closeCleanly();
    for (int i = 0; i < 3; i++) {
      var refused = look("boot 2");
      assertEquals(OpenedAfter.CLEAN, refused.openedAfter());
      assertEquals(java.util.Optional.of(end), refused.lastLogEnd());
      refused.closeCleanly();
    }

    open("boot 2").close();
    assertEquals(OpenedAfter.PROCESS_CRASH, look("boot 2").openedAfter());

    disk.crash();
    for (int i = 0; i < 3; i++) {
      var failed = look("boot 3");
      assertEquals(OpenedAfter.SYSTEM_CRASH, failed.openedAfter());
      assertEquals(Recovery.Cause.POWER_CUT, failed.recovery().cause());
      disk.restart();
    }
  }

  /** The log is as it was long before all that it names is settled. */
  @Test
  void whatMayBeLostOfTheChunksOutlastsTheRecoveryOfTheLog() {
    open("boot 1").close();
    addLog();
    disk.crash();
    var first = open("boot 2");
    var cut = ChunkLoss.NONE.withPowerCut();
    assertEquals(cut, first.chunkLoss());
    first.recovered(first.recovery().nonce());
    assertEquals(Recovery.NONE, first.recovery());
    disk.restart();

    var second = open("boot 2");
    assertEquals(Recovery.NONE, second.recovery());
    assertEquals(cut, second.chunkLoss());
    second.settleChunks(cut, cut.upTo(7));
    second.settleChunks(cut, ChunkLoss.NONE); // of a state that isn't any more
    disk.restart();

    var third = open("boot 2");
    assertEquals(cut.upTo(7), third.chunkLoss());
    third.settleChunks(cut.upTo(7), ChunkLoss.NONE);
    disk.crash();
    assertFalse(disk.exists("recovery") || disk.exists("recovery.copy"));
  }

  @Test
  void damageOfTheChunksIsNotedOnceAndOnlyWhereNoPowerCutExplainsIt() {
    open("boot 1").close();
    addLog();
    disk.restart();
    var damage = ChunkLoss.NONE.withDamage();
    var first = look("boot 1");
    first.segmentNotes().onScanned(new SegmentNotes.Scanned(false, 0x10, 0, 0));
    assertEquals(damage, first.chunkLoss());
    disk.restart(); // before the run has begun

    var second = look("boot 1");
    assertEquals(damage, second.chunkLoss());
    second.segmentNotes().onScanned(new SegmentNotes.Scanned(false, 0x10, 0, 0));
    second.begin();
    second.settleChunks(damage, ChunkLoss.NONE);
    disk.restart();

    var third = look("boot 1");
    third.segmentNotes().onScanned(new SegmentNotes.Scanned(false, 0x10, 0, 0));
    assertEquals(ChunkLoss.NONE, third.chunkLoss(), "it is known");
    third.begin();
    third.segmentNotes().onScanned(new SegmentNotes.Scanned(true, 0x10, 0, 0));
    assertEquals(damage, third.chunkLoss(), "a torn end is never known");
    third.settleChunks(damage, ChunkLoss.NONE);
    disk.crash();

    var fourth = look("boot 2");
    fourth.segmentNotes().onScanned(new SegmentNotes.Scanned(true, 0x11, 0, 0));
    assertEquals(ChunkLoss.NONE.withPowerCut(), fourth.chunkLoss());
    assertEquals(Recovery.Cause.POWER_CUT, fourth.recovery().cause());
  }

  @Test
  void aSegmentIsMadeOnceThatIsOnTheDisk() {
    var directory = open("boot 1");
    addLog();
    directory.segmentNotes().onMade(1);
    disk.failForceAfter(0);

    assertThrows(StorageException.class, () -> directory.segmentNotes().onMade(2));

    assertEquals(1, directory.segmentNotes().lastMade());
    directory.segmentNotes().onMade(2);
    disk.restart();
    assertEquals(2, look("boot 1").segmentNotes().lastMade());
    disk.restart();
    disk.flipBit("run", 99);
    disk.flipBit("run.copy", 99);
    var found = look("boot 1");
    found.segmentNotes().onScanned(new SegmentNotes.Scanned(false, 0, 0, 2));
    found.begin();
    disk.restart();
    assertEquals(2, look("boot 1").segmentNotes().lastMade());
  }

  @Test
  void aRunWhoseNumberIsLostComesAfterTheOneThatTheMachineRemembers() {
    for (int i = 0; i < 3; i++) {
      open("boot 1").close();
      addLog();
      disk.restart();
    }
    var known = look("boot 1");
    known.lastRunWas(70);
    assertEquals(4, known.runNumber());
    disk.restart();
    disk.delete("run");
    disk.delete("run.copy");

    var lost = look("boot 1");
    lost.lastRunWas(70);

    assertEquals(71, lost.runNumber());
    lost.begin();
    disk.restart();
    assertEquals(72, look("boot 1").runNumber());
  }

  @Test
  void inAnotherLogItIsNotKnownAnyMoreUpToWhichCommitChunksMayBeLost() {
    open("boot 1").close();
    addLog();
    disk.crash();
    var directory = open("boot 2");
    var cut = ChunkLoss.NONE.withPowerCut();
    directory.settleChunks(cut, cut.upTo(7));

    directory.reopenChunks();

    assertEquals(cut, directory.chunkLoss());
  }

  @Test
  void secondOpenerIsToldWhoHasIt() {
    var held = open("boot 1");

    var refused = assertThrows(StorageException.class, () -> open("boot 1"));

    assertEquals(ErrorCode.BUSY, refused.code());
    assertTrue(refused.getMessage().contains("locked by another peer (pid 1)"));
    held.close();
    open("boot 1").close();
  }

  @Test
  void brokenRunFileCountsAsASystemCrash() {
    open("boot 1").closeCleanly();
    addLog();
    disk.flipBit("run", 99);
    disk.flipBit("run.copy", 99);

    try (var directory = open("boot 1")) {
      assertEquals(OpenedAfter.SYSTEM_CRASH, directory.openedAfter());
      assertEquals(Recovery.Cause.POWER_CUT, directory.recovery().cause());
    }
  }

  @Test
  void tooNewAndTooOldAreTwoErrorsThatSayWhatToDo() {
    open("boot 1").closeCleanly();
    addLog();

    int version = DirectoryFormat.VERSION;
    String tooNew = refusalWith(version + 1);
    assertTrue(tooNew.contains("expected=" + version + ", was=" + (version + 1) + ", too new"));
    assertTrue(tooNew.contains("run the newer holdfast"));
    for (int older = 1; older < version; older++) {
      String tooOld = refusalWith(older);
      assertTrue(tooOld.contains("expected=" + version + ", was=" + older + ", too old"));
      assertTrue(tooOld.contains("copy the files out with that one"));
    }
  }

  private String refusalWith(int version) {
    var out = new ByteWriter().raw(SmallFile.magic("HFSTORE1")).u32(version).raw(ID);
    SmallFile.replace(disk, "format", Crc.seal(out, DirectoryFormat.FORMAT_BYTES));
    var refusal = assertThrows(StorageException.class, () -> open("boot 1"));
    assertEquals(ErrorCode.UNSUPPORTED, refusal.code());
    return refusal.getMessage();
  }

  private void addLog() {
    TestLogs.open(disk, OpenedAfter.FRESH, (cause, isVoteLost, why) -> {}, new LogId(1, 1), 4_096)
        .close();
  }

  @Test
  void anySmallFileMayBeDamagedOrMissingAndNothingIsLost() {
    var first = open("boot 1");
    addLog();
    byte[] id = first.directoryId();
    first.lost(Recovery.Cause.DAMAGE, true, "a test");
    Recovery marked = first.recovery();
    first.closeCleanly();
    for (String name :
        List.of("format", "format.copy", "run", "run.copy", "recovery", "recovery.copy")) {
      for (boolean isMissing : List.of(false, true)) {
        if (isMissing) {
          disk.delete(name);
        } else {
          disk.flipBit(name, 333);
        }

        var directory = open("boot 1");

        assertArrayEquals(id, directory.directoryId());
        assertEquals(OpenedAfter.CLEAN, directory.openedAfter());
        assertEquals(marked, directory.recovery());
        directory.closeCleanly();
      }
    }
  }

  @Test
  void oneCopyOfASmallFileMayBeUnreadableAndNothingIsLost() {
    var first = open("boot 1");
    addLog();
    byte[] id = first.directoryId();
    first.lost(Recovery.Cause.DAMAGE, true, "a test");
    Recovery marked = first.recovery();
    first.closeCleanly();
    for (String name :
        List.of("format", "format.copy", "run", "run.copy", "recovery", "recovery.copy")) {
      var failing = new FailingDisk(disk);
      failing.breakSector(name);

      var machine = new Machine("boot 1", "");
      var found = StorageDirectory.open(failing, machine, "pid 1", new Random(7)::nextLong);

      assertArrayEquals(id, found.directoryId());
      assertEquals(OpenedAfter.CLEAN, found.openedAfter());
      assertEquals(marked, found.recovery());
      assertTrue(SmallFile.read(failing, name).isPresent(), "written anew");
      found.close();
    }
  }

  @Test
  void aDirectoryKnowsWhetherALogWasBegun() {
    var directory = open("boot 1");
    assertFalse(directory.isLogBegun());
    directory.beginLog();
    disk.crash();
    assertTrue(open("boot 2").isLogBegun());
  }

  @Test
  void bothCopiesOfTheFormatDamagedAreWrittenAnewAndMarked() {
    for (boolean isMissing : List.of(false, true)) {
      open("boot 1").closeCleanly();
      addLog();
      for (String name : List.of("format", "format.copy")) {
        if (isMissing) {
          disk.delete(name);
        } else {
          disk.flipBit(name, 100);
        }
      }

      var directory = open("boot 1");

      assertEquals(Recovery.Cause.DAMAGE, directory.recovery().cause());
      assertEquals(1, directory.incarnation());
      byte[] id = directory.directoryId();
      directory.closeCleanly();
      var again = open("boot 1");
      assertArrayEquals(id, again.directoryId());
      again.recovered(again.recovery().nonce());
      again.closeCleanly();
    }
  }

  /**
   * Taken for new, its peer founded a second, empty log of its pool where it had founded the first.
   */
  @Test
  void aDirectoryOfWhichOnlyTheKeyIsLeftIsNotNew() {
    try (var key = disk.open(NodeKey.FILE_NAME + ".copy", Disk.Mode.CREATE)) {
      key.force();
    }
    disk.forceDirectory();

    for (int start = 0; start < 2; start++) {
      try (var directory = open("boot 1")) {
        assertEquals(Recovery.Cause.DAMAGE, directory.recovery().cause());
        assertTrue(directory.recovery().isVoteLost());
        assertEquals(ChunkLoss.NONE.withDamage(), directory.chunkLoss());
        assertTrue(directory.isLogBegun());
      }
    }
  }

  @Test
  void aDirectoryInWhichNothingCanBeReadIsRefused() {
    open("boot 1").closeCleanly();
    addLog();
    for (String name : disk.list()) {
      if (disk.sizeBytes(name) > 0) {
        disk.flipBit(name, 100);
      }
    }
    var before = disk.list();

    var refused = assertThrows(StorageException.class, () -> open("boot 1"));

    assertEquals(ErrorCode.STORE_FAILED, refused.code());
    assertTrue(refused.getMessage().contains("put the folder back"), refused.getMessage());
    assertEquals(before, disk.list());
  }

  @Test
  void aMarkOfALossThatCannotBeReadCountsAsTheWorst() {
    var first = open("boot 1");
    addLog();
    first.lost(Recovery.Cause.POWER_CUT, false, "a test");
    first.closeCleanly();
    disk.flipBit("recovery", 100);
    disk.flipBit("recovery.copy", 200);

    Recovery found = open("boot 1").recovery();

    assertEquals(Recovery.Cause.DAMAGE, found.cause());
    assertTrue(found.isVoteLost());
  }

  @Test
  void aCopyOfAFolderIsMarkedOnceAndHasLostItsVote() {
    open("boot 1").closeCleanly();
    disk.folderId(2);

    var copy = open("boot 1");

    Recovery marked = copy.recovery();
    assertEquals(Recovery.Cause.DAMAGE, marked.cause());
    assertTrue(marked.isVoteLost());
    copy.closeCleanly();
    assertEquals(marked, open("boot 1").recovery());
  }

  @Test
  void aFolderOnAnotherMachineIsMarked() {
    openOn("a", 1).closeCleanly();
    assertFalse(openOn("a", 1).recovery().isNeeded());
    disk.restart();
    assertTrue(openOn("b", 1).recovery().isVoteLost());
  }

  @Test
  void whatHasNoLastingNumberOrNameIsNoCopy() {
    openOn("", 0).closeCleanly();
    openOn("a", 1).closeCleanly();
    openOn("", 0).closeCleanly();

    assertEquals(Recovery.NONE, openOn("b", 2).recovery());
  }

  private StorageDirectory openOn(String machineId, long folderId) {
    disk.folderId(folderId);
    var machine = new Machine("boot 1", machineId);
    var directory = StorageDirectory.open(disk, machine, "pid 1", new Random(7)::nextLong);
    directory.begin();
    return directory;
  }

  @Test
  void runsAreCounted() {
    for (int number = 1; number <= 3; number++) {
      var directory = open("boot 1");
      assertEquals(number, directory.runNumber());
      addLog();
      disk.crash();
    }
  }

  @Test
  void reportedLossIsMarkedAtOnceAndUntilItIsRecovered() {
    var directory = open("boot 1");

    directory.lost(Recovery.Cause.DAMAGE, true, "a test");

    Recovery marked = directory.recovery();
    assertEquals(Recovery.Cause.DAMAGE, marked.cause());
    assertTrue(marked.isVoteLost());
    directory.closeCleanly();
    assertEquals(marked, open("boot 1").recovery());
  }

  @Test
  void aLossOnTopOfALossHasANewNonceAndTheWorseCause() {
    var directory = open("boot 1");
    directory.lost(Recovery.Cause.DAMAGE, true, "a test");
    Recovery first = directory.recovery();

    directory.lost(Recovery.Cause.POWER_CUT, false, "a test");

    Recovery second = directory.recovery();
    assertNotEquals(first.nonce(), second.nonce());
    assertEquals(Recovery.Cause.DAMAGE, second.cause());
    assertTrue(second.isVoteLost());
    directory.recovered(first.nonce());
    assertEquals(second, directory.recovery());
    directory.recovered(second.nonce());
    disk.crash();
    assertEquals(Recovery.Cause.POWER_CUT, open("boot 2").recovery().cause());
  }

  @Test
  void lossThatCannotBeRecordedMakesTheNextStartASystemCrash() {
    var directory = open("boot 1");
    disk.failForceAfter(0);

    directory.lost(Recovery.Cause.DAMAGE, true, "a test");
    assertEquals(Recovery.Cause.DAMAGE, directory.recovery().cause(), "this run knows");
    assertTrue(directory.recovery().isVoteLost());
    directory.closeCleanly();

    var next = open("boot 1");
    assertEquals(OpenedAfter.SYSTEM_CRASH, next.openedAfter());
    assertTrue(next.recovery().isNeeded());
  }

  @Test
  void everySystemCrashAtAnyMomentIsMarked() {
    Seeds.run(
        seed -> {
          var random = new Random(seed);
          var crashing = new SimDisk("sim", seed);
          boolean isMarkDue = false;
          int boot = 0;
          for (int round = 0; round < 20; round++) {
            crashing.losePowerAt(1 + random.nextInt(25));
            boolean isSystemCrash = random.nextBoolean();
            boolean isClean = random.nextInt(3) == 0;
            boolean isUsed = false;
            try (var directory =
                StorageDirectory.open(
                    crashing, new Machine("boot " + boot, ""), "pid 1", random::nextLong)) {
              assertTrue(directory.recovery().isNeeded() || !isMarkDue);
              directory.begin();
              isMarkDue = directory.recovery().isNeeded();
              isUsed = true;
              if (random.nextInt(3) == 0) {
                directory.lost(Recovery.Cause.POWER_CUT, false, "a test");
                isMarkDue = true;
              }
              if (isClean) {
                directory.closeCleanly();
              }
            } catch (SimDisk.PowerLost e) {
              // The point of it.
            }
            isMarkDue |= isUsed && isSystemCrash && !isClean;
            if (isSystemCrash) {
              crashing.crash();
              boot++;
            } else {
              crashing.restart();
            }
          }
        });
  }

  /** Opens, and goes on as after the log was opened. */
  private StorageDirectory open(String bootId) {
    var directory = look(bootId);
    directory.begin();
    return directory;
  }

  /** Opens, and comes no further. */
  private StorageDirectory look(String bootId) {
    return StorageDirectory.open(disk, new Machine(bootId, ""), "pid 1", new Random(7)::nextLong);
  }
}
