package holdfast.client.file;

import static holdfast.client.MemoryPool.await;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.put;
import static holdfast.client.MemoryPool.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.MemoryPoolService;
import holdfast.client.NotingKernel;
import holdfast.client.api.AttributeChange;
import holdfast.client.api.ClientOptions;
import holdfast.client.api.OpenFlags;
import holdfast.metadata.op.ExtentMap;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.SystemClocks;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What becomes of written data that can't be saved, and who is failure. */
class LossesTest {
  private static final int WINDOW = ExtentMap.WINDOW_BYTES;
  private static final HoldfastException AWAY = new HoldfastException(ErrorCode.TIMED_OUT, "away");
  private static final HoldfastException FULL = new HoldfastException(ErrorCode.NO_SPACE, "full");

  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;

  /** The clock of the mount runs, and is put forward. */
  private final AtomicLong forwardNs = new AtomicLong();

  private final ClientFileSystem fs =
      memory.mount(
          ClientOptions.standard(), () -> SystemClocks.monotonic().nowNs() + forwardNs.get());

  @AfterEach
  void close() {
    memory.close();
  }

  /** ETIMEDOUT says that nothing is lost: a program calls fsync again, and would hear 0. */
  @Test
  void whatIsAbandonedAfterItsTimeIsReportedAsLost() {
    byte[] before = bytes(1, 100);
    long handle = open("abandoned", before);
    pool.storeFailure = AWAY;
    put(fs, handle, 0, bytes(2, WINDOW + 1));

    HoldfastException failure = null;
    for (int i = 0; i < 100 && (failure == null || failure.code() == ErrorCode.TIMED_OUT); i++) {
      failure = fsyncFailure(handle);
      forwardNs.addAndGet(TimeUnit.SECONDS.toNanos(15));
    }

    assertEquals(ErrorCode.STORE_FAILED, failure.code());
    assertTrue(forwardNs.get() >= WritePipeline.KEPT_NS, "kept for " + forwardNs.get() + " ns");
    pool.storeFailure = null;
    fs.fsync(handle, false);
    fs.release(handle);
    assertArrayEquals(before, read(memory.mount(), "abandoned"));
  }

  /** The lid of a laptop was closed for an hour, and its network needs some seconds after that. */
  @Test
  void aSleepOfTheMachineIsNoTimeInWhichThePoolIsAway() {
    long handle = open("slept", bytes(1, 100));
    byte[] wanted = bytes(2, WINDOW + 1);
    pool.storeFailure = AWAY;
    put(fs, handle, 0, wanted);
    assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    forwardNs.addAndGet(TimeUnit.HOURS.toNanos(1));
    assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    pool.storeFailure = null;

    fs.fsync(handle, false);

    fs.release(handle);
    assertArrayEquals(wanted, read(memory.mount(), "slept"));
  }

  /** A database's checkpointer opens the file that another process wrote, and fsyncs it. */
  @Test
  void aLaterHandlesFsyncTellsWhatNobodyHasHeardOf() {
    long writer = open("unheard", bytes(1, 100));
    pool.storeFailure = FULL;
    put(fs, writer, 0, bytes(2, WINDOW));
    await(() -> fs.unsavedBytes() == 0);
    pool.storeFailure = null;
    long checkpointer = open("unheard");
    long copier = open("unheard");

    put(fs, copier, 0, bytes(3, 10));
    fs.flush(copier);
    assertThrows(HoldfastException.class, () -> fs.fsync(checkpointer, false));

    fs.fsync(checkpointer, false);
    long later = open("unheard");
    fs.fsync(later, false);
    assertThrows(HoldfastException.class, () -> fs.fsync(writer, false), "each handle's own");
    List.of(writer, checkpointer, copier, later).forEach(fs::release);
  }

  /** A path's truncate(2) waits for the pool, and the writer closes the file meanwhile. */
  @Test
  void aTruncateThatIsTheLastToHaveTheFileGivesItsMemoryBack() {
    long handle = open("cut", bytes(1, 100));
    long inode = fs.lookup(1, name("cut")).inode();
    pool.storeFailure = AWAY;
    put(fs, handle, 0, bytes(2, WINDOW));
    assertThrows(HoldfastException.class, () -> fs.flush(handle));
    var stores = new CompletableFuture<Void>();
    pool.beforeStore = chunk -> stores;
    pool.storeFailure = null;
    int storeCount = pool.storeCount.get();
    var cut = new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 10, 0, 0);
    var truncate = CompletableFuture.runAsync(() -> fs.setAttributes(inode, cut, -1));
    await(() -> pool.storeCount.get() > storeCount);

    fs.abandon(handle);
    stores.completeExceptionally(AWAY);

    assertThrows(Exception.class, truncate::join);
    await(() -> fs.unsavedBytes() == 0);
  }

  /** A chunk under another name would stay wherever the one before had got to. */
  @Test
  void whatIsTriedAgainIsTheSameChunk() {
    long handle = open("again", bytes(1, 100));
    Set<ChunkId> tried = ConcurrentHashMap.newKeySet();
    var away = new CompletableFuture<Void>();
    away.completeExceptionally(AWAY);
    pool.beforeStore =
        chunk -> {
          tried.add(chunk);
          return away;
        };
    put(fs, handle, 0, bytes(2, WINDOW));
    for (int i = 0; i < 3; i++) {
      assertThrows(HoldfastException.class, () -> fs.flush(handle));
    }
    int triedCount = pool.storeCount.get();
    pool.beforeStore = chunk -> CompletableFuture.completedFuture(null);

    fs.fsync(handle, false);

    assertTrue(triedCount >= 3, "tried " + triedCount + " times");
    assertEquals(1, tried.size());
    assertTrue(pool.chunks.keySet().containsAll(tried));
    fs.release(handle);
    assertArrayEquals(bytes(2, WINDOW), read(memory.mount(), "again"));
  }

  /** Older bytes of one window would stand beside the newest of another that was written first. */
  @Test
  void whatIsOnItsWayBehindALossGoesWithIt() {
    byte[] before = bytes(1, 2 * WINDOW);
    long handle = open("behind", before);
    var first = new CompletableFuture<Void>();
    var begun = new AtomicLong();
    pool.beforeStore =
        chunk -> begun.getAndIncrement() == 0 ? first : CompletableFuture.completedFuture(null);
    put(fs, handle, 0, bytes(2, WINDOW));
    await(() -> begun.get() == 1);
    put(fs, handle, WINDOW, bytes(3, WINDOW));
    await(() -> begun.get() == 2);
    put(fs, handle, WINDOW, bytes(4, 100));
    first.completeExceptionally(FULL);
    assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));

    fs.fsync(handle, false);

    fs.release(handle);
    assertArrayEquals(before, read(memory.mount(), "behind"));
  }

  /** It was tried again for five minutes, and lost with it what was written after the loss. */
  @Test
  void whatWentWithALossIsNotTriedAgain() {
    byte[] forced = bytes(1, WINDOW + 100);
    long handle = open("dropped", forced);
    fs.fsync(handle, false);
    put(fs, handle, 0, bytes(5, 10));
    fs.flush(handle);
    pool.storeFailure = AWAY;
    put(fs, handle, 0, bytes(2, WINDOW));
    assertThrows(HoldfastException.class, () -> fs.flush(handle));
    pool.revertUnheard(fs.lookup(1, name("dropped")).inode());
    pool.hearOfLostSession();
    await(() -> fsyncFailure(handle).code() == ErrorCode.STORE_FAILED);
    await(() -> fs.unsavedBytes() == 0);
    pool.storeFailure = null;
    int storeCount = pool.storeCount.get();

    put(fs, handle, 50, bytes(3, 10));
    fs.fsync(handle, false);

    assertEquals(storeCount + 1, pool.storeCount.get());
    byte[] wanted = forced.clone();
    System.arraycopy(bytes(3, 10), 0, wanted, 50, 10);
    fs.release(handle);
    assertArrayEquals(wanted, read(memory.mount(), "dropped"));
  }

  /** Who has the file open would read from the kernel what is no more. */
  @Test
  void theKernelKeepsNoPagesOfWhatIsLost() {
    var kernel = new NotingKernel();
    fs.attach(kernel);
    long handle = open("pages", bytes(1, 100));
    long inode = fs.lookup(1, name("pages")).inode();
    kernel.forgotten.clear();
    pool.storeFailure = FULL;

    put(fs, handle, 0, bytes(2, WINDOW));

    await(() -> kernel.forgotten.contains(inode + " content"));
    pool.storeFailure = null;
    assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    fs.release(handle);
  }

  /** How long ago a file was closed says nothing of what its peers' disks have done since. */
  @Test
  void anFsyncForcesWhatWasClosedLongAgo() {
    fs.release(open("long ago", bytes(1, WINDOW + 100)));
    assertTrue(pool.forcedChunks.isEmpty());
    Set<ChunkId> stored = Set.copyOf(pool.chunks.keySet());
    forwardNs.addAndGet(TimeUnit.HOURS.toNanos(1));

    long handle = open("long ago");
    fs.fsync(handle, false);

    fs.release(handle);
    assertEquals(stored, pool.forcedChunks);
  }

  private long open(String file) {
    return fs.open(fs.lookup(1, name(file)).inode(), OpenFlags.READ_WRITE).handle();
  }

  /** A new file that has this and is saved, still open. */
  private long open(String file, byte[] content) {
    long handle = fs.create(MemoryPool.ROOT, 1, name(file), 0644, 0).handle();
    put(fs, handle, 0, content);
    fs.flush(handle);
    return handle;
  }

  private HoldfastException fsyncFailure(long handle) {
    return assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
  }
}
