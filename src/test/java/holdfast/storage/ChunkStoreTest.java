package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.sim.SimDisk;
import holdfast.util.ByteWriter;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Chunks without crashes: what is held, refused, damaged, listed. */
final class ChunkStoreTest {
  private final SimDisk disk = new SimDisk("sim", 1);
  private final Random random = new Random(1);

  @Test
  void largestChunkIsTakenIntoAnySegmentSizeAndOneByteMoreIsRefused() {
    var store = open(disk);
    byte[] bytes = random(ChunkStore.CHUNK_BYTES_MAX + 1);

    var id = put(store, Arrays.copyOf(bytes, ChunkStore.CHUNK_BYTES_MAX));

    assertTrue(store.verify(id));
    assertEquals(ErrorCode.TOO_LARGE, codeOf(() -> put(store, bytes)));
    store.force();
    store.close();
    assertTrue(open(disk).verify(id));
  }

  @Test
  void chunkIsWrittenOnce() {
    var store = open(disk);
    byte[] bytes = random(100);
    var id = put(store, bytes);
    long diskBytes = store.diskBytes();

    assertFalse(store.put(id, bytes, 0, bytes.length));

    assertEquals(diskBytes, store.diskBytes());
    assertEquals(1, store.chunkCount());
    assertEquals(100, store.storedBytes());
  }

  @Test
  void partsAreReadFromOpenAndSealedSegments() {
    var store = open(disk);
    byte[] bytes = random(40_000);
    var id = put(store, bytes);
    for (int round = 0; round < 2; round++) {
      byte[] into = new byte[2_000];

      store.read(id, 30_000, 1_000, into, 500);

      assertArrayEquals(
          Arrays.copyOfRange(bytes, 30_000, 31_000), Arrays.copyOfRange(into, 500, 1_500));
      assertEquals(0, into[499]);
      assertEquals(ErrorCode.INVALID, codeOf(() -> store.read(id, 39_500, 501, into, 0)));
      put(store, random(40_000));
    }
    assertEquals(ErrorCode.CHUNK_MISSING, codeOf(() -> store.read(new ChunkId(1, 2, 3, 4))));
  }

  @Test
  void listsAreSortedAndDigestsFollowWhatIsHeld() {
    var store = open(disk);
    var other = open(new SimDisk("other", 2));
    var chunks = new ArrayList<byte[]>();
    for (int i = 0; i < 50; i++) {
      chunks.add(random(1 + i));
    }
    var ids = new ArrayList<ChunkId>();
    chunks.forEach(bytes -> ids.add(putAs(store, inPartition(5, bytes), bytes)));
    byte[] full = store.digest(5);
    for (int i = chunks.size() - 1; i >= 0; i--) {
      putAs(other, ids.get(i), chunks.get(i));
    }

    assertArrayEquals(full, other.digest(5));
    assertEquals(
        ids.stream().sorted().toList(), store.list(5).stream().map(StoredChunk::id).toList());
    other.delete(ids.get(3));
    assertFalse(Arrays.equals(full, other.digest(5)));
    putAs(other, ids.get(3), chunks.get(3));
    assertArrayEquals(full, other.digest(5));
    assertEquals(50, store.chunkCount(5));
    assertEquals(0, store.chunkCount(6));
    assertArrayEquals(store.digest(6), other.digest(7));
  }

  @Test
  void deletedChunkStaysAwayOverARestartAndMayComeBack() {
    var store = open(disk);
    byte[] bytes = random(1_000);
    var id = put(store, bytes);

    assertTrue(store.delete(id));
    assertFalse(store.delete(id));

    store.close();
    store = open(disk);
    assertFalse(store.contains(id));
    put(store, bytes);
    store.close();
    assertArrayEquals(bytes, open(disk).read(id));
  }

  @Test
  void fullDiskRefusesTheChunkAndKeepsTheRest() {
    disk.totalBytes(40_000);
    var space = StorageSpace.of(disk, OptionalLong.empty(), OptionalLong.of(0));
    var store = ChunkStore.open(disk, space, ChunkFormat.SEGMENT_BYTES_MIN, new MemoryNotes());
    byte[] bytes = random(10_000);
    var id = put(store, bytes);
    try (var other = disk.open("other", Disk.Mode.CREATE)) {
      other.write(0, ByteBuffer.wrap(new byte[25_000]));
    }

    assertEquals(ErrorCode.NO_SPACE, codeOf(() -> put(store, random(10_000))));
    disk.delete("other");

    var later = put(store, random(20_000));
    store.force();
    disk.crash();
    var reopened = ChunkStore.open(disk, space, ChunkFormat.SEGMENT_BYTES_MIN, new MemoryNotes());
    assertArrayEquals(bytes, reopened.read(id));
    assertTrue(reopened.verify(later));
  }

  @Test
  void writeThatFindsTheDiskFullIsCutOffAgain() {
    var store = open(disk);
    var first = put(store, random(1_000));
    long diskBytes = store.diskBytes();
    disk.totalBytes(disk.totalBytes() - disk.freeBytes() + 500);
    var full =
        ChunkStore.open(
            disk,
            StorageSpace.of(new SimDisk("roomy", 1), OptionalLong.empty(), OptionalLong.of(0)),
            ChunkFormat.SEGMENT_BYTES_MIN,
            new MemoryNotes());

    assertEquals(ErrorCode.NO_SPACE, codeOf(() -> put(full, random(1_000))));

    assertEquals(diskBytes, disk.sizeBytes(ChunkFormat.segmentName(1)));
    disk.totalBytes(1 << 20);
    var second = put(full, random(1_000));
    assertTrue(full.verify(first) && full.verify(second));
    assertTrue(full.contains(first) && full.contains(second));
  }

  @Test
  void capacityAndReserveAreKept() {
    disk.totalBytes(1_000_000);
    var byCapacity = StorageSpace.of(disk, OptionalLong.of(50_000), OptionalLong.of(0));
    var byReserve = StorageSpace.of(disk, OptionalLong.empty(), OptionalLong.empty());

    assertEquals(50_000, byCapacity.capacityBytes(0));
    assertEquals(950_000, byReserve.capacityBytes(0));
    var store = ChunkStore.open(disk, byCapacity, ChunkFormat.SEGMENT_BYTES_MIN, new MemoryNotes());
    put(store, random(30_000));
    var refused = assertThrows(StorageException.class, () -> put(store, random(30_000)));
    assertEquals(ErrorCode.NO_SPACE, refused.code());
    assertTrue(refused.getMessage().contains("expected=room for"), refused.getMessage());
    assertTrue(store.diskBytes() <= 50_000);
  }

  @Test
  void failedForceLosesTheSegmentsChunksUntilTheyAreStoredAnew() {
    var store = open(disk);
    byte[] bytes = random(1_000);
    var id = put(store, bytes);
    store.force();
    disk.failForceAfter(0);
    put(store, random(1_000));

    assertEquals(ErrorCode.STORE_FAILED, codeOf(store::force));

    assertFalse(store.contains(id));
    assertEquals(0, store.chunkCount());
    assertArrayEquals(bytes, store.read(id));
    assertTrue(store.put(id, bytes, 0, bytes.length));
    store.force();
    disk.crash();
    var reopened = open(disk);
    assertArrayEquals(bytes, reopened.read(id));
    assertTrue(reopened.contains(id));
    assertEquals(1, reopened.chunkCount());
  }

  @Test
  void failedWriteGivesTheSegmentUpAndTheNextPutGoesOn() {
    var store = open(disk);
    var id = put(store, random(1_000));
    disk.failWriteAfter(0);

    assertEquals(ErrorCode.STORE_FAILED, codeOf(() -> put(store, random(1_000))));

    assertFalse(store.contains(id));
    var next = put(store, random(1_000));
    store.force();
    assertTrue(store.contains(next));
    disk.restart();
    var reopened = open(disk);
    assertFalse(reopened.contains(id));
    assertTrue(reopened.contains(next));
  }

  @Test
  void flippedBitIsNeverReadAsRight() {
    Seeds.run(
        seed -> {
          var seeded = new Random(seed);
          var damaged = new SimDisk("sim", seed);
          var held = new HashMap<ChunkId, byte[]>();
          try (var store = open(damaged)) {
            for (int i = 0; i < 12; i++) {
              byte[] bytes = new byte[1 + seeded.nextInt(20_000)];
              seeded.nextBytes(bytes);
              held.put(put(store, bytes), bytes);
            }
            store.force();
          }
          var names = damaged.list();
          String name = names.get(seeded.nextInt(names.size()));
          damaged.flipBit(name, seeded.nextLong(damaged.sizeBytes(name) * 8));

          try (var store = open(damaged)) {
            held.forEach((id, bytes) -> checkRightOrLost(store, id, bytes));
          }
        });
  }

  private static void checkRightOrLost(ChunkStore store, ChunkId id, byte[] bytes) {
    if (!store.contains(id)) {
      return;
    }
    try {
      assertArrayEquals(bytes, store.read(id));
      assertTrue(store.verify(id));
    } catch (StorageException e) {
      assertEquals(ErrorCode.CHUNK_CORRUPT, e.code());
      assertFalse(store.contains(id));
      assertFalse(store.verify(id));
      assertTrue(store.put(id, bytes, 0, bytes.length));
      assertArrayEquals(bytes, store.read(id));
    }
  }

  @Test
  void segmentOfANewerVersionIsRefused() {
    open(disk).close();
    var out = new ByteWriter().raw(SmallFile.magic("HFCHUNKS")).u32(2);
    SmallFile.replace(disk, ChunkFormat.segmentName(1), Crc.seal(out, 64));

    var refused = assertThrows(StorageException.class, () -> open(disk));

    assertEquals(ErrorCode.UNSUPPORTED, refused.code());
    assertTrue(refused.getMessage().contains("too new"), refused.getMessage());
    assertEquals(0, disk.openHandleCount());
  }

  @Test
  void readersAndWritersShareTheStore(@TempDir Path path) throws InterruptedException {
    var real = NioDisk.open(path);
    var store = open(real);
    var ids = new ArrayList<ChunkId>();
    byte[] bytes = random(30_000);
    ids.add(put(store, bytes));
    var failure = new AtomicReference<Throwable>();
    var done = new CountDownLatch(1);
    var readers = new ArrayList<Thread>();
    for (int i = 0; i < 3; i++) {
      var reader = new Thread(() -> readUntil(store, ids.get(0), bytes, done));
      reader.setUncaughtExceptionHandler((thread, e) -> failure.compareAndSet(null, e));
      reader.start();
      readers.add(reader);
    }
    for (int i = 0; i < 40; i++) {
      var id = put(store, random(20_000));
      store.force();
      assertTrue(store.verify(id));
    }
    done.countDown();
    for (Thread reader : readers) {
      reader.join();
    }
    store.close();

    assertEquals(null, failure.get());
  }

  private static void readUntil(
      ChunkStore store, ChunkId id, byte[] expected, CountDownLatch done) {
    while (done.getCount() > 0) {
      assertArrayEquals(expected, store.read(id));
    }
  }

  @Test
  void nothingIsWrittenToASegmentThatIsNotNoted() {
    var notes = new MemoryNotes();
    var space = StorageSpace.of(disk, OptionalLong.empty(), OptionalLong.of(0));
    try (var store = ChunkStore.open(disk, space, ChunkFormat.SEGMENT_BYTES_MIN, notes)) {
      notes.refuse();
      byte[] bytes = random(10_000);

      var refused = assertThrows(StorageException.class, () -> put(store, bytes));

      assertEquals(ErrorCode.NO_SPACE, refused.code());
      String name = ChunkFormat.segmentName(1);
      assertEquals(ChunkFormat.SEGMENT_HEADER_BYTES, disk.sizeBytes(name));
      assertEquals(0, store.chunkCount());
      var id = put(store, bytes);
      assertEquals(1, notes.lastMade());
      assertArrayEquals(bytes, store.read(id));
      assertFalse(disk.exists(ChunkFormat.segmentName(2)));
    }
  }

  private static ChunkStore open(Disk disk) {
    return ChunkStore.open(
        disk,
        StorageSpace.of(disk, OptionalLong.empty(), OptionalLong.of(0)),
        ChunkFormat.SEGMENT_BYTES_MIN,
        new MemoryNotes());
  }

  private static ChunkId put(ChunkStore store, byte[] bytes) {
    return putAs(store, ChunkId.nameOf(bytes, 0, bytes.length), bytes);
  }

  private static ChunkId putAs(ChunkStore store, ChunkId id, byte[] bytes) {
    assertTrue(store.put(id, bytes, 0, bytes.length));
    return id;
  }

  private static ChunkId inPartition(int partition, byte[] bytes) {
    var id = ChunkId.nameOf(bytes, 0, bytes.length);
    return new ChunkId(id.a() >>> 10 | (long) partition << 54, id.b(), id.c(), id.d());
  }

  private static ErrorCode codeOf(Runnable body) {
    return DiskContractTest.codeOf(body);
  }

  private byte[] random(int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    random.nextBytes(bytes);
    return bytes;
  }
}
