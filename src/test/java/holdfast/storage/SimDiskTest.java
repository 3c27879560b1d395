package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ErrorCode;
import holdfast.sim.SimDisk;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The simulated disk: the contract, and that its crashes damage what they may and nothing else. */
final class SimDiskTest extends DiskContractTest {
  private static final int SEED_COUNT = 200;

  @Override
  Disk disk() {
    return new SimDisk("sim", 1);
  }

  @Test
  void forcedBytesSurviveEveryCrashAndUnforcedOnesAreKeptLostOrTorn() {
    Set<String> outcomes = new HashSet<>();
    for (int seed = 0; seed < SEED_COUNT; seed++) {
      var disk = new SimDisk("sim", seed);
      var file = disk.open("a", Disk.Mode.CREATE);
      file.write(0, ByteBuffer.wrap(filled(2_048, 1)));
      file.force();
      disk.forceDirectory();
      file.write(2_048, ByteBuffer.wrap(filled(2_048, 2)));

      disk.crash();

      byte[] bytes = SmallFile.read(disk, "a").orElseThrow();
      for (int i = 0; i < 2_048; i++) {
        assertEquals(1, bytes[i], "seed " + seed);
      }
      outcomes.add(outcome(bytes));
    }
    assertTrue(outcomes.containsAll(Set.of("kept", "lost", "torn")), outcomes.toString());
  }

  @Test
  void unforcedNamesMayBeUndoneAndForcedOnesNot() {
    Set<Boolean> outcomes = new HashSet<>();
    for (int seed = 0; seed < SEED_COUNT; seed++) {
      var disk = new SimDisk("sim", seed);
      disk.open("kept", Disk.Mode.CREATE).close();
      disk.forceDirectory();
      disk.open("perhaps", Disk.Mode.CREATE).close();

      disk.crash();

      assertTrue(disk.exists("kept"), "seed " + seed);
      outcomes.add(disk.exists("perhaps"));
    }
    assertEquals(Set.of(true, false), outcomes);
  }

  @Test
  void restartLosesNothingButTheNextCrashMay() {
    Set<Boolean> outcomes = new HashSet<>();
    for (int seed = 0; seed < SEED_COUNT; seed++) {
      var disk = new SimDisk("sim", seed);
      var file = disk.open("a", Disk.Mode.CREATE);
      disk.forceDirectory();
      file.write(0, ByteBuffer.wrap(filled(100, 3)));

      disk.restart();
      assertEquals(100, disk.sizeBytes("a"));
      disk.crash();

      outcomes.add(disk.sizeBytes("a") == 100);
    }
    assertEquals(Set.of(true, false), outcomes);
  }

  @Test
  void secondForceAfterAFailedOneSavesNothing() {
    int lostCount = 0;
    for (int seed = 0; seed < SEED_COUNT; seed++) {
      var disk = new SimDisk("sim", seed);
      var file = disk.open("a", Disk.Mode.CREATE);
      disk.forceDirectory();
      file.write(0, ByteBuffer.wrap(filled(512, 3)));
      disk.failForceAfter(0);

      assertEquals(ErrorCode.STORE_FAILED, codeOf(file::force));
      file.force();
      disk.crash();

      lostCount += disk.sizeBytes("a") == 0 ? 1 : 0;
    }
    assertTrue(lostCount > SEED_COUNT / 10, "lost " + lostCount);
  }

  @Test
  void fullDiskTakesAPartAndSaysSo() {
    var disk = new SimDisk("sim", 1);
    disk.totalBytes(1_000);
    var file = disk.open("a", Disk.Mode.CREATE);

    assertEquals(
        ErrorCode.NO_SPACE, codeOf(() -> file.write(0, ByteBuffer.wrap(filled(2_000, 1)))));

    assertEquals(1_000, file.size());
    assertEquals(0, disk.freeBytes());
  }

  @Test
  void oldHandlesAreDeadAfterACrash() {
    var disk = new SimDisk("sim", 1);
    var file = disk.open("a", Disk.Mode.CREATE);
    disk.forceDirectory();
    var held = disk.lock("lock", "old");

    disk.crash();

    assertThrows(SimDisk.PowerLost.class, () -> file.write(0, ByteBuffer.allocate(1)));
    disk.lock("lock", "new");
    held.close();
    assertEquals(ErrorCode.BUSY, codeOf(() -> disk.lock("lock", "third")));
    assertEquals(0, disk.openHandleCount());
  }

  @Test
  void powerGoesAtTheGivenChangeAndStaysAway() {
    var disk = new SimDisk("sim", 1);
    disk.losePowerAt(2);
    var file = disk.open("a", Disk.Mode.CREATE);

    assertThrows(SimDisk.PowerLost.class, file::force);
    assertThrows(SimDisk.PowerLost.class, disk::list);
    assertTrue(disk.isPowerLost());

    disk.crash();
    assertFalse(disk.isPowerLost());
    disk.list();
  }

  private static String outcome(byte[] bytes) {
    int newCount = 0;
    for (byte value : bytes) {
      assertTrue(value >= 0 && value <= 2);
      newCount += value == 2 ? 1 : 0;
    }
    assertEquals(0, newCount % SimDisk.SECTOR_BYTES);
    return newCount == 2_048 ? "kept" : newCount == 0 ? "lost" : "torn";
  }

  private static byte[] filled(int lengthBytes, int value) {
    byte[] bytes = new byte[lengthBytes];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }
}
