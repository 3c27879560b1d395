package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.HardState;
import holdfast.consensus.Recovery;
import holdfast.model.StorageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every kind of damage to every file of a log's directory, after every kind of end. What a start
 * then finds was written so, as far as it goes; what is missing is marked; nothing vanishes.
 */
final class DirectoryDamageTest {
  private static final int PAGE_BYTES = 512;
  private static final int HEADER_BYTES = 170;
  private static final int STEP_BYTES = 13;

  /** What is cut here is logged: meant. Held, so that its level lasts. */
  private static final Logger QUIET = Logger.getLogger("holdfast.storage");

  private static Level levelBefore;

  @BeforeAll
  static void logNothing() {
    levelBefore = QUIET.getLevel();
    QUIET.setLevel(Level.OFF);
  }

  @AfterAll
  static void logAgain() {
    QUIET.setLevel(levelBefore);
  }

  /** Something done to one file. */
  private record Damage(String what, String file, Consumer<DamageableLog> act) {
    @Override
    public String toString() {
      return what + " " + file;
    }
  }

  private static List<Damage> damages(DamageableLog log) {
    var all = new ArrayList<Damage>();
    for (String name : log.files()) {
      if (name.equals(StorageDirectory.LOCK_FILE)) {
        continue;
      }
      long sizeBytes = log.disk.sizeBytes(name);
      for (long at = 0; at < sizeBytes; at += at < HEADER_BYTES ? 1 : STEP_BYTES) {
        long bit = at * Byte.SIZE + at % Byte.SIZE;
        all.add(new Damage("flip " + at + " of", name, l -> l.disk.flipBit(name, bit)));
      }
      for (long at = 0; at < sizeBytes; at += PAGE_BYTES) {
        long page = at;
        byte[] zeros = new byte[(int) Math.min(PAGE_BYTES, sizeBytes - at)];
        all.add(new Damage("zero " + at + " of", name, l -> l.overwrite(name, page, zeros)));
        all.add(new Damage("cut at " + at, name, l -> l.cut(name, page)));
      }
      all.add(new Damage("cut the last byte of", name, l -> l.cut(name, sizeBytes - 1)));
      all.add(new Damage("cut the last 200 bytes of", name, l -> l.cut(name, sizeBytes - 200)));
      all.add(new Damage("remove", name, l -> l.remove(name)));
    }
    all.removeIf(damage -> damage.what.contains("200") && log.disk.sizeBytes(damage.file) < 300);
    return all;
  }

  private static boolean isSmall(String name) {
    return LogFormat.segmentNumber(name) < 0 && !SnapshotFormat.isSnapshotName(name);
  }

  @ParameterizedTest
  @EnumSource(
      value = OpenedAfter.class,
      names = {"CLEAN", "PROCESS_CRASH", "SYSTEM_CRASH"})
  void anyDamageToOneFileIsRepairedOrMarked(OpenedAfter openedAfter) {
    var pristine = new DamageableLog(openedAfter);
    var all = damages(pristine);
    String lastSegment = pristine.lastSegment();
    int lossCount = 0;
    for (Damage damage : all) {
      var log = new DamageableLog(openedAfter);
      damage.act.accept(log);
      Map<String, byte[]> before = log.image();
      try {
        var found = log.start();

        boolean isWhole = log.isPrefix(found);
        boolean isCutShort =
            openedAfter != OpenedAfter.CLEAN
                && !damage.what.startsWith("flip")
                && damage.file.equals(lastSegment);
        // What was cut looks like a write cut short; zeros look so after a power cut alone.
        boolean isTorn = isCutShort && damage.what.startsWith("cut") && isCommittedThere(found);
        boolean isPowerCut = isCutShort && openedAfter == OpenedAfter.SYSTEM_CRASH;
        boolean isMarkDue = !isWhole && !isTorn && !isPowerCut;
        lossCount += isMarkDue ? 1 : 0;
        check(openedAfter, found, isMarkDue);
        boolean isSpare = isSmall(damage.file) || SnapshotFormat.isSnapshotName(damage.file);
        assertTrue(isWhole || !isSpare, "one of two is enough");
        assertKept(before, log, isCutShort);
        assertStable(log, found);
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError(openedAfter + ", " + damage + ": " + e.getMessage(), e);
      }
    }
    assertTrue(lossCount > 100, "damage that costs entries: " + lossCount);
  }

  private static boolean isCommittedThere(DamageableLog.Recovered found) {
    return found.lastIndex() >= DamageableLog.COMMITTED;
  }

  private static void check(
      OpenedAfter openedAfter, DamageableLog.Recovered found, boolean isMarkDue) {
    Recovery recovery = found.recovery();
    assertTrue(recovery.isNeeded() || openedAfter != OpenedAfter.SYSTEM_CRASH);
    if (isMarkDue) {
      assertEquals(Recovery.Cause.DAMAGE, recovery.cause());
    }
    HardState hard = found.initial().hardState();
    boolean isVoteOlder = hard.term() < 7 || hard.votedFor().isEmpty();
    assertTrue(recovery.isVoteLost() || !isVoteOlder, "vote older: " + hard);
  }

  /** Segments and snapshots are still there, as they were found, under whatever name. */
  private static void assertKept(
      Map<String, byte[]> before, DamageableLog log, boolean isCutShort) {
    var after = log.image();
    before.forEach(
        (name, bytes) -> {
          boolean isKept =
              isSmall(name)
                  || isCutShort
                  || after.values().stream().anyMatch(now -> Arrays.equals(now, bytes));
          assertTrue(isKept, name + " is kept as it was: " + after.keySet());
        });
  }

  private static void assertStable(DamageableLog log, DamageableLog.Recovered found) {
    var again =
        log.start(
            loss -> {
              throw new AssertionError("lost again: " + loss);
            });
    assertEquals(found.lastIndex(), again.lastIndex());
    assertEquals(found.recovery(), again.recovery());
    assertTrue(again.log().equals(found.log()));
  }

  @Test
  void damageToTwoFilesIsRepairedOrMarkedOrRefused() {
    Seeds.run(
        seed -> {
          var random = new Random(seed);
          var ends =
              List.of(OpenedAfter.CLEAN, OpenedAfter.PROCESS_CRASH, OpenedAfter.SYSTEM_CRASH);
          OpenedAfter openedAfter = ends.get(random.nextInt(3));
          var log = new DamageableLog(openedAfter);
          var files = new ArrayList<>(log.files());
          files.remove(StorageDirectory.LOCK_FILE);
          String pair = files.get(random.nextInt(files.size()));
          String other = files.get(random.nextInt(files.size()));
          for (String name : List.of(pair, isSmall(pair) ? twin(pair) : other)) {
            if (log.disk.exists(name)) {
              var all = damages(log).stream().filter(damage -> damage.file.equals(name)).toList();
              all.get(random.nextInt(all.size())).act.accept(log);
            }
          }
          try {
            var found = log.start();
            boolean isWhole = log.isPrefix(found);
            boolean mayBeCutShort = openedAfter == OpenedAfter.PROCESS_CRASH;
            boolean isMarkDue = !isWhole && !(mayBeCutShort && isCommittedThere(found));
            boolean isUnsure = !found.recovery().isNeeded();
            assertFalse(isMarkDue && isUnsure, "unmarked: " + found.lastIndex());
            check(OpenedAfter.FRESH, found, false);
            assertStable(log, found);
          } catch (StorageException e) {
            assertTrue(e.getMessage().contains("expected="), e.getMessage());
          }
        });
  }

  private static String twin(String name) {
    return name.endsWith(PairFile.COPY_SUFFIX)
        ? name.substring(0, name.length() - PairFile.COPY_SUFFIX.length())
        : name + PairFile.COPY_SUFFIX;
  }
}
