package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What every disk does, the real one and the simulated one. */
abstract class DiskContractTest {
  private static final int BIG_BYTES = 3 * 256 * 1024 + 17;

  /** An empty directory. */
  abstract Disk disk();

  @Test
  void writtenBytesAreReadBackAtTheirPositions() {
    var disk = disk();
    byte[] bytes = random(BIG_BYTES);

    try (var file = disk.open("a", Disk.Mode.CREATE)) {
      file.write(5, ByteBuffer.wrap(bytes));

      assertEquals(BIG_BYTES + 5, file.size());
      assertArrayEquals(bytes, read(file, 5, BIG_BYTES));
      assertArrayEquals(new byte[5], read(file, 0, 5));
    }
  }

  @Test
  void partOfABufferIsWrittenAndReadWithoutTouchingTheRest() {
    var disk = disk();
    byte[] bytes = random(100);
    byte[] into = new byte[100];

    try (var file = disk.open("a", Disk.Mode.CREATE)) {
      file.write(0, ByteBuffer.wrap(bytes, 10, 20));
      int readBytes = file.read(0, ByteBuffer.wrap(into, 40, 20));

      assertEquals(20, file.size());
      assertEquals(20, readBytes);
      assertArrayEquals(Arrays.copyOfRange(bytes, 10, 30), Arrays.copyOfRange(into, 40, 60));
      assertEquals(0, into[39]);
      assertEquals(0, into[60]);
    }
  }

  @Test
  void readAtAndBehindTheEndSaysHowMuchThereWas() {
    var disk = disk();

    try (var file = disk.open("a", Disk.Mode.CREATE)) {
      file.write(0, ByteBuffer.wrap(random(10)));

      assertEquals(4, file.read(6, ByteBuffer.allocate(100)));
      assertEquals(0, file.read(10, ByteBuffer.allocate(100)));
      assertEquals(0, file.read(1_000, ByteBuffer.allocate(100)));
    }
  }

  /** A force says nothing of a file that nobody finds any more. */
  @Test
  void fileThatIsRemovedOrReplacedIsNotInItsPlace() {
    var disk = disk();

    try (var file = disk.open("a", Disk.Mode.CREATE)) {
      assertTrue(file.isInPlace());
      disk.delete("a");
      assertFalse(file.isInPlace());
      file.force();
      try (var other = disk.open("a", Disk.Mode.CREATE)) {
        assertTrue(other.isInPlace());
        assertFalse(file.isInPlace());
      }
    }
  }

  @Test
  void truncateCutsAndNeverGrows() {
    var disk = disk();

    try (var file = disk.open("a", Disk.Mode.CREATE)) {
      file.write(0, ByteBuffer.wrap(random(100)));
      file.truncate(200);
      assertEquals(100, file.size());
      file.truncate(40);
      assertEquals(40, file.size());
      file.write(60, ByteBuffer.wrap(new byte[] {1}));

      assertArrayEquals(new byte[20], read(file, 40, 20));
    }
  }

  @Test
  void modesFailOnWhatIsOrIsNotThere() {
    var disk = disk();

    assertEquals(ErrorCode.NOT_FOUND, codeOf(() -> disk.open("a", Disk.Mode.READ)));
    assertEquals(ErrorCode.NOT_FOUND, codeOf(() -> disk.open("a", Disk.Mode.WRITE)));
    disk.open("a", Disk.Mode.CREATE).close();
    assertEquals(ErrorCode.EXISTS, codeOf(() -> disk.open("a", Disk.Mode.CREATE)));
    disk.open("a", Disk.Mode.READ).close();
    disk.open("a", Disk.Mode.WRITE).close();
  }

  @Test
  void fileOpenedForReadingCannotBeWritten() {
    var disk = disk();
    disk.open("a", Disk.Mode.CREATE).close();

    try (var file = disk.open("a", Disk.Mode.READ)) {
      assertThrows(RuntimeException.class, () -> file.write(0, ByteBuffer.allocate(1)));
      assertEquals(0, file.size());
    }
  }

  @Test
  void renameReplacesAndKeepsOpenHandles() {
    var disk = disk();
    var file = disk.open("a", Disk.Mode.CREATE);
    file.write(0, ByteBuffer.wrap(new byte[] {1}));
    disk.open("b", Disk.Mode.CREATE).close();

    disk.rename("a", "b");
    file.write(1, ByteBuffer.wrap(new byte[] {2}));
    file.close();

    assertEquals(List.of("b"), disk.list());
    try (var renamed = disk.open("b", Disk.Mode.READ)) {
      assertArrayEquals(new byte[] {1, 2}, read(renamed, 0, 2));
    }
    assertEquals(ErrorCode.NOT_FOUND, codeOf(() -> disk.rename("a", "c")));
  }

  @Test
  void deletedFileIsGoneByNameAndStillReadByHandleAndRegion() {
    var disk = disk();
    byte[] bytes = random(5_000);
    var file = disk.open("a", Disk.Mode.CREATE);
    file.write(0, ByteBuffer.wrap(bytes));
    var region = file.map(1_000, 4_000);

    assertTrue(disk.delete("a"));

    assertFalse(disk.delete("a"));
    assertFalse(disk.exists("a"));
    assertArrayEquals(bytes, read(file, 0, 5_000));
    byte[] into = new byte[4_000];
    region.read(0, into, 0, 4_000);
    assertArrayEquals(Arrays.copyOfRange(bytes, 1_000, 5_000), into);
    region.close();
    file.close();
  }

  @Test
  void regionReadsItsRangeUntilItsLastReferenceIsClosed() {
    var disk = disk();
    byte[] bytes = random(10_000);
    var file = disk.open("a", Disk.Mode.CREATE);
    file.write(0, ByteBuffer.wrap(bytes));
    var region = file.map(0, 10_000);
    file.close();
    byte[] into = new byte[20];

    assertTrue(region.acquire());
    region.close();
    region.read(9_990, into, 5, 10);

    assertArrayEquals(Arrays.copyOfRange(bytes, 9_990, 10_000), Arrays.copyOfRange(into, 5, 15));
    assertEquals(10_000, region.lengthBytes());
    assertThrows(IndexOutOfBoundsException.class, () -> region.read(9_991, into, 0, 10));
    region.close();
    assertFalse(region.acquire());
    assertEquals(ErrorCode.STORE_FAILED, codeOf(() -> region.read(0, into, 0, 1)));
  }

  @Test
  void onlyWhatIsThereIsMapped() {
    var disk = disk();

    try (var file = disk.open("a", Disk.Mode.CREATE)) {
      file.write(0, ByteBuffer.wrap(random(100)));

      assertEquals(ErrorCode.INVALID, codeOf(() -> file.map(50, 51)));
      assertEquals(100, file.size());
    }
  }

  @Test
  void listIsSortedAndForcesSucceed() {
    var disk = disk();
    for (String name : List.of("c", "a", "b")) {
      try (var file = disk.open(name, Disk.Mode.CREATE)) {
        file.write(0, ByteBuffer.wrap(random(10)));
        file.force();
      }
    }

    disk.forceDirectory();

    assertEquals(List.of("a", "b", "c"), disk.list());
    assertTrue(disk.freeBytes() > 0 && disk.freeBytes() <= disk.totalBytes());
  }

  @Test
  void lockIsHeldOnceAndNamesItsHolder() {
    var disk = disk();
    var held = disk.lock("lock", "pid 17");

    var refused = assertThrows(StorageException.class, () -> disk.lock("lock", "pid 18"));

    assertEquals(ErrorCode.BUSY, refused.code());
    assertTrue(refused.getMessage().contains("locked by another peer"), refused.getMessage());
    held.close();
    held.close();
    disk.lock("lock", "pid 18").close();
  }

  @Test
  void namesWithSeparatorsAreRefused() {
    var disk = disk();

    assertEquals(ErrorCode.INVALID, codeOf(() -> disk.open("../a", Disk.Mode.CREATE)));
    assertEquals(ErrorCode.INVALID, codeOf(() -> disk.open("", Disk.Mode.CREATE)));
  }

  static ErrorCode codeOf(Runnable body) {
    return assertThrows(StorageException.class, body::run).code();
  }

  private static byte[] read(DiskFile file, long position, int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    assertEquals(lengthBytes, file.read(position, ByteBuffer.wrap(bytes)));
    return bytes;
  }

  private static byte[] random(int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    new Random(lengthBytes).nextBytes(bytes);
    return bytes;
  }
}
