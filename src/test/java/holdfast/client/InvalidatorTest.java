package holdfast.client;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.sealed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import holdfast.client.api.AbsentException;
import holdfast.client.kernel.CacheLease;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RenameMode;
import holdfast.metadata.op.Tag;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.MonotonicClock;
import holdfast.util.SystemClocks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the kernel is granted, and what is recalled when another client changes it. */
class InvalidatorTest {
  private final MonotonicClock clock = SystemClocks.monotonic();
  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final NotingKernel kernel = new NotingKernel();
  private final Queue<String> forgotten = kernel.forgotten;
  private final ClientFileSystem fs = memory.mount();

  @BeforeEach
  void open() {
    fs.attach(kernel);
    pool.beginOther();
    lease();
  }

  private void lease() {
    pool.watcher()
        .onLease(
            clock.nowNs() + TimeUnit.HOURS.toNanos(1), clock.nowNs() + TimeUnit.HOURS.toNanos(2));
  }

  @AfterEach
  void close() {
    memory.close();
  }

  private long directory(String name) {
    return fs.makeDirectory(ROOT, 1, name(name), 0755).inode();
  }

  private void setModeByOther(long inode) {
    pool.changeByOther(
            new Operation.SetAttributes(inode, Operation.SetAttributes.MODE, 0700, 0, 0, 0, 0, 5))
        .orThrow();
  }

  @Test
  void attributesAreKeptAndRecalledBeforeAnothersChangeIsConfirmed() {
    long inode = directory("d");
    assertThat(fs.attributes(inode).attributeTimeoutMs()).isEqualTo(CacheLease.LONG_MS);

    setModeByOther(inode);

    assertThat(forgotten).containsExactly(inode + " attributes");
    assertThat(fs.attributes(inode).mode() & 07777).isEqualTo(0700);
    assertThat(fs.attributes(inode).attributeTimeoutMs()).isEqualTo(CacheLease.LONG_MS);
  }

  @Test
  void aNameThatIsNotThereIsKeptAndRecalledWhenAnotherClientPutsOneThere() {
    directory("a");
    var absent = catchThrowableOfType(AbsentException.class, () -> fs.lookup(1, name("b")));
    assertThat(absent.timeoutMs()).isEqualTo(CacheLease.LONG_MS);

    var rename =
        new Operation.Rename(
            1, sealed("a"), 1, sealed("b"), Tag.ZERO, Tag.ZERO, RenameMode.REPLACE, 5);
    pool.changeByOther(rename).orThrow();

    assertThat(forgotten).contains("1/a", "1/b", "1 content");
    assertThat(fs.lookup(1, name("b")).entryTimeoutMs()).isEqualTo(CacheLease.LONG_MS);
  }

  @Test
  void anOpenFileShowsWhatAnotherClientHasCommitted() {
    long handle = fs.create(ROOT, 1, name("f"), 0644, 0).handle();
    fs.write(handle, 0, new byte[] {1, 2, 3}, 0, 3);
    fs.flush(handle);
    var file = fs.lookup(1, name("f"));

    var cut = new Operation.Commit(file.inode(), 1, 2, 1, Tag.ZERO, 5, 5, 1, List.of());
    pool.changeByOther(cut).orThrow();

    assertThat(forgotten).contains(file.inode() + " content");
    assertThat(fs.read(handle, 0, new byte[10], 0, 10)).isEqualTo(1);
    fs.release(handle);
  }

  /** An open file of which a power cut took all but its first content, 1, 2, 3. */
  private long reverted() {
    long handle = fs.create(ROOT, 1, name("f"), 0644, 0).handle();
    fs.write(handle, 0, new byte[] {1, 2, 3}, 0, 3);
    fs.flush(handle);
    fs.write(handle, 0, new byte[] {4, 5}, 0, 2);
    fs.flush(handle);
    pool.revertUnheard(fs.lookup(1, name("f")).inode());
    return handle;
  }

  private void notify(boolean all, List<Invalidation> changes) {
    var done = new CompletableFuture<Void>();
    pool.watcher().onChanges(all, changes, () -> done.complete(null));
    done.orTimeout(10, TimeUnit.SECONDS).join();
  }

  private byte[] content(long handle) {
    byte[] bytes = new byte[10];
    return Arrays.copyOf(bytes, fs.read(handle, 0, bytes, 0, 10));
  }

  /** What was written and is lost is reported once. */
  private static void expectReported(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            HoldfastException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.STORE_FAILED));
  }

  @Test
  void anOpenFileShowsTheContentItWasRevertedToAndCanBeWritten() {
    long handle = reverted();
    long inode = fs.lookup(1, name("f")).inode();

    notify(false, List.of(new Invalidation.OfInode(inode, true, false)));

    assertThat(forgotten).contains(inode + " content");
    assertThat(content(handle)).containsExactly(1, 2, 3);
    expectReported(() -> fs.write(handle, 1, new byte[] {9}, 0, 1));
    fs.write(handle, 1, new byte[] {9}, 0, 1);
    expectReported(() -> fs.fsync(handle, false)); // of all that was written before
    fs.fsync(handle, false);
    fs.release(handle);
    assertThat(MemoryPool.read(fs, "f")).containsExactly(1, 9, 3);
  }

  @Test
  void whatIsUnsavedGoesWithTheContentThatWasLost() {
    long handle = reverted();
    fs.write(handle, 2, new byte[] {8}, 0, 1);

    expectReported(() -> fs.flush(handle));
    expectReported(() -> fs.flush(handle)); // the one before may have been a child's
    expectReported(() -> fs.fsync(handle, false));
    fs.flush(handle);

    assertThat(content(handle)).containsExactly(1, 2, 3);
    fs.release(handle);
    assertThat(MemoryPool.read(fs, "f")).containsExactly(1, 2, 3);
  }

  /** The invalidation comes before the commit, which would find it out by itself. */
  @Test
  void likewiseWhenTheInvalidationComesFirst() {
    long handle = reverted();
    fs.write(handle, 2, new byte[] {8}, 0, 1);
    long inode = fs.lookup(1, name("f")).inode();

    notify(false, List.of(new Invalidation.OfInode(inode, true, false)));
    expectReported(() -> fs.flush(handle));
    expectReported(() -> fs.flush(handle)); // the one before may have been a child's
    expectReported(() -> fs.fsync(handle, false));
    fs.flush(handle);

    assertThat(content(handle)).containsExactly(1, 2, 3);
    fs.release(handle);
    assertThat(MemoryPool.read(fs, "f")).containsExactly(1, 2, 3);
  }

  /** One that commits all the time; what is here gets its turns between the other's. */
  @Test
  void eachLookAtWhatAnotherHasCommittedIsFollowedByACommit() {
    long handle = fs.create(ROOT, 1, name("f"), 0644, 0).handle();
    fs.write(handle, 0, new byte[] {1, 2, 3}, 0, 3);
    fs.flush(handle);
    long inode = fs.lookup(1, name("f")).inode();
    var left = new AtomicInteger(20);
    var isAnswered = new AtomicBoolean();
    var tries = new AtomicInteger();
    fs.write(handle, 2, new byte[] {8}, 0, 1);
    commitByOther(inode);
    pool.beforeChange =
        operation -> {
          tries.addAndGet(operation instanceof Operation.Commit ? 1 : 0);
          return CompletableFuture.completedFuture(null);
        };
    pool.afterAnswer =
        () -> {
          // What the invalidation asks is answered, too.
          if (isAnswered.compareAndSet(false, true)) {
            if (left.getAndDecrement() > 0) {
              commitByOther(inode);
            }
            isAnswered.set(false);
          }
        };

    fs.flush(handle);

    assertThat(left).hasNonPositiveValue();
    assertThat(tries).hasValueGreaterThan(20);
    fs.release(handle);
  }

  /** Of two mounts that commit at once, each waits until the other has confirmed. */
  @Test
  void anothersCommitIsConfirmedWhileAnOwnOneIsInFlightAfterALostSession() {
    long handle = fs.create(ROOT, 1, name("f"), 0644, 0).handle();
    fs.write(handle, 0, new byte[] {1, 2, 3}, 0, 3);
    fs.fsync(handle, false);
    long inode = fs.lookup(1, name("f")).inode();
    fs.write(handle, 2, new byte[] {8}, 0, 1);
    var isInFlight = new CompletableFuture<Void>();
    var go = new CompletableFuture<Void>();
    pool.afterChange =
        operation -> {
          if (operation instanceof Operation.Commit) {
            isInFlight.complete(null);
            return go;
          }
          return CompletableFuture.completedFuture(null);
        };
    var flushed = CompletableFuture.runAsync(() -> fs.flush(handle));
    isInFlight.orTimeout(10, TimeUnit.SECONDS).join();
    pool.loseSession();

    commitByOther(inode);

    assertThat(flushed).isNotDone();
    go.complete(null);
    flushed.orTimeout(10, TimeUnit.SECONDS).join();
    fs.release(handle);
  }

  private void commitByOther(long inode) {
    var now = (Answer.Inode) pool.namespace().query(new Query.GetAttributes(inode));
    long version = now.attributes().version();
    var commit =
        new Operation.Commit(
            inode, version, version + 1, 3, Tag.ZERO, 5, 5, pool.epoch(), List.of());
    pool.changeByOther(commit).orThrow();
  }

  @Test
  void openFilesAreReadAnewWhenAnythingMayHaveChanged() {
    long handle = reverted();
    long inode = fs.lookup(1, name("f")).inode();

    notify(true, List.of());

    long endNs = clock.nowNs() + TimeUnit.SECONDS.toNanos(10);
    while (!forgotten.contains(inode + " content") && clock.nowNs() - endNs < 0) {
      Thread.onSpinWait();
    }
    assertThat(forgotten).contains(inode + " content");
    assertThat(content(handle)).containsExactly(1, 2, 3);
    fs.release(handle);
  }

  @Test
  void everythingIsRecalledWhenTheLeaseEndsAndNothingIsKeptUntilTheNext() {
    expiresEverything(() -> pool.watcher().onLeaseEnding());
  }

  @Test
  void everythingIsRecalledWhenAnOwnChangeHasNoKnownOutcome() {
    expiresEverything(() -> pool.watcher().onOutcomeUnknown());
  }

  @Test
  void everythingIsRecalledWhenTheKernelHasNoAnswerOfAChange() {
    expiresEverything(() -> fs.changedUnseen(1));
  }

  private void expiresEverything(Runnable event) {
    long inode = directory("d");
    fs.lookup(1, name("d"));
    fs.readDirectory(1, 0, (entry, of, type, cookie) -> true);

    var done = new CompletableFuture<Void>();
    event.run();
    pool.watcher().onChanges(true, List.of(), () -> done.complete(null)); // behind the first
    done.orTimeout(10, TimeUnit.SECONDS).join();

    assertThat(forgotten).contains("1/d expired", inode + " attributes", "1 content");
    assertThat(forgotten).as("names of directories in use").doesNotContain("1/d");
    assertThat(fs.attributes(inode).attributeTimeoutMs()).isZero();
    assertThat(fs.lookup(1, name("d")).entryTimeoutMs()).isZero();
    lease();
    assertThat(fs.attributes(inode).attributeTimeoutMs()).isEqualTo(CacheLease.LONG_MS);
  }

  /** The kernel has the directory's lock then: waiting for it there, not even SIGKILL ends it. */
  @Test
  void namesInADirectoryThatAnOwnCallChangesAreRecalledWhenItHasEnded() {
    long quiet = directory("quiet");
    fs.makeDirectory(ROOT, quiet, name("q"), 0755);
    fs.lookup(quiet, name("q"));
    directory("a");
    fs.lookup(1, name("a"));
    var go = new CompletableFuture<Void>();
    var isInFlight = new CompletableFuture<Void>();
    pool.beforeChange =
        operation -> {
          isInFlight.complete(null);
          return go;
        };
    var made = CompletableFuture.runAsync(() -> directory("b"));
    isInFlight.orTimeout(10, TimeUnit.SECONDS).join();

    var done = new CompletableFuture<Void>();
    pool.watcher().onLeaseEnding();
    pool.watcher().onChanges(true, List.of(), () -> done.complete(null)); // behind the first
    done.orTimeout(10, TimeUnit.SECONDS).join();

    assertThat(forgotten).contains(quiet + "/q expired").doesNotContain("1/a expired");
    go.complete(null);
    made.orTimeout(10, TimeUnit.SECONDS).join();
    long endNs = clock.nowNs() + TimeUnit.SECONDS.toNanos(10);
    while (!forgotten.contains("1/a expired") && clock.nowNs() - endNs < 0) {
      Thread.onSpinWait();
    }
    assertThat(forgotten).contains("1/a expired");
  }

  @Test
  void aListingThatIsGivenWithoutALeaseIsRecalledAtOnce() {
    directory("d");
    pool.watcher().onLeaseEnding();

    fs.readDirectory(1, 0, (entry, of, type, cookie) -> true);
    fs.listed(1);

    long endNs = clock.nowNs() + TimeUnit.SECONDS.toNanos(10);
    while (!forgotten.contains("1 content") && clock.nowNs() - endNs < 0) {
      Thread.onSpinWait();
    }
    assertThat(forgotten).contains("1 content");
  }

  /** As where a directory is removed that is open here: its fstat shows that from then on. */
  @Test
  void whileTheKernelIsBusyWithAnOwnChangeOnlyAttributesAreRecalledBeforeTheOthersIsConfirmed() {
    kernel.inodeLock = new CountDownLatch(1);
    var isConfirmed = new CompletableFuture<Void>();
    var forgottenBefore = new ArrayList<String>();
    pool.beforeChange =
        operation -> {
          pool.beforeChange = another -> CompletableFuture.completedFuture(null);
          pool.watcher()
              .onChanges(
                  false,
                  List.of(
                      new Invalidation.OfEntry(1, sealed("e")),
                      new Invalidation.OfInode(1, true, false),
                      new Invalidation.OfInode(7, false, true)),
                  () -> {
                    forgottenBefore.addAll(forgotten);
                    isConfirmed.complete(null);
                  });
          return isConfirmed; // the other's change comes first
        };

    var made = fs.makeDirectory(ROOT, 1, name("d"), 0755);

    assertThat(forgottenBefore).containsExactly("1 attributes", "7 attributes");
    assertThat(forgotten).hasSize(2);
    assertThat(made.entryTimeoutMs()).as("it crossed the invalidation").isZero();
    kernel.inodeLock.countDown();
  }

  @Test
  void moreChangesThanCanWaitAreConfirmedOnceEverythingWasRecalled() {
    kernel.lock = new CountDownLatch(1);
    int count = 6_000; // more than threads and queue take
    var confirmed = new CountDownLatch(count);
    for (int i = 0; i < count; i++) {
      var change = new Invalidation.OfInode(1_000 + i, false, false);
      pool.watcher().onChanges(false, List.of(change), confirmed::countDown);
    }

    kernel.lock.countDown();

    assertThat(
            CompletableFuture.supplyAsync(
                    () -> {
                      try {
                        return confirmed.await(20, TimeUnit.SECONDS);
                      } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                      }
                    })
                .join())
        .isTrue();
  }
}
