package holdfast.client.names;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.MemoryPoolService;
import holdfast.client.NotingKernel;
import holdfast.client.api.CreatedFile;
import holdfast.client.api.LockRequest;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PendingLock;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileLock;
import holdfast.metadata.op.LockFamily;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.Tag;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Locks of this client and of another, and what a lost session does to them. */
class FileLocksTest {
  private static final long ME = 1;
  private static final long END = Long.MAX_VALUE;

  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final NotingKernel kernel = new NotingKernel();
  private final Queue<String> forgotten = kernel.forgotten;
  private final ClientFileSystem fs = memory.mount();

  private long handle;
  private long inode;

  @BeforeEach
  void open() {
    pool.beginOther();
    fs.attach(kernel);
    CreatedFile created = fs.create(MemoryPool.ROOT, 1, "f".getBytes(UTF_8), 0644, 0);
    handle = created.handle();
    inode = created.attributes().inode();
    put(handle, "old");
    fs.flush(handle);
  }

  @AfterEach
  void close() {
    memory.close();
  }

  private void put(long to, String text) {
    byte[] bytes = text.getBytes(UTF_8);
    fs.write(to, 0, bytes, 0, bytes.length);
  }

  private String get(long from) {
    byte[] bytes = new byte[100];
    return new String(bytes, 0, fs.read(from, 0, bytes, 0, bytes.length), UTF_8);
  }

  private static LockRequest record(LockMode mode, long first, long last, long owner) {
    return new LockRequest(false, mode, first, last, owner, 77);
  }

  private static LockRequest exclusive(long owner) {
    return record(LockMode.EXCLUSIVE, 0, END, owner);
  }

  private static LockRequest none(long owner) {
    return record(LockMode.NONE, 0, END, owner);
  }

  private static LockRequest flock(LockMode mode, long owner) {
    return new LockRequest(true, mode, 0, END, owner, 0);
  }

  private void lockByOther(LockMode mode) {
    var lock = FileLock.whole(LockFamily.RECORD, mode, 5, 88);
    pool.changeByOther(new Operation.SetLock(inode, lock, 9)).orThrow();
  }

  private boolean isLockedForOther(LockFamily family) {
    var wanted = FileLock.whole(family, LockMode.EXCLUSIVE, 5, 88);
    var query = new Query.GetLock(inode, new holdfast.model.ClientId(8, 8), wanted);
    return ((Answer.Lock) pool.namespace().query(query)).granted().isPresent();
  }

  private Attributes inPool() {
    return ((Answer.Inode) pool.namespace().query(new Query.GetAttributes(inode))).attributes();
  }

  private void cutByOther(boolean isHeard) {
    long version = inPool().version();
    var cut = new Operation.Commit(inode, version, version + 1, 1, Tag.ZERO, 5, 5, 1, List.of());
    (isHeard ? pool.changeByOther(cut) : pool.changeUnheard(cut)).orThrow();
  }

  private ErrorCode refusal(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    return catchThrowableOfType(HoldfastException.class, call).code();
  }

  private static void await(String what, BooleanSupplier condition) {
    long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - endNs).as(what).isNegative();
      LockSupport.parkNanos(1_000_000);
    }
  }

  @Test
  void aLockIsThePoolsAndKeepsOthersOutWhoeverAsks() {
    fs.lock(handle, exclusive(ME));

    assertThat(isLockedForOther(LockFamily.RECORD)).isTrue();
    assertThat(refusal(() -> fs.lock(handle, exclusive(2)))).isEqualTo(ErrorCode.LOCKED);
    assertThat(fs.lockInTheWayOrNull(inode, exclusive(2))).isEqualTo(exclusive(ME));

    fs.lock(handle, none(ME));
    assertThat(isLockedForOther(LockFamily.RECORD)).isFalse();
    assertThat(fs.lockInTheWayOrNull(inode, exclusive(2))).isNull();
  }

  @Test
  void aLockOfAnotherMountIsSeenWithoutItsProcess() {
    lockByOther(LockMode.SHARED);

    assertThat(fs.lockInTheWayOrNull(inode, exclusive(ME)))
        .isEqualTo(new LockRequest(false, LockMode.SHARED, 0, END, 5, 0));
    fs.lock(handle, record(LockMode.SHARED, 0, 9, ME));
    assertThat(refusal(() -> fs.lock(handle, exclusive(ME)))).isEqualTo(ErrorCode.LOCKED);
  }

  @Test
  void whoWaitsGetsItWhenAnotherMountReleasesIt() throws Exception {
    lockByOther(LockMode.EXCLUSIVE);
    var granted = new CompletableFuture<HoldfastException>();
    fs.lockWhenFree(handle, exclusive(ME), granted::complete);

    assertThat(granted).isNotDone();
    lockByOther(LockMode.NONE);

    assertThat(granted.get(10, TimeUnit.SECONDS)).isNull();
    assertThat(isLockedForOther(LockFamily.RECORD)).isTrue();
  }

  @Test
  void whoWaitsGetsItWhenAnotherProcessOfThisMountClosesTheFile() throws Exception {
    fs.lock(handle, exclusive(ME));
    var granted = new CompletableFuture<HoldfastException>();
    long second = fs.open(inode, OpenFlags.READ_ONLY).handle();
    fs.lockWhenFree(second, exclusive(2), granted::complete);

    fs.releaseLocks(handle, ME);

    assertThat(granted.get(10, TimeUnit.SECONDS)).isNull();
    fs.release(second);
    assertThat(isLockedForOther(LockFamily.RECORD)).as("the last close releases").isFalse();
  }

  /** Every refusal is an entry of the log: a thousand that wait would write one each, for ever. */
  @Test
  void whoWaitsForLongAsksAndChangesNothing() throws Exception {
    lockByOther(LockMode.EXCLUSIVE);
    var granted = new CompletableFuture<HoldfastException>();
    fs.lockWhenFree(handle, exclusive(ME), granted::complete);
    await("a first try", () -> pool.askCount.get() > 0 || pool.changeCount.get() > 0);
    int asked = pool.askCount.get();
    await("asked once", () -> pool.askCount.get() > asked);
    int changed = pool.changeCount.get();

    await("asked again", () -> pool.askCount.get() > asked + 1);

    assertThat(pool.changeCount.get()).isEqualTo(changed);
    var none = FileLock.whole(LockFamily.RECORD, LockMode.NONE, 5, 88);
    pool.changeUnheard(new Operation.SetLock(inode, none, 9)).orThrow();
    assertThat(granted.get(10, TimeUnit.SECONDS)).as("though it isn't notified").isNull();
  }

  @Test
  void locksNobodyKnowsOfHaveABound() {
    var failure = new HoldfastException(ErrorCode.TIMED_OUT, "no answer");
    pool.beforeChange = operation -> CompletableFuture.failedFuture(failure);
    for (long owner = 0; owner < LockManager.UNRELEASED_MAX; owner++) {
      long one = owner;
      assertThat(refusal(() -> fs.lock(handle, exclusive(one)))).isEqualTo(ErrorCode.TIMED_OUT);
    }

    assertThat(refusal(() -> fs.lock(handle, exclusive(-1)))).isEqualTo(ErrorCode.NO_LOCKS);
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    fs.lock(handle, none(-1));
    await("released", () -> isLockable(handle));
  }

  private boolean isLockable(long by) {
    try {
      fs.lock(by, exclusive(-1));
      return true;
    } catch (HoldfastException e) {
      assertThat(e.code()).isEqualTo(ErrorCode.NO_LOCKS);
      return false;
    }
  }

  @Test
  void whoseWaitIsEndedGetsNothingThen() throws Exception {
    lockByOther(LockMode.EXCLUSIVE);
    var ended = new CompletableFuture<HoldfastException>();
    PendingLock pending = fs.lockWhenFree(handle, exclusive(ME), ended::complete);

    pending.cancel();

    assertThat(ended.get(10, TimeUnit.SECONDS).code()).isEqualTo(ErrorCode.INTERRUPTED);
    lockByOther(LockMode.NONE);
    fs.lock(handle, exclusive(3));
  }

  @Test
  void aLockThatIsGrantedAfterItsWaitWasEndedIsReleased() throws Exception {
    var go = new CompletableFuture<Void>();
    pool.afterChange =
        operation ->
            operation instanceof Operation.SetLock set && set.lock().mode() != LockMode.NONE
                ? go
                : CompletableFuture.completedFuture(null);
    var ended = new CompletableFuture<HoldfastException>();
    PendingLock pending = fs.lockWhenFree(handle, exclusive(ME), ended::complete);
    await("locked", () -> isLockedForOther(LockFamily.RECORD));

    pending.cancel();
    assertThat(ended.get(10, TimeUnit.SECONDS).code()).isEqualTo(ErrorCode.INTERRUPTED);
    go.complete(null);

    await("released", () -> !isLockedForOther(LockFamily.RECORD));
  }

  @Test
  void aFlockThatCannotBeConvertedIsLostAsOnLinux() {
    long second = fs.open(inode, OpenFlags.READ_ONLY).handle();
    fs.lock(handle, flock(LockMode.SHARED, ME));
    fs.lock(second, flock(LockMode.SHARED, 2));

    assertThat(refusal(() -> fs.lock(handle, flock(LockMode.EXCLUSIVE, ME))))
        .isEqualTo(ErrorCode.LOCKED);

    fs.lock(second, flock(LockMode.EXCLUSIVE, 2));
    fs.release(second);
    assertThat(isLockedForOther(LockFamily.FLOCK)).isFalse();
  }

  @Test
  void whatWasWrittenIsWithThePoolBeforeItsLockIsReleased() {
    fs.lock(handle, exclusive(ME));
    put(handle, "longer than it was");
    assertThat(inPool().sizeBytes()).isEqualTo(3);

    fs.lock(handle, none(ME));

    assertThat(inPool().sizeBytes()).isEqualTo(18);
  }

  @Test
  void whoGetsALockReadsWhatAnotherWroteWithoutAnInvalidation() {
    assertThat(get(handle)).isEqualTo("old");
    cutByOther(false);
    forgotten.clear();

    fs.lock(handle, record(LockMode.SHARED, 0, END, ME));

    assertThat(get(handle)).isEqualTo("o");
    assertThat(forgotten).as("the kernel's pages are old").contains(inode + " content");
  }

  @Test
  void aLockOfAFileThatNobodyChangedCostsNoPages() {
    cutByOther(true);
    fs.lock(handle, exclusive(ME));
    fs.lock(handle, none(ME));
    forgotten.clear();

    fs.lock(handle, exclusive(ME));

    assertThat(forgotten).isEmpty();
  }

  @Test
  void aHolderThatSleptCannotWriteOverItsSuccessor() {
    long bystander = fs.open(inode, OpenFlags.READ_ONLY).handle();
    fs.lock(handle, exclusive(ME));
    put(handle, "written too late");

    pool.endSession();
    cutByOther(false);
    long version = inPool().version();

    assertThat(refusal(() -> fs.flush(handle))).isEqualTo(ErrorCode.NO_SESSION);
    assertThat(ErrorCode.NO_SESSION.errno()).isEqualTo(5);
    assertThat(inPool().version()).isEqualTo(version);
    assertThat(inPool().sizeBytes()).isEqualTo(1);
    assertThat(refusal(() -> put(handle, "x"))).isEqualTo(ErrorCode.NO_SESSION);
    assertThat(refusal(() -> get(handle))).isEqualTo(ErrorCode.NO_SESSION);
    assertThat(refusal(() -> fs.fsync(handle, false))).isEqualTo(ErrorCode.NO_SESSION);
    assertThat(refusal(() -> fs.lock(handle, exclusive(ME)))).isEqualTo(ErrorCode.NO_SESSION);
    fs.lock(handle, none(ME)); // a program that can't unlock thinks it has the lock for ever

    assertThat(refusal(() -> fs.flush(bystander)))
        .as("reported once")
        .isEqualTo(ErrorCode.NO_SESSION);
    fs.flush(bystander);
    fs.release(handle);
    long again = fs.open(inode, OpenFlags.READ_ONLY).handle();
    fs.lock(again, exclusive(ME));
    assertThat(get(again)).isEqualTo("o");
    put(again, "new");
    fs.flush(again);
    assertThat(inPool().sizeBytes()).isEqualTo(3);
  }

  @Test
  void aHandleThatLostItsLockReleasesWhatItsOwnerHasSince() {
    fs.lock(handle, exclusive(ME));
    put(handle, "lost with it");
    pool.endSession();
    assertThat(refusal(() -> fs.flush(handle))).isEqualTo(ErrorCode.NO_SESSION);
    long again = fs.open(inode, OpenFlags.READ_ONLY).handle();
    fs.lock(again, exclusive(ME));

    fs.lock(handle, none(ME));

    lockByOther(LockMode.EXCLUSIVE);
  }

  @Test
  void whatWasWrittenWithoutALockOutlivesItsSession() {
    put(handle, "without any lock");
    pool.endSession();

    fs.flush(handle);

    assertThat(inPool().sizeBytes()).isEqualTo(16);
    assertThat(get(handle)).isEqualTo("without any lock");
  }

  @Test
  void aLockThatWasAskedForInALostSessionIsGrantedInTheNext() {
    pool.endSession();

    fs.lock(handle, exclusive(ME));

    assertThat(isLockedForOther(LockFamily.RECORD)).isTrue();
    put(handle, "under it");
    fs.flush(handle);
  }

  @Test
  void aLockNobodyKnowsOfIsReleasedWhenThePoolAnswersAgain() {
    var failure = new HoldfastException(ErrorCode.TIMED_OUT, "no answer");
    pool.afterChange = operation -> CompletableFuture.failedFuture(failure);

    assertThat(refusal(() -> fs.lock(handle, exclusive(ME)))).isEqualTo(ErrorCode.TIMED_OUT);
    assertThat(isLockedForOther(LockFamily.RECORD)).isTrue();
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);

    await("released", () -> !isLockedForOther(LockFamily.RECORD));
    assertThatCode(() -> fs.lock(handle, exclusive(ME))).doesNotThrowAnyException();
  }

  @Test
  void whoHadALockAndDoesNotKnowWhetherHeHasAnotherHasNone() {
    fs.lock(handle, record(LockMode.SHARED, 0, 9, ME));
    var failure = new HoldfastException(ErrorCode.TIMED_OUT, "no answer");
    pool.afterChange = operation -> CompletableFuture.failedFuture(failure);
    assertThat(refusal(() -> fs.lock(handle, exclusive(ME)))).isEqualTo(ErrorCode.TIMED_OUT);
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);

    assertThat(refusal(() -> put(handle, "x"))).isEqualTo(ErrorCode.NO_SESSION);
    await("released", () -> !isLockedForOther(LockFamily.RECORD));
  }

  private static boolean isRelease(Operation operation) {
    return operation instanceof Operation.SetLock set && set.lock().mode() == LockMode.NONE;
  }

  /** Its lock was ended a moment later by the release that couldn't be sent before. */
  @Test
  void whatIsYetToBeReleasedDoesNotEndItsOwnersNextLock() {
    fs.lock(handle, exclusive(ME));
    var failure = new HoldfastException(ErrorCode.TIMED_OUT, "no answer");
    pool.beforeChange = operation -> CompletableFuture.failedFuture(failure);
    fs.releaseLocks(handle, ME);
    assertThat(isLockedForOther(LockFamily.RECORD)).isTrue();
    var releaseCount = new AtomicInteger();
    pool.beforeChange =
        operation -> {
          releaseCount.addAndGet(isRelease(operation) ? 1 : 0);
          return CompletableFuture.completedFuture(null);
        };

    fs.lock(handle, exclusive(ME));

    assertThat(releaseCount).as("released before").hasValue(1);
    assertThat(isLockedForOther(LockFamily.RECORD)).isTrue();
  }

  @Test
  void whoGetsALockReadsWhatAnotherWroteThoughAProcessHereIsWritingToo() {
    long second = fs.open(inode, OpenFlags.READ_WRITE).handle();
    fs.lock(second, record(LockMode.EXCLUSIVE, 2, 9, 2));
    pool.afterChange =
        operation -> {
          if (operation instanceof Operation.SetLock set && set.lock().owner() == ME) {
            cutByOther(false);
            fs.write(second, 2, "D".getBytes(UTF_8), 0, 1);
          }
          return CompletableFuture.completedFuture(null);
        };
    cutByOther(false);

    fs.lock(handle, record(LockMode.EXCLUSIVE, 0, 1, ME));

    assertThat(get(handle)).isEqualTo("o\0D");
  }

  /** What a close couldn't save was saved later, over what the next owner had written. */
  @Test
  void aLockIsNotReleasedByACloseBeforeWhatWasWrittenUnderItIsSaved() {
    fs.lock(handle, exclusive(ME));
    put(handle, "longer than it was");
    var failure = new HoldfastException(ErrorCode.TIMED_OUT, "no answer");
    pool.beforeChange =
        operation ->
            operation instanceof Operation.Commit
                ? CompletableFuture.failedFuture(failure)
                : CompletableFuture.completedFuture(null);

    assertThat(refusal(() -> fs.flush(handle))).isEqualTo(ErrorCode.TIMED_OUT);
    fs.releaseLocks(handle, ME);
    assertThat(isLockedForOther(LockFamily.RECORD)).isTrue();

    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    await("released", () -> !isLockedForOther(LockFamily.RECORD));
    assertThat(inPool().sizeBytes()).isEqualTo(18);
  }

  @Test
  void whatACloseCouldNotSaveIsDroppedWithTheSessionOfItsLock() {
    long second = fs.open(inode, OpenFlags.READ_ONLY).handle();
    fs.lock(handle, exclusive(ME));
    put(handle, "written too late");
    var failure = new HoldfastException(ErrorCode.TIMED_OUT, "no answer");
    pool.beforeChange = operation -> CompletableFuture.failedFuture(failure);
    assertThat(refusal(() -> fs.flush(handle))).isEqualTo(ErrorCode.TIMED_OUT);
    fs.releaseLocks(handle, ME);

    pool.endSession();
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);

    assertThat(refusal(() -> fs.flush(second))).isEqualTo(ErrorCode.NO_SESSION);
    assertThat(inPool().sizeBytes()).isEqualTo(3);
  }

  @Test
  void whoReleasedHisLocksLosesNothingWithTheSession() {
    fs.lock(handle, record(LockMode.EXCLUSIVE, 0, 9, ME));
    fs.lock(handle, record(LockMode.SHARED, 20, 29, ME));
    fs.lock(handle, record(LockMode.NONE, 0, 9, ME));
    fs.lock(handle, record(LockMode.NONE, 20, 29, ME));
    put(handle, "without any lock");

    pool.endSession();
    fs.flush(handle);

    assertThat(inPool().sizeBytes()).isEqualTo(16);
  }

  /** Releasing the exclusive lock, it released the shared one too. */
  @Test
  void whoseWaitForMoreIsEndedKeepsWhatHeHad() throws Exception {
    fs.lock(handle, record(LockMode.SHARED, 0, END, ME));
    var go = new CompletableFuture<Void>();
    var isAsked = new CompletableFuture<Void>();
    pool.afterChange =
        operation -> {
          isAsked.complete(null);
          return go;
        };
    var ended = new CompletableFuture<HoldfastException>();
    PendingLock pending = fs.lockWhenFree(handle, exclusive(ME), ended::complete);
    isAsked.get(10, TimeUnit.SECONDS);

    pending.cancel();
    go.complete(null);

    assertThat(ended.get(10, TimeUnit.SECONDS)).as("it came first").isNull();
    assertThat(isLockedForOther(LockFamily.RECORD)).isTrue();
  }

  @Test
  void wrongRangesAreRefused() {
    assertThat(refusal(() -> fs.lock(handle, record(LockMode.SHARED, 5, 4, ME))))
        .isEqualTo(ErrorCode.INVALID);
    assertThat(refusal(() -> fs.lock(handle, record(LockMode.SHARED, -1, 4, ME))))
        .isEqualTo(ErrorCode.INVALID);
  }
}
