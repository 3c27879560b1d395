package holdfast.client.file;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.get;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.put;
import static holdfast.client.MemoryPool.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.MemoryPoolService;
import holdfast.client.api.AttributeChange;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.Namespace;
import holdfast.metadata.op.Invalidation;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * One thread has an answer of the pool's in hand, and is slow; meanwhile others get on, and power
 * cuts take what they did. What the slow one does with its answer then must hide no loss, nor bring
 * back what was lost.
 */
class LateAnswerTest {
  private static final byte[] OLD = bytes(1, 50);
  private static final byte[] LOST = bytes(2, 60);

  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final ClientFileSystem other = memory.mount();

  /** The one that is told of lost sessions. */
  private final ClientFileSystem fs = memory.mount();

  private long inode;

  /** With {@link #OLD}. */
  private Namespace forced;

  @BeforeEach
  void create() {
    long handle = fs.create(ROOT, 1, name("f"), 0644, 0).handle();
    inode = fs.lookup(1, name("f")).inode();
    put(fs, handle, 0, OLD);
    fs.fsync(handle, false);
    fs.fsyncDirectory(1, false);
    fs.release(handle);
    forced = pool.namespace();
  }

  @AfterEach
  void close() {
    memory.close();
  }

  private long open() {
    return fs.open(inode, OpenFlags.READ_WRITE).handle();
  }

  private void save(long handle, byte[] content) {
    put(fs, handle, 0, content);
    fs.flush(handle);
  }

  private void expectLost(long handle) {
    var lost = assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
    fs.fsync(handle, false);
  }

  /** The next answer to any thread but this one waits between the pool and who asked. */
  private final class SlowAnswer {
    private final Thread test = Thread.currentThread();
    private final CompletableFuture<Thread> reader = new CompletableFuture<>();
    private final CompletableFuture<Void> mayGo = new CompletableFuture<>();
    private final CompletableFuture<Void> askedAgain = new CompletableFuture<>();

    SlowAnswer() {
      pool.afterAnswer = this::answered;
    }

    private void answered() {
      Thread now = Thread.currentThread();
      if (now == test) {
        return;
      }
      if (reader.complete(now)) {
        mayGo.join();
      } else if (now == reader.join()) {
        askedAgain.complete(null);
      }
    }

    void await() {
      reader.orTimeout(10, TimeUnit.SECONDS).join();
    }

    void go() {
      mayGo.complete(null);
    }

    /** Who looks whether the pool still has an open file reads it after that: it is through. */
    void goUntilLooked() {
      go();
      askedAgain.orTimeout(10, TimeUnit.SECONDS).join();
    }
  }

  /** The mount begins to look what the pool still has of what is open. */
  private SlowAnswer hearOfLostSession() {
    var slow = new SlowAnswer();
    pool.hearOfLostSession();
    slow.await();
    return slow;
  }

  /** A commit after the power cut has the version's number again that was lost. */
  @Test
  void aVersionThatIsGivenAgainIsNotTakenForTheOneThatWasThereBefore() {
    long first = open();
    save(first, LOST);
    fs.release(first);
    long second = open();
    pool.losePower(forced);
    SlowAnswer slow = hearOfLostSession();
    expectLost(second);
    save(second, LOST);

    slow.goUntilLooked();

    assertArrayEquals(LOST, get(fs, second));
    fs.flush(second);
    assertArrayEquals(LOST, read(other, "f"));
    fs.release(second);
  }

  /** What is written upon what closed handles have written goes with it. */
  @Test
  void aFileThatIsClosedMeanwhileDoesNotHideFromItsNextHandleWhatIsLost() {
    long first = open();
    save(first, LOST);
    pool.losePower(forced);
    SlowAnswer slow = hearOfLostSession();
    fs.release(first);
    long second = open();

    slow.goUntilLooked();

    expectLost(second);
    assertArrayEquals(OLD, get(fs, second));
    fs.release(second);
  }

  @Test
  void norWhereItsNextHandleHasWrittenMoreAndIsHitByAnotherPowerCut() {
    long first = open();
    save(first, LOST);
    fs.release(first);
    long second = open();
    pool.losePower(forced);
    SlowAnswer slow = hearOfLostSession();
    expectLost(second);
    save(second, LOST);
    fs.release(second);
    long third = open();
    pool.losePower(forced);

    slow.goUntilLooked();

    put(fs, third, 10, bytes(3, 5));
    expectLost(third);
    assertArrayEquals(OLD, read(other, "f"));
    fs.release(third);
  }

  /** The mode was changed by another handle of the file, after the answer. */
  @Test
  void aChangeOfAttributesThatIsThereIsNotTakenForLost() {
    long first = open();
    save(first, LOST);
    SlowAnswer slow = hearOfLostSession();
    fs.release(first);
    long second = open();
    var mode = new AttributeChange(AttributeChange.MODE, 0600, 0, 0, 0, 0, 0);
    fs.setAttributes(inode, mode, second);
    pool.loseSession();

    slow.goUntilLooked();

    fs.fsync(second, false);
    assertEquals(0600, fs.attributes(inode).mode() & 07777);
    fs.release(second);
  }

  /** Another mount's version, of which this one read, and which a power cut took since. */
  private void expectOldIn(SlowAnswer slow, long handle, Future<?> reader)
      throws InterruptedException, ExecutionException, TimeoutException {
    slow.await();
    pool.losePower(forced);
    pool.loseSession();
    assertArrayEquals(OLD, read(fs, "f"));

    slow.go();
    reader.get(10, TimeUnit.SECONDS);

    assertArrayEquals(OLD, get(fs, handle));
    fs.release(handle);
  }

  private void writeByOther() {
    long handle = other.open(inode, OpenFlags.READ_WRITE).handle();
    put(other, handle, 0, LOST);
    other.release(handle);
  }

  @Test
  void whatIsLostDoesNotComeBackWithTheAnswerToAnOpen() throws Exception {
    long handle = open();
    writeByOther();
    var slow = new SlowAnswer();
    var opening = new FutureTask<Void>(() -> fs.release(open()), null);
    Thread.ofPlatform().start(opening);

    expectOldIn(slow, handle, opening);
  }

  @Test
  void norWithTheAnswerToALookAtWhatAnotherMountHasWritten() throws Exception {
    long handle = open();
    writeByOther();
    var slow = new SlowAnswer();
    var looked = new CompletableFuture<Void>();
    pool.watcher()
        .onChanges(
            false,
            List.of(new Invalidation.OfInode(inode, true, false)),
            () -> looked.complete(null));

    expectOldIn(slow, handle, looked);
  }

  /** It may have been read by who writes upon it: what is there now, it has never seen. */
  @Test
  void aFileThatWentBackWhileNothingWasUnsavedIsWrittenByWhoWasToldOfThat() {
    long first = open();
    save(first, LOST);
    fs.release(first);
    long second = open();
    long reader = fs.open(inode, OpenFlags.READ_ONLY).handle();
    pool.losePower(forced);
    pool.loseSession();
    assertArrayEquals(OLD, read(fs, "f"));

    var lost = assertThrows(HoldfastException.class, () -> put(fs, second, 70, bytes(3, 5)));

    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
    fs.flush(reader);
    fs.release(reader);
    expectLost(second);
    put(fs, second, 0, bytes(4, 50));
    fs.fsync(second, false);
    fs.release(second);
    assertArrayEquals(bytes(4, 50), read(other, "f"));
  }

  /** It would be done on what was there before: of no time of the file. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aChangeThatRestsOnWhatAnotherThreadFindsLostMeanwhileIsNotDone(boolean isCut) {
    long handle = open();
    save(handle, LOST);
    put(fs, handle, LOST.length, bytes(3, 10));
    pool.losePower(forced);
    var another = new CompletableFuture<Long>();
    pool.afterAnswer =
        () -> {
          pool.afterAnswer = () -> {};
          another.completeAsync(this::open).orTimeout(10, TimeUnit.SECONDS).join();
        };

    var lost = assertThrows(HoldfastException.class, () -> change(isCut, handle));
    fs.release(another.join());

    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
    assertArrayEquals(OLD, read(other, "f"));
    fs.release(handle);
  }

  private void change(boolean isCut, long handle) {
    if (isCut) {
      fs.setAttributes(inode, new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 65, 0, 0), handle);
    } else {
      fs.allocate(handle, PoolFileSystem.ALLOCATE_ZERO_RANGE, 55, 10);
    }
  }
}
