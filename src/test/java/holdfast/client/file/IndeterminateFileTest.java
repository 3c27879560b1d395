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
import holdfast.client.api.AttributeChange;
import holdfast.client.api.ClientOptions;
import holdfast.client.api.OpenFlags;
import holdfast.metadata.Namespace;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.SystemClocks;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * After a lost session a mount asks what the pool still has: what is reported, and when it ends.
 */
class IndeterminateFileTest {
  private static final int WINDOW = ExtentMap.WINDOW_BYTES;
  private static final HoldfastException AWAY =
      new HoldfastException(ErrorCode.UNREACHABLE, "one of two is gone for good");

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

  private long create(byte[] content) {
    long handle = fs.create(MemoryPool.ROOT, 1, name("f"), 0644, 0).handle();
    put(fs, handle, 0, content);
    fs.fsync(handle, false);
    return handle;
  }

  /** Stores a chunk that isn't committed, and takes it away; the session is over. */
  private void loseStored(long handle, byte[] content) {
    Set<ChunkId> before = Set.copyOf(pool.chunks.keySet());
    store(handle, content);
    pool.chunks.keySet().retainAll(before);
  }

  /** It was committed, acknowledged, and undone a second later: a close had said nothing. */
  @Test
  void aChunkThatWasStoredBeforeThePowerCutAndIsAnsweredAfterItIsLookedFor() {
    byte[] before = bytes(1, 1_000);
    long handle = create(before);
    Set<ChunkId> known = Set.copyOf(pool.chunks.keySet());
    var answer = new CompletableFuture<Void>();
    pool.afterStore = chunk -> answer;
    put(fs, handle, 0, bytes(2, WINDOW));
    await(() -> pool.chunks.size() > known.size());
    pool.chunks.keySet().retainAll(known);
    pool.hearOfLostSession();
    fs.release(fs.open(fs.lookup(1, name("f")).inode(), OpenFlags.READ_ONLY).handle());

    pool.afterStore = chunk -> CompletableFuture.completedFuture(null);
    answer.complete(null);

    HoldfastException e = assertThrows(HoldfastException.class, () -> fs.flush(handle));
    assertEquals(ErrorCode.STORE_FAILED.errno(), e.code().errno());
    assertArrayEquals(before, read(fs, "f"));
    fs.release(handle);
  }

  /** Stores a chunk that isn't committed. */
  private void store(long handle, byte[] content) {
    int before = pool.chunks.size();
    pool.beforeChange =
        operation ->
            CompletableFuture.failedFuture(new HoldfastException(ErrorCode.TIMED_OUT, "away"));
    put(fs, handle, 0, content);
    assertThrows(HoldfastException.class, () -> fs.flush(handle));
    await(() -> pool.chunks.size() > before);
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
  }

  /** Each close and fsync took ten seconds and said ETIMEDOUT, and so did each open. */
  @Test
  void whatIsIndeterminateIsAbandonedInTheEnd() {
    byte[] before = bytes(1, WINDOW + 100);
    long handle = create(before);
    pool.beforeFetch = chunk -> CompletableFuture.failedFuture(AWAY);
    loseStored(handle, bytes(2, WINDOW));
    pool.hearOfLostSession();

    HoldfastException failure = null;
    for (int i = 0; i < 100 && (failure == null || failure.code() == ErrorCode.TIMED_OUT); i++) {
      failure = assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
      forwardNs.addAndGet(TimeUnit.SECONDS.toNanos(15));
    }

    assertEquals(ErrorCode.STORE_FAILED, failure.code(), failure.getMessage());
    assertTrue(forwardNs.get() >= Reconciler.LOOKED_NS, "after " + forwardNs.get() + " ns");
    pool.beforeFetch = chunk -> CompletableFuture.completedFuture(null);
    fs.fsync(handle, false);
    fs.release(handle);
    assertArrayEquals(before, read(memory.mount(), "f"));
  }

  /** The lid of a laptop was closed for an hour, or all peers were off. */
  @Test
  void aSleepIsNoTimeInWhichTheOutcomeWasUnknown() {
    byte[] wanted = bytes(2, WINDOW);
    long handle = create(bytes(1, WINDOW));
    pool.beforeFetch = chunk -> CompletableFuture.failedFuture(AWAY);
    store(handle, wanted);
    pool.hearOfLostSession();

    for (int i = 0; i < 3; i++) {
      var away = assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
      assertEquals(ErrorCode.TIMED_OUT, away.code(), away.getMessage());
      forwardNs.addAndGet(TimeUnit.HOURS.toNanos(1));
    }
    pool.beforeFetch = chunk -> CompletableFuture.completedFuture(null);

    fs.fsync(handle, false);
    fs.release(handle);
    assertArrayEquals(wanted, read(memory.mount(), "f"));
  }

  /** Two threads had asked of the same chunk: what was written after the first said so was lost. */
  @Test
  void aLossThatTwoFindIsOne() {
    long handle = create(bytes(1, WINDOW));
    loseStored(handle, bytes(2, WINDOW));
    var slow = new CompletableFuture<Void>();
    var looks = new AtomicInteger();
    pool.beforeFetch =
        chunk -> looks.getAndIncrement() == 0 ? slow : CompletableFuture.completedFuture(null);
    long inode = fs.lookup(1, name("f")).inode();
    CompletableFuture.runAsync(pool::hearOfLostSession);
    await(() -> looks.get() == 1);
    assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    fs.fsync(handle, false);
    byte[] wanted = bytes(3, WINDOW);
    put(fs, handle, 0, wanted);

    var opened = CompletableFuture.supplyAsync(() -> fs.open(inode, OpenFlags.READ_ONLY));
    slow.complete(null);

    long reader = opened.join().handle();
    fs.fsync(handle, false);
    fs.release(reader);
    fs.release(handle);
    assertArrayEquals(wanted, read(memory.mount(), "f"));
  }

  /** It went with what another thread found to be lost, and truncate(2) said 0. */
  @Test
  void aCutThatGoesWithALossIsNotSaidToBeDone() {
    long handle = create(bytes(1, 2 * WINDOW));
    long inode = fs.lookup(1, name("f")).inode();
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.Commit) {
            pool.beforeChange = next -> CompletableFuture.completedFuture(null);
            pool.storeFailure = new HoldfastException(ErrorCode.NO_SPACE, "full");
            put(fs, handle, 2 * WINDOW, bytes(2, WINDOW));
            await(() -> fs.unsavedBytes() == 0);
            pool.storeFailure = null;
            writeByOther(inode, 3 * WINDOW);
          }
          return CompletableFuture.completedFuture(null);
        };
    var cut = new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 10, 0, 0);

    assertThrows(HoldfastException.class, () -> fs.setAttributes(inode, cut, -1));

    assertEquals(3 * WINDOW, memory.mount().lookup(1, name("f")).sizeBytes());
    assertEquals(10, fs.setAttributes(inode, cut, -1).sizeBytes());
    assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    fs.release(handle);
  }

  private void writeByOther(long inode, long sizeBytes) {
    pool.beginOther();
    var now = pool.namespace().query(new Query.GetAttributes(inode));
    long version = ((Answer.Inode) now).attributes().version();
    var commit =
        new Operation.Commit(
            inode, version, version + 1, sizeBytes, new Tag(9, 9), 1, 1, pool.epoch(), List.of());
    pool.changeUnheard(commit).orThrow();
  }

  /** The answer was on its way when the power was cut, and settled what came after it. */
  @Test
  void anAnswerFromBeforeAPowerCutSettlesNothing() {
    byte[] before = bytes(1, 100);
    long handle = create(before);
    Namespace forced = pool.namespace();
    put(fs, handle, 0, bytes(2, 100));
    fs.flush(handle);
    pool.loseSession();
    pool.afterAnswer =
        () -> {
          pool.afterAnswer = () -> {};
          pool.losePower(forced);
          pool.loseSession();
        };

    var lost = assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));

    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
    fs.release(handle);
    assertArrayEquals(before, read(memory.mount(), "f"));
  }
}
