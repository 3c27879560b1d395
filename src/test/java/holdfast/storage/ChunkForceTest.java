package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.sim.SimDisk;
import java.util.OptionalLong;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;

/** What a failed force of a chunk segment costs: the segment, and nothing is forced twice. */
final class ChunkForceTest {
  private static final String SEGMENT = ChunkFormat.segmentName(1);

  private final FailingDisk disk = new FailingDisk(new SimDisk("sim", 1));

  @Test
  void fileWhoseForceFailedIsNeverForcedAgain() {
    var segment = ChunkSegment.create(disk, 1, ChunkFormat.SEGMENT_BYTES_MIN, new Semaphore(1));
    disk.failNextForce(ErrorCode.STORE_FAILED);

    var first = assertThrows(StorageException.class, segment::force);
    var second = assertThrows(StorageException.class, segment::force);
    var atSeal = assertThrows(StorageException.class, segment::seal);

    assertEquals(ErrorCode.STORE_FAILED, first.code());
    assertTrue(second.getMessage().contains("expected=no failed force before"));
    assertTrue(atSeal.getMessage().contains("expected=no failed force before"));
    segment.close();
  }

  @Test
  void forceThatFindsTheDiskFullCostsTheSegmentToo() {
    try (var store = open()) {
      var id = put(store, 100);
      disk.failNextForce(ErrorCode.NO_SPACE);

      assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(store::force));

      assertFalse(store.contains(id));
    }
  }

  @Test
  void sealThatFindsTheDiskFullCostsTheSegmentToo() {
    try (var store = open()) {
      var id = put(store, 100);
      disk.failNextForce(ErrorCode.NO_SPACE);

      assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(() -> put(store, 65_300)));

      assertFalse(store.contains(id));
      assertTrue(disk.exists(ChunkFormat.badName(1)));
    }
  }

  /** It went on being written and forced where nobody would find it; all of it was gone later. */
  @Test
  void nothingIsForcedInASegmentThatSomebodyHasRemoved() {
    try (var store = open()) {
      var id = put(store, 100);
      store.force();
      disk.delete(SEGMENT);

      put(store, 101);
      assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(store::force));

      assertFalse(store.contains(id));
      var later = put(store, 102);
      store.closeCleanly();
      try (var again = open()) {
        assertTrue(again.contains(later));
        assertEquals(1, again.chunkCount());
      }
    }
  }

  @Test
  void nothingCountsAsDurableWhileTheDiskCannotBeToldOfAFailedForce() {
    try (var store = open()) {
      put(store, 100);
      disk.failNextForce(ErrorCode.STORE_FAILED);
      disk.breakDirectory(true);
      assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(store::force));

      assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(store::force));
      assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(() -> put(store, 101)));
      assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(store::closeCleanly));

      disk.breakDirectory(false);
      var id = put(store, 102);
      store.closeCleanly();
      try (var again = open()) {
        assertTrue(again.contains(id));
        assertEquals(1, again.chunkCount());
      }
    }
  }

  @Test
  void closingCleanlyAfterAFailedForceDoesNotForceTheSegmentAgain() {
    try (var store = open()) {
      var id = put(store, 100);
      disk.failNextForce(ErrorCode.STORE_FAILED);
      assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(store::force));

      store.closeCleanly();

      try (var again = open()) {
        assertFalse(again.contains(id));
      }
    }
  }

  @Test
  void aForceThatFailedIsNeverTriedAgainOnTheSameFile() {
    for (boolean isDamaged : new boolean[] {false, true}) {
      for (int seed = 0; seed < 50; seed++) {
        var failing = new SimDisk("sim", seed);
        var id = killedAfterAFailedForce(failing);
        if (isDamaged) {
          failing.flipBit(SEGMENT, 8L * (ChunkFormat.SEGMENT_HEADER_BYTES + 60));
        }

        // What the failed force dropped can still be read: as if nothing had been the matter.
        try (var store = open(failing)) {
          assertTrue(store.contains(id));
          put(store, 200);
          store.force();
        }
        failing.crash();

        try (var store = open(failing)) {
          assertTrue(store.contains(id), "seed " + seed);
          assertEquals(100, store.read(id).length);
          assertEquals(isDamaged ? 2 : 3, store.chunkCount());
        }
      }
    }
  }

  @Test
  void whatMayNeverHaveBeenForcedIsNotVouchedForWhileThereIsNoRoomForACopy() {
    for (int seed = 0; seed < 50; seed++) {
      var failing = new SimDisk("sim", seed);
      var id = killedAfterAFailedForce(failing);
      failing.totalBytes(100);

      try (var store = open(failing)) {
        assertTrue(store.contains(id));
        assertEquals(100, store.read(id).length);
        assertEquals(ErrorCode.NO_SPACE, DiskContractTest.codeOf(store::force));
        assertEquals(ErrorCode.NO_SPACE, DiskContractTest.codeOf(store::closeCleanly));
        failing.totalBytes(1 << 20);
        store.force();
        put(store, 200);
        store.force();
      }
      failing.crash();

      try (var store = open(failing)) {
        assertEquals(100, store.read(id).length);
        assertEquals(3, store.chunkCount(), "seed " + seed);
      }
    }
  }

  /** What an earlier process wrote can't be copied, and the disk can't be told of that either. */
  @Test
  void whatWasFoundAndCannotBeVouchedForIsMarkedBeforeAnythingCounts() {
    for (boolean isPutFirst : new boolean[] {false, true}) {
      var failing = new SimDisk("sim", 1);
      var breaking = new FailingDisk(failing);
      var id = killedAfterAFailedForce(failing);
      failing.totalBytes(100);
      try (var store = open(breaking)) {
        failing.totalBytes(1 << 20);
        breaking.failNextForce(ErrorCode.STORE_FAILED);
        breaking.breakCreation(ChunkFormat.badName(1));

        Runnable first = isPutFirst ? () -> put(store, 200) : store::force;
        assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(first::run));

        assertFalse(store.contains(id));
        assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(store::force));
        assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(() -> put(store, 201)));
        assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(store::closeCleanly));
        assertFalse(failing.exists(ChunkFormat.segmentName(2)));

        breaking.breakCreation("");
        put(store, 202);
        store.force();
      }
      failing.crash();

      try (var store = open(failing)) {
        assertFalse(store.contains(id));
        assertEquals(1, store.chunkCount());
      }
    }
  }

  @Test
  void noOtherSegmentIsBegunWhileThereIsNoRoomForACopy() {
    var failing = new SimDisk("sim", 1);
    killedAfterAFailedForce(failing);
    failing.totalBytes(100);

    try (var store = open(failing)) {
      failing.totalBytes(failing.sizeBytes(SEGMENT) + 250);
      byte[] bytes = new byte[10];
      var id = ChunkId.nameOf(bytes, 0, bytes.length);
      var code = DiskContractTest.codeOf(() -> store.put(id, bytes, 0, bytes.length));
      assertEquals(ErrorCode.NO_SPACE, code);
    }

    assertFalse(failing.exists(ChunkFormat.segmentName(2)));
  }

  /**
   * The kernel can't write what is in the segment, says so to a process that is being killed, and
   * calls the pages clean. Two chunks; returns the second.
   */
  private static ChunkId killedAfterAFailedForce(SimDisk failing) {
    var store = open(failing);
    put(store, 99);
    var id = put(store, 100);
    try (var file = failing.open(SEGMENT, Disk.Mode.WRITE)) {
      failing.failForceAfter(0);
      assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(file::force));
    }
    failing.restart();
    return id;
  }

  private ChunkStore open() {
    return open(disk);
  }

  private static ChunkStore open(Disk disk) {
    return ChunkStore.open(
        disk,
        StorageSpace.of(disk, OptionalLong.empty(), OptionalLong.of(0)),
        ChunkFormat.SEGMENT_BYTES_MIN,
        new MemoryNotes());
  }

  private static ChunkId put(ChunkStore store, int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    var id = ChunkId.nameOf(bytes, 0, lengthBytes);
    assertTrue(store.put(id, bytes, 0, lengthBytes));
    return id;
  }
}
