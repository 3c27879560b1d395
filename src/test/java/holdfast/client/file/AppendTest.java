package holdfast.client.file;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.get;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.put;
import static holdfast.client.MemoryPool.read;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.MemoryPoolService;
import holdfast.client.api.AttributeChange;
import holdfast.client.api.ClientOptions;
import holdfast.client.api.KernelCache;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.Operation;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** O_APPEND by two mounts: every write in one piece, in its writer's order, nothing lost. */
class AppendTest {
  private static final int WINDOW = ExtentMap.WINDOW_BYTES;
  private static final int HEADER_BYTES = 12;
  private static final int RECORD_BYTES = 100_000;

  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final ClientFileSystem here = memory.mount();
  private final ClientFileSystem there = memory.mount();

  @AfterEach
  void close() {
    memory.close();
  }

  private static void append(ClientFileSystem fs, long handle, byte[] record) {
    // Where the kernel takes the end to be doesn't matter.
    assertEquals(record.length, fs.append(handle, 7, record, 0, record.length));
  }

  private static void append(ClientFileSystem fs, long handle, String text) {
    append(fs, handle, text.getBytes(US_ASCII));
  }

  private String text(String name) {
    return new String(read(memory.mount(), name), US_ASCII);
  }

  private static long open(ClientFileSystem fs, String name) {
    return fs.open(fs.lookup(1, name(name)).inode(), OpenFlags.READ_WRITE).handle();
  }

  private static AttributeChange size(long sizeBytes) {
    return new AttributeChange(AttributeChange.SIZE, 0, 0, 0, sizeBytes, 0, 0);
  }

  private void cut(ClientFileSystem fs, String name, long sizeBytes) {
    fs.setAttributes(fs.lookup(1, name(name)).inode(), size(sizeBytes), PoolFileSystem.NO_HANDLE);
  }

  /** A file with this content, open on both. */
  private long[] openOnBoth(String content) {
    long handle = here.create(ROOT, 1, name("f"), 0644, 0).handle();
    put(here, handle, 0, content.getBytes(US_ASCII));
    here.flush(handle);
    return new long[] {handle, open(there, "f")};
  }

  private void release(long[] handles) {
    here.release(handles[0]);
    there.release(handles[1]);
  }

  @Test
  void linesOfTwoMountsFollowEachOther() {
    long[] handles = openOnBoth("start ");
    append(here, handles[0], "one ");
    append(there, handles[1], "two ");
    here.flush(handles[0]);
    there.flush(handles[1]);
    append(here, handles[0], "three ");
    append(here, handles[0], "four ");
    append(there, handles[1], "five ");
    there.fsync(handles[1], false);
    here.fsync(handles[0], false);

    assertEquals("start one two five three four ", text("f"));
    assertEquals(text("f"), new String(get(here, handles[0]), US_ASCII));
    release(handles);
  }

  @Test
  void whatWasAppendedMovesAndWhatWasWrittenAtAnOffsetStays() {
    long[] handles = openOnBoth("0123456789");
    append(here, handles[0], "aa");
    put(here, handles[0], 3, "xx".getBytes(US_ASCII));
    append(here, handles[0], "bb");
    append(there, handles[1], "THERE");
    there.flush(handles[1]);
    here.flush(handles[0]);

    assertEquals("012xx56789THEREaabb", text("f"));
    release(handles);
  }

  /** A hole that a write beyond the end made stays; what was appended comes behind all. */
  @Test
  void appendsOnBothSidesOfAWriteBeyondTheEndKeepTheirOrder() {
    long[] handles = openOnBoth("01");
    append(here, handles[0], "aa");
    put(here, handles[0], 8, "xx".getBytes(US_ASCII));
    append(here, handles[0], "bb");
    append(there, handles[1], "TT");
    there.flush(handles[1]);
    here.flush(handles[0]);

    assertEquals("01TT\0\0\0\0xxaabb", text("f"));
    release(handles);
  }

  @Test
  void aFileThatTheOtherCutMeanwhileGetsNoHole() {
    long[] handles = openOnBoth("a long beginning ");
    append(here, handles[0], "one ");
    cut(there, "f", 0);
    append(here, handles[0], "two ");
    here.flush(handles[0]);
    append(here, handles[0], "three");
    here.flush(handles[0]);

    assertEquals("one two three", text("f"));
    assertEquals(13, here.attributes(here.lookup(1, name("f")).inode()).sizeBytes());
    release(handles);
  }

  @Test
  void aSizeThatWasSetHereHoldsAgainstTheOthersAppends() {
    long[] handles = openOnBoth("0123456789");
    append(there, handles[1], "THERE");
    there.flush(handles[1]);
    pool.beforeChange = AppendTest::refuseCommits;
    assertThrows(HoldfastException.class, () -> cut(here, "f", 4));
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    append(here, handles[0], "aa");
    here.flush(handles[0]);

    assertEquals("0123aa", text("f"));
    release(handles);
  }

  private static CompletableFuture<Void> refuseCommits(Operation operation) {
    return operation instanceof Operation.Commit
        ? CompletableFuture.failedFuture(new HoldfastException(ErrorCode.TIMED_OUT, "out"))
        : CompletableFuture.completedFuture(null);
  }

  /** Inline with its commit, and uploaded before it; the pool answers later, or the chunks do. */
  @ParameterizedTest
  @CsvSource({"100, true", "12582912, true", "100, false", "12582912, false"})
  void aCommitThatHappenedWithoutAnAnswerIsNotRepeated(int lengthBytes, boolean isAnswered) {
    pool.isOutcomeAnswered = isAnswered;
    long[] handles = openOnBoth("start");
    byte[] record = bytes(1, lengthBytes);
    pool.afterChange = AppendTest::refuseCommits;
    append(here, handles[0], record);
    assertThrows(HoldfastException.class, () -> here.flush(handles[0]));
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);
    append(there, handles[1], "there");
    there.flush(handles[1]);
    append(here, handles[0], "more");
    here.flush(handles[0]);

    var expected = new ByteArrayOutputStream();
    expected.writeBytes("start".getBytes(US_ASCII));
    expected.writeBytes(record);
    expected.writeBytes("theremore".getBytes(US_ASCII));
    assertArrayEquals(expected.toByteArray(), read(memory.mount(), "f"));
    release(handles);
  }

  /** Where a window has too many pieces, whoever writes into it seals all of it anew. */
  @ParameterizedTest
  @ValueSource(ints = {100, 3 * WINDOW})
  void aCommitThatHappenedIsNotRepeatedThoughTheOtherHasSealedItsBytesAnew(int lengthBytes) {
    long[] handles = openOnBoth("start");
    pool.afterChange = AppendTest::refuseCommits;
    append(here, handles[0], bytes(1, lengthBytes));
    assertThrows(HoldfastException.class, () -> here.flush(handles[0]));
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);
    byte[] whole = read(there, "f");
    put(there, handles[1], 0, whole);
    there.flush(handles[1]);
    here.flush(handles[0]);

    assertArrayEquals(whole, read(memory.mount(), "f"));
    release(handles);
  }

  @ParameterizedTest
  @ValueSource(ints = {100, 3 * WINDOW})
  void aWriteThatHappenedWithoutAnAnswerIsNotLaidOverTheOthers(int lengthBytes) {
    long[] handles = openOnBoth("start");
    pool.afterChange = AppendTest::refuseCommits;
    put(here, handles[0], 0, bytes(1, lengthBytes));
    assertThrows(HoldfastException.class, () -> here.flush(handles[0]));
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);
    byte[] others = bytes(2, lengthBytes);
    put(there, handles[1], 0, others);
    there.flush(handles[1]);
    here.flush(handles[0]);

    assertArrayEquals(others, read(memory.mount(), "f"));
    release(handles);
  }

  @Test
  void aCutThatHappenedWithoutAnAnswerIsNotUndone() {
    long[] handles = openOnBoth("a long beginning");
    pool.afterChange = AppendTest::refuseCommits;
    long inode = here.lookup(1, name("f")).inode();
    assertThrows(HoldfastException.class, () -> here.setAttributes(inode, size(0), handles[0]));
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);
    append(here, handles[0], "end");
    here.fsync(handles[0], false);

    assertEquals("end", text("f"));
    release(handles);
  }

  /** The session ends before it comes out what became of the cut; the log has it. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aCutOfASessionThatIsOverIsNotMadeOverWhatTheOtherHasWrittenSince(boolean isPowerLost) {
    long[] handles = openOnBoth("a long beginning");
    pool.afterChange = AppendTest::refuseCommits;
    pool.beforeOutcome = new CompletableFuture<>();
    long inode = here.lookup(1, name("f")).inode();
    assertThrows(HoldfastException.class, () -> here.setAttributes(inode, size(0), handles[0]));
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);
    if (isPowerLost) {
      pool.losePower(pool.namespace());
    } else {
      pool.endSession();
    }
    put(there, handles[1], 0, bytes(1, 1_000));
    there.fsync(handles[1], false);
    pool.beforeOutcome.complete(null);
    here.fsync(handles[0], false);

    assertArrayEquals(bytes(1, 1_000), read(memory.mount(), "f"));
    release(handles);
  }

  @ParameterizedTest
  @ValueSource(ints = {100, 3 * WINDOW})
  void aCommitThatNeverHappenedIsRepeatedBehindTheOthers(int lengthBytes) {
    long[] handles = openOnBoth("start");
    byte[] record = bytes(1, lengthBytes);
    pool.beforeChange = AppendTest::refuseCommits;
    append(here, handles[0], record);
    assertThrows(HoldfastException.class, () -> here.flush(handles[0]));
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    append(there, handles[1], "there");
    there.flush(handles[1]);
    here.flush(handles[0]);

    var expected = new ByteArrayOutputStream();
    expected.writeBytes("startthere".getBytes(US_ASCII));
    expected.writeBytes(record);
    assertArrayEquals(expected.toByteArray(), read(memory.mount(), "f"));
    release(handles);
  }

  /** A full window is stored at once: a commit of what came before takes no part of a write. */
  @Test
  void aWriteThatCrossesAWindowIsCommittedAsAWhole() {
    aCommitDuringAppendsKeepsTheOthersBehindWholeRecords(WINDOW, WINDOW / RECORD_BYTES + 1);
  }

  /** The second window is stored before the rest of the first: it isn't committed before it. */
  @Test
  void whatWasAppendedFirstIsCommittedFirst() {
    aCommitDuringAppendsKeepsTheOthersBehindWholeRecords(WINDOW / 2, 0);
  }

  private void aCommitDuringAppendsKeepsTheOthersBehindWholeRecords(
      int writtenBytes, int committedRecordsMax) {
    long[] handles = openOnBoth("");
    byte[] record = bytes(2, RECORD_BYTES);
    int count = (2 * WINDOW - writtenBytes) / RECORD_BYTES + 1;
    var firstStore = new CompletableFuture<Void>();
    pool.beforeStore =
        chunk -> pool.storeCount.get() == 1 ? firstStore : CompletableFuture.completedFuture(null);
    put(here, handles[0], 0, bytes(3, writtenBytes));
    var flush = background(() -> here.flush(handles[0]));
    awaitUntil(() -> pool.storeCount.get() == 1);
    for (int i = 0; i < count; i++) {
      append(here, handles[0], record);
    }
    awaitUntil(() -> pool.chunks.size() == 1);
    firstStore.complete(null);
    await(flush);
    append(there, handles[1], "THERE");
    there.flush(handles[1]);
    here.flush(handles[0]);

    byte[] found = read(memory.mount(), "f");
    int place = writtenBytes;
    while (found[place] != 'T' || found[place + 1] != 'H' || found[place + 2] != 'E') {
      place += RECORD_BYTES;
    }
    // How many it found is a matter of time; that it found whole ones isn't.
    assertTrue(place <= writtenBytes + committedRecordsMax * RECORD_BYTES);
    var expected = new ByteArrayOutputStream();
    expected.writeBytes(bytes(3, writtenBytes));
    for (int i = 0; i < count; i++) {
      if (expected.size() == place) {
        expected.writeBytes("THERE".getBytes(US_ASCII));
      }
      expected.writeBytes(record);
    }
    if (expected.size() == place) {
      expected.writeBytes("THERE".getBytes(US_ASCII));
    }
    assertArrayEquals(expected.toByteArray(), found);
    release(handles);
  }

  /** The kernel splits a write at the end of a page: no commit comes in between. */
  @Test
  void aCloseOfAnotherHandleWaitsForTheRestOfAWrite() {
    var slow = memory.mount(ClientOptions.standard(), () -> 1_000_000_000L);
    release(openOnBoth(""));
    long handle = open(slow, "f");
    long other = open(slow, "f");
    byte[] record = bytes(5, 10_000);
    slow.append(handle, 0, record, 0, 4_096);
    var flush = background(() -> slow.flush(other));
    assertThrows(TimeoutException.class, () -> flush.get(300, TimeUnit.MILLISECONDS));
    slow.append(handle, 4_096, record, 4_096, 4_096);
    slow.append(handle, 8_192, record, 8_192, 10_000 - 8_192);
    await(flush);
    slow.append(handle, 10_000, record, 0, 2_288);
    slow.flush(handle);
    slow.append(handle, 12_288, record, 0, 4_096);
    slow.fsync(other, false);

    byte[] expected = Arrays.copyOf(record, 16_384);
    System.arraycopy(record, 0, expected, 10_000, 2_288);
    System.arraycopy(record, 0, expected, 12_288, 4_096);
    assertArrayEquals(expected, read(memory.mount(), "f"));
    slow.release(handle);
    slow.release(other);
  }

  /** Whole pages, one after the other without an end: who closes another handle doesn't wait. */
  @Test
  void aCloseDoesNotWaitForAWriterThatNeverPauses() {
    long[] handles = openOnBoth("");
    long other = open(here, "f");
    byte[] page = bytes(6, 4_096);
    var count = new AtomicInteger();
    var stop = new AtomicInteger();
    var writer =
        background(
            () -> {
              while (stop.get() == 0 && count.get() < 20_000) {
                here.append(handles[0], count.getAndIncrement() * 4_096L, page, 0, page.length);
              }
            });
    awaitUntil(() -> count.get() > 10);
    for (int i = 0; i < 5; i++) {
      here.flush(other);
    }
    stop.set(1);
    await(writer);
    here.flush(handles[0]);

    byte[] found = read(memory.mount(), "f");
    assertEquals(count.get() * 4_096, found.length);
    for (int at = 0; at < found.length; at += 4_096) {
      assertTrue(Arrays.equals(found, at, at + 4_096, page, 0, 4_096), "at " + at);
    }
    here.release(other);
    release(handles);
  }

  @Test
  void moreLinesThanAWindowHasExtentsFindTheirPlace() {
    long[] handles = openOnBoth("");
    var expected = new StringBuilder();
    for (int i = 0; i < 150; i++) {
      append(here, handles[0], "here " + i + "\n");
      here.flush(handles[0]);
      append(there, handles[1], "there " + i + "\n");
      there.flush(handles[1]);
      expected.append("here ").append(i).append("\nthere ").append(i).append('\n');
    }

    assertEquals(expected.toString(), text("f"));
    release(handles);
  }

  @Test
  void aStoreThatFailsGivesUpAllOfItAndTheNextLineGoesToTheEnd() {
    long[] handles = openOnBoth("start ");
    append(there, handles[1], "there ");
    there.flush(handles[1]);
    pool.storeFailure = new HoldfastException(ErrorCode.NO_SPACE, "full");
    append(here, handles[0], bytes(4, WINDOW));
    assertThrows(HoldfastException.class, () -> here.flush(handles[0]));
    pool.storeFailure = null;
    assertThrows(HoldfastException.class, () -> here.fsync(handles[0], false));
    append(here, handles[0], "here");
    here.flush(handles[0]);

    assertEquals("start there here", text("f"));
    release(handles);
  }

  @Test
  void theKernelForgetsPagesThatItHasInTheWrongPlace() {
    var forgotten = new LinkedBlockingQueue<Long>();
    here.attach(
        new KernelCache() {
          @Override
          public void forgetInode(long inode, boolean content) {
            assertTrue(content);
            forgotten.add(inode);
          }

          @Override
          public void forgetEntry(long directory, byte[] name) {}

          @Override
          public void expireEntry(long directory, byte[] name) {}
        });
    long[] handles = openOnBoth("start ");
    long inode = here.lookup(1, name("f")).inode();
    here.append(handles[0], 6, "right ".getBytes(US_ASCII), 0, 6);
    here.append(handles[0], 12, "right ".getBytes(US_ASCII), 0, 6);
    assertEquals(18, here.attributes(inode).sizeBytes());
    here.flush(handles[0]);
    assertEquals(0, forgotten.size());

    here.append(handles[0], 6, "wrong ".getBytes(US_ASCII), 0, 6);
    assertEquals(24, here.attributes(inode).sizeBytes());
    assertEquals(inode, forgotten.poll());
    assertEquals(false, here.open(inode, OpenFlags.READ_ONLY).keepPages());

    append(there, handles[1], "there ");
    there.flush(handles[1]);
    here.flush(handles[0]);
    assertEquals(30, here.attributes(inode).sizeBytes());
    assertEquals(inode, forgotten.poll());
    assertEquals("start right right there wrong ", text("f"));
    release(handles);
  }

  /** Records of several writers on both mounts: each once, whole, in its writer's order. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void recordsOfManyWritersAreAllThereOnce(long seed) {
    int writerCount = 4;
    int recordCount = 100;
    int headBytes = 64;
    long[] handles = openOnBoth("\0".repeat(headBytes));
    release(handles);
    long inode = here.lookup(1, name("f")).inode();
    byte[] head = new byte[headBytes];
    var lost = new Random(seed);
    pool.afterChange = operation -> sometimesLost(operation, lost);
    pool.beforeChange = operation -> sometimesLost(operation, lost);
    var writers = new ArrayList<FutureTask<Void>>();
    for (int writer = 0; writer < writerCount; writer++) {
      int own = writer;
      ClientFileSystem fs = writer % 2 == 0 ? here : there;
      writers.add(
          background(
              () -> {
                var random = new Random(seed * 100 + own);
                long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
                for (int number = 0; number < recordCount; number++) {
                  int kind = random.nextInt(10);
                  int payload = random.nextInt(kind == 0 ? 131_000 : kind < 4 ? 30_000 : 90);
                  append(fs, handle, record(seed, own, number, payload));
                  switch (random.nextInt(6)) {
                    case 0 -> untilDone(fs, handle, true);
                    case 1, 2 -> untilDone(fs, handle, false);
                    case 3 -> {
                      untilDone(fs, handle, false);
                      fs.release(handle);
                      handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
                    }
                    case 4 -> {
                      head[own] = (byte) number;
                      put(fs, handle, own, new byte[] {(byte) number});
                    }
                    default -> {}
                  }
                }
                untilDone(fs, handle, false);
                fs.release(handle);
              }));
    }
    writers.forEach(AppendTest::await);
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);

    byte[] found = read(memory.mount(), "f");
    assertArrayEquals(head, Arrays.copyOf(found, headBytes), "seed " + seed);
    var next = new int[writerCount];
    for (ByteBuffer in = ByteBuffer.wrap(found).position(headBytes); in.hasRemaining(); ) {
      int at = in.position();
      int payload = in.getInt();
      int writer = in.getInt();
      String what = "seed " + seed + " at " + at + " writer " + writer;
      assertTrue(writer >= 0 && writer < writerCount, what);
      assertEquals(next[writer], in.getInt(), what);
      byte[] whole = Arrays.copyOfRange(found, at, at + HEADER_BYTES + payload);
      assertArrayEquals(record(seed, writer, next[writer]++, payload), whole, what);
      in.position(at + whole.length);
    }
    for (int count : next) {
      assertEquals(recordCount, count, "seed " + seed);
    }
  }

  /** One commit in ten is without an answer; half of those have happened. */
  private static CompletableFuture<Void> sometimesLost(Operation operation, Random random) {
    boolean isLost;
    synchronized (random) {
      isLost = random.nextInt(20) == 0;
    }
    return isLost ? refuseCommits(operation) : CompletableFuture.completedFuture(null);
  }

  private static void untilDone(ClientFileSystem fs, long handle, boolean forced) {
    for (int attempt = 0; ; attempt++) {
      try {
        if (forced) {
          fs.fsync(handle, false);
        } else {
          fs.flush(handle);
        }
        return;
      } catch (HoldfastException e) {
        if (e.code() != ErrorCode.TIMED_OUT || attempt == 20) {
          throw e;
        }
      }
    }
  }

  private static byte[] record(long seed, int writer, int number, int payloadBytes) {
    return ByteBuffer.allocate(HEADER_BYTES + payloadBytes)
        .putInt(payloadBytes)
        .putInt(writer)
        .putInt(number)
        .put(bytes(seed * 10_000 + writer * 1_000L + number, payloadBytes))
        .array();
  }

  /** While an append waits for a commit of the other's, it isn't lost and goes behind it. */
  @Test
  void appendsGoOnWhileOthersAreBeingMoved() {
    long[] handles = openOnBoth("start ");
    var count = new AtomicInteger();
    var stop = new AtomicInteger();
    var writer =
        background(
            () -> {
              while (stop.get() == 0) {
                append(here, handles[0], "w" + count.getAndIncrement() + " ");
              }
            });
    List<String> flushed = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      append(there, handles[1], "there" + i + " ");
      there.flush(handles[1]);
      here.flush(handles[0]);
      flushed.add("there" + i);
    }
    stop.set(1);
    await(writer);
    here.flush(handles[0]);

    var mine = new ArrayList<String>();
    var theirs = new ArrayList<String>();
    for (String word : text("f").substring("start ".length()).split(" ")) {
      (word.startsWith("w") ? mine : theirs).add(word);
    }
    assertEquals(flushed, theirs);
    assertEquals(count.get(), mine.size());
    for (int i = 0; i < mine.size(); i++) {
      assertEquals("w" + i, mine.get(i));
    }
    release(handles);
  }

  private static FutureTask<Void> background(Runnable work) {
    var task = new FutureTask<Void>(work, null);
    Thread.ofPlatform().daemon().name("test-writer").start(task);
    return task;
  }

  private static void await(FutureTask<Void> task) {
    try {
      task.get(60, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static void awaitUntil(java.util.function.BooleanSupplier condition) {
    long untilNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < untilNs, "never came true");
      Thread.onSpinWait();
    }
  }
}
