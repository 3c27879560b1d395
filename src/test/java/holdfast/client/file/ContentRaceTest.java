package holdfast.client.file;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.get;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.put;
import static holdfast.client.MemoryPool.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.MemoryPoolService;
import holdfast.client.api.AttributeChange;
import holdfast.client.api.OpenFlags;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.Operation;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Operations on one file that race with each other, with failures, and with another mount. */
class ContentRaceTest {
  private static final int WINDOW = ExtentMap.WINDOW_BYTES;

  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final ClientFileSystem fs = mount();

  private ClientFileSystem mount() {
    return memory.mount();
  }

  @AfterEach
  void everyByteOfMemoryIsGivenBack() {
    memory.close();
  }

  @Test
  void aLogThatGrowsByALineAndACloseIsNeverRefused() {
    long handle = fs.create(ROOT, 1, name("log"), 0644, 0).handle();
    byte[] model = new byte[0];
    for (int i = 0; i < 200; i++) {
      byte[] line = bytes(i, 30);
      put(fs, handle, model.length, line);
      fs.flush(handle);
      model = Arrays.copyOf(model, model.length + line.length);
      System.arraycopy(line, 0, model, model.length - line.length, line.length);
    }
    fs.release(handle);

    assertArrayEquals(model, read(mount(), "log"));
  }

  @Test
  void aRemovedFileCanBeCutAndExtendedWhileItIsOpen() {
    var created = fs.create(ROOT, 1, name("tmp"), 0644, 0);
    put(fs, created.handle(), 0, bytes(1, 1_000));
    fs.unlink(1, name("tmp"));

    fs.setAttributes(created.attributes().inode(), size(400), created.handle());
    var shown = fs.setAttributes(created.attributes().inode(), size(800), created.handle());

    assertEquals(800, shown.sizeBytes());
    assertArrayEquals(
        Arrays.copyOf(Arrays.copyOf(bytes(1, 1_000), 400), 800), get(fs, created.handle()));
    fs.release(created.handle());
  }

  @Test
  void bytesCutOffByATruncationThatFailedNeverComeBack() {
    write(fs, "cut", bytes(2, 300_000));
    long inode = fs.lookup(1, name("cut")).inode();
    long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
    pool.beforeChange =
        operation ->
            operation instanceof Operation.Commit
                ? CompletableFuture.failedFuture(new HoldfastException(ErrorCode.TIMED_OUT, "out"))
                : CompletableFuture.completedFuture(null);

    assertThrows(HoldfastException.class, () -> fs.setAttributes(inode, size(1_000), handle));
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    put(fs, handle, 290_000, bytes(3, 10));
    fs.flush(handle);
    fs.release(handle);

    byte[] expected = Arrays.copyOf(Arrays.copyOf(bytes(2, 300_000), 1_000), 290_010);
    System.arraycopy(bytes(3, 10), 0, expected, 290_000, 10);
    assertArrayEquals(expected, read(mount(), "cut"));
  }

  @Test
  void bytesCutOffNeverComeBackWhenAnotherMountChangedTheFileMeanwhile() {
    write(fs, "cut2", bytes(4, 300_000));
    var other = mount();
    long inode = fs.lookup(1, name("cut2")).inode();
    long mine = fs.open(inode, OpenFlags.READ_WRITE).handle();
    write(other, "cut2", bytes(5, 200_000));
    pool.beforeChange =
        operation ->
            operation instanceof Operation.Commit
                ? CompletableFuture.failedFuture(new HoldfastException(ErrorCode.TIMED_OUT, "out"))
                : CompletableFuture.completedFuture(null);

    assertThrows(HoldfastException.class, () -> fs.setAttributes(inode, size(1_000), mine));
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    put(fs, mine, 400_000, bytes(6, 10));
    fs.flush(mine);
    fs.release(mine);

    byte[] expected = new byte[400_010];
    System.arraycopy(bytes(5, 200_000), 0, expected, 0, 1_000);
    System.arraycopy(bytes(6, 10), 0, expected, 400_000, 10);
    assertArrayEquals(expected, read(mount(), "cut2"));
  }

  @Test
  void commitThatTimedOutButHappenedLosesNothing() {
    long handle = fs.create(ROOT, 1, name("late"), 0644, 0).handle();
    pool.afterChange =
        operation ->
            operation instanceof Operation.Commit
                ? CompletableFuture.failedFuture(new HoldfastException(ErrorCode.TIMED_OUT, "out"))
                : CompletableFuture.completedFuture(null);
    put(fs, handle, 0, bytes(7, 5_000));

    assertThrows(HoldfastException.class, () -> fs.flush(handle));
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);
    put(fs, handle, 5_000, bytes(8, 5_000_000));
    fs.flush(handle);
    fs.release(handle);

    byte[] expected = Arrays.copyOf(bytes(7, 5_000), 5_005_000);
    System.arraycopy(bytes(8, 5_000_000), 0, expected, 5_000, 5_000_000);
    assertArrayEquals(expected, read(mount(), "late"));
  }

  @Test
  void uploadThatFailsWhileAnEarlierPartIsCommittedLeavesViewAndPoolEqual() throws Exception {
    byte[] before = bytes(9, 3 * WINDOW);
    write(fs, "r", before);
    long inode = fs.lookup(1, name("r")).inode();
    long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
    byte[] first = bytes(10, WINDOW);
    put(fs, handle, 0, first);
    var committing = new CountDownLatch(1);
    var mayCommit = new CompletableFuture<Void>();
    pool.beforeChange =
        operation -> {
          committing.countDown();
          return mayCommit;
        };
    var flush = background(() -> fs.flush(handle));
    committing.await();

    pool.storeFailure = new HoldfastException(ErrorCode.NO_SPACE, "full");
    put(fs, handle, WINDOW, bytes(11, WINDOW));
    awaitUntil(() -> !isWritable(handle));
    pool.storeFailure = null;
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    mayCommit.complete(null);
    assertThrows(ExecutionException.class, () -> await(flush), "a close reports what is lost");

    byte[] expected = before.clone();
    System.arraycopy(first, 0, expected, 0, WINDOW);
    assertArrayEquals(expected, get(fs, handle));
    assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    fs.flush(handle);
    fs.release(handle);
    assertArrayEquals(expected, read(mount(), "r"));
    assertFalse(fs.open(inode, OpenFlags.READ_ONLY).keepPages(), "the kernel has lost bytes");
  }

  /** Whether a write that changes nothing is accepted: a failure is reported to it. */
  private boolean isWritable(long handle) {
    try {
      fs.write(handle, 0, bytes(10, 1), 0, 1);
      return true;
    } catch (HoldfastException e) {
      return false;
    }
  }

  @Test
  void uploadOvertakenByATruncationBringsNothingBack() throws Exception {
    long handle = fs.create(ROOT, 1, name("o"), 0644, 0).handle();
    long inode = fs.lookup(1, name("o")).inode();
    var stores = new ArrayList<CompletableFuture<Void>>();
    put(fs, handle, 0, bytes(12, 100));
    fs.flush(handle);
    var content = bytes(13, WINDOW);
    var started = new CountDownLatch(1);
    pool.beforeStore =
        chunk -> {
          var stored = new CompletableFuture<Void>();
          stores.add(stored);
          started.countDown();
          return stored;
        };
    put(fs, handle, 0, content);
    started.await();
    var cut = background(() -> fs.setAttributes(inode, size(50), handle));
    stores.get(0).complete(null);
    pool.beforeStore = chunk -> CompletableFuture.completedFuture(null);
    await(cut);
    put(fs, handle, 1_000, bytes(14, 10));
    fs.flush(handle);
    fs.release(handle);

    byte[] expected = Arrays.copyOf(Arrays.copyOf(content, 50), 1_010);
    System.arraycopy(bytes(14, 10), 0, expected, 1_000, 10);
    assertArrayEquals(expected, read(mount(), "o"));
  }

  @Test
  void chunksUploadedInAnOldEpochAreUploadedAgain() {
    long uploadedIn = pool.epoch();
    long handle = fs.create(ROOT, 1, name("e"), 0644, 0).handle();
    put(fs, handle, 0, bytes(15, 2 * WINDOW));
    var stamps = new ArrayList<Long>();
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.Commit commit) {
            stamps.add(commit.uploadEpoch());
          }
          return CompletableFuture.completedFuture(null);
        };
    awaitUntil(() -> pool.chunks.size() == 2);
    pool.advanceEpoch(uploadedIn + 2);
    fs.makeDirectory(ROOT, 1, name("d"), 0755);
    assertEquals(uploadedIn + 2, pool.epoch(), "the mount has heard of it");

    fs.flush(handle);
    fs.release(handle);

    assertEquals(uploadedIn, stamps.get(0), "stamped with the epoch of the upload");
    assertEquals(uploadedIn + 2, stamps.getLast());
    assertArrayEquals(bytes(15, 2 * WINDOW), read(mount(), "e"));
  }

  @Test
  void rewrittenWindowGivesWayToAnotherMountsBytes() {
    long mine = fs.create(ROOT, 1, name("w"), 0644, 0).handle();
    put(fs, mine, 0, new byte[WINDOW]);
    fs.flush(mine);
    var other = mount();
    long theirs = other.open(fs.lookup(1, name("w")).inode(), OpenFlags.READ_WRITE).handle();
    byte[] model = new byte[WINDOW];
    for (int i = 0; i < 150; i++) {
      put(fs, mine, i * 20_000L, bytes(i, 10)); // crowds the window: it is rewritten
      System.arraycopy(bytes(i, 10), 0, model, i * 20_000, 10);
    }
    put(other, theirs, 3_500_000, bytes(16, 100_000));
    System.arraycopy(bytes(16, 100_000), 0, model, 3_500_000, 100_000);
    other.flush(theirs);
    fs.flush(mine);
    other.release(theirs);
    fs.release(mine);

    assertArrayEquals(model, read(mount(), "w"));
  }

  /**
   * A piece that goes with its operation is looked at again when it is laid over another version.
   */
  @Test
  void aSmallWriteIsSavedThoughAnotherMountsCommitLeavesItsWindowNoRoom() {
    byte[] model = bytes(17, 40_000);
    write(fs, "s", model);
    long inode = fs.lookup(1, name("s")).inode();
    long mine = fs.open(inode, OpenFlags.READ_WRITE).handle();
    for (int i = 0; i < 22; i++) {
      change(fs, mine, 1_000 * i, bytes(i, 500), model);
      fs.flush(mine); // each cuts one extent into three, the first one into two
    }
    var other = mount();
    long theirs = other.open(inode, OpenFlags.READ_WRITE).handle();

    for (int i = 0; i < 6; i++) {
      change(fs, mine, 22_000 + 1_000 * i, bytes(100 + i, 500), model);
      change(other, theirs, 30_000 + 1_000 * i, bytes(200 + i, 500), model);
    }
    other.flush(theirs);
    fs.flush(mine);
    fs.release(mine);
    other.release(theirs);

    assertArrayEquals(model, read(mount(), "s"));
  }

  /** What the pool would refuse must not stay: nothing of the file could be saved any more. */
  @Test
  void aSizeThatNoFileMayHaveIsRefusedAndNothingElseIs() {
    write(fs, "t", bytes(20, 100));
    long inode = fs.lookup(1, name("t")).inode();
    long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
    for (long sizeBytes : new long[] {Extent.FILE_MAX_BYTES + 1, Long.MAX_VALUE}) {
      for (long by : new long[] {handle, -1}) {
        var refused =
            assertThrows(
                HoldfastException.class, () -> fs.setAttributes(inode, size(sizeBytes), by));
        assertEquals(ErrorCode.TOO_LARGE, refused.code());
      }
    }

    byte[] model = bytes(20, 100);
    change(fs, handle, 50, bytes(21, 10), model);
    fs.fsync(handle, false);
    fs.release(handle);

    assertArrayEquals(model, read(mount(), "t"));
  }

  /** A mount that changes nothing for long isn't told of the epochs that go by. */
  @Test
  void aSmallWriteIsSavedThoughTheMountKnowsAnOldEpoch() {
    write(fs, "s", bytes(18, 100));
    long handle = fs.open(fs.lookup(1, name("s")).inode(), OpenFlags.READ_WRITE).handle();
    byte[] model = bytes(18, 100);
    change(fs, handle, 50, bytes(19, 10), model);
    pool.advanceEpoch(pool.epoch() + 2);

    fs.flush(handle);

    assertArrayEquals(model, read(mount(), "s"));
    fs.release(handle);
  }

  /** Writes to a file, and to what it is to be like. */
  private static void change(
      ClientFileSystem at, long handle, int offset, byte[] data, byte[] model) {
    put(at, handle, offset, data);
    System.arraycopy(data, 0, model, offset, data.length);
  }

  /** Several handles and threads here, another mount there, each with ranges of its own. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void concurrentWritersOfOneFileKeepEachOthersBytes(long seed) throws Exception {
    int sizeBytes = 6 << 20;
    int strideBytes = 48 << 10;
    int writerCount = 4;
    write(fs, "m", new byte[sizeBytes]);
    long inode = fs.lookup(1, name("m")).inode();
    var other = mount();
    byte[] model = new byte[sizeBytes];
    var writers = new ArrayList<FutureTask<Void>>();
    for (int writer = 0; writer < writerCount; writer++) {
      int own = writer;
      ClientFileSystem at = writer == writerCount - 1 ? other : fs;
      writers.add(
          background(
              () -> {
                var random = new Random(seed * 100 + own);
                long handle = at.open(inode, OpenFlags.READ_WRITE).handle();
                for (int step = 0; step < 60; step++) {
                  // Strides are dealt out in turn: no two writers share a byte, all share windows.
                  int stride = random.nextInt(sizeBytes / strideBytes / writerCount);
                  int at0 = (stride * writerCount + own) * strideBytes;
                  int from = at0 + random.nextInt(strideBytes / 2);
                  int lengthBytes = 1 + random.nextInt(strideBytes / 2);
                  byte[] data = bytes(random.nextLong(), lengthBytes);
                  put(at, handle, from, data);
                  System.arraycopy(data, 0, model, from, lengthBytes);
                  byte[] back = new byte[lengthBytes];
                  assertEquals(lengthBytes, at.read(handle, from, back, 0, lengthBytes));
                  assertArrayEquals(data, back, "seed " + seed + " step " + step);
                  switch (random.nextInt(8)) {
                    case 0 -> at.flush(handle);
                    case 1 -> at.fsync(handle, false);
                    case 2 -> {
                      at.flush(handle);
                      at.release(handle);
                      handle = at.open(inode, OpenFlags.READ_WRITE).handle();
                    }
                    default -> {}
                  }
                }
                at.flush(handle);
                at.release(handle);
                return null;
              }));
    }
    for (FutureTask<Void> writer : writers) {
      await(writer);
    }

    assertArrayEquals(model, read(mount(), "m"), "seed " + seed);
  }

  private static FutureTask<Void> background(Runnable work) {
    return background(
        () -> {
          work.run();
          return null;
        });
  }

  private static FutureTask<Void> background(Callable<Void> work) {
    var task = new FutureTask<>(work);
    Thread.ofPlatform().daemon().name("test-writer").start(task);
    return task;
  }

  private static void await(FutureTask<Void> task)
      throws InterruptedException, ExecutionException, TimeoutException {
    task.get(60, TimeUnit.SECONDS);
  }

  private static void awaitUntil(java.util.function.BooleanSupplier condition) {
    long untilNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < untilNs, "never came true");
      Thread.onSpinWait();
    }
  }

  private static AttributeChange size(long sizeBytes) {
    return new AttributeChange(AttributeChange.SIZE, 0, 0, 0, sizeBytes, 0, 0);
  }

  private static void write(ClientFileSystem fs, String name, byte[] content) {
    long handle = fs.create(ROOT, 1, name(name), 0644, OpenFlags.TRUNCATE).handle();
    put(fs, handle, 0, content);
    fs.flush(handle);
    fs.release(handle);
  }
}
