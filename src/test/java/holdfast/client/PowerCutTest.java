package holdfast.client;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.put;
import static holdfast.client.MemoryPool.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import holdfast.client.api.AttributeChange;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.OpenedFile;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.Namespace;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * All peers lose power while a mount lives: what was acknowledged and not forced may be gone. An
 * fsync(2) that comes afterwards must not say that it is on disk.
 */
class PowerCutTest {
  private static final int LARGE = 9_000_000;

  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final ClientFileSystem fs = memory.mount();

  @AfterEach
  void close() {
    memory.close();
  }

  private long create(String name, byte[] content) {
    long handle = fs.create(ROOT, 1, name(name), 0644, 0).handle();
    if (content.length > 0) {
      put(fs, handle, 0, content);
      fs.flush(handle);
    }
    return handle;
  }

  /** The inode of "f", which has 50 forced bytes again; closed handles wrote 60 from there on. */
  private long lostByClosedHandles(long offset) {
    long handle = create("f", bytes(1, 50));
    fs.fsync(handle, false);
    Namespace forced = pool.namespace();
    put(fs, handle, offset, bytes(2, 60));
    fs.flush(handle);
    fs.release(handle);
    long inode = fs.lookup(1, name("f")).inode();
    pool.losePower(forced);
    return inode;
  }

  private void expectLost(long handle) {
    var lost = assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 100, LARGE})
  void aFileWhoseCreationIsLostIsNeverSaidToBeOnDisk(int lengthBytes) {
    Namespace before = pool.namespace();
    long handle = create("f", bytes(1, lengthBytes));

    pool.losePower(before);

    expectLost(handle);
    for (int i = 0; i < 2; i++) {
      put(fs, handle, 0, bytes(2, 100));
      expectLost(handle);
    }
    fs.release(handle);
  }

  @ParameterizedTest
  @ValueSource(ints = {100, LARGE})
  void contentThatIsLostIsReportedOnceAndTheFileIsAsThePoolHasIt(int lengthBytes) {
    long handle = create("f", bytes(1, 50));
    fs.fsync(handle, false);
    Namespace forced = pool.namespace();
    put(fs, handle, 0, bytes(2, lengthBytes));
    fs.flush(handle);

    pool.losePower(forced);

    expectLost(handle);
    assertArrayEquals(bytes(1, 50), read(fs, "f"));
    fs.fsync(handle, false);
    put(fs, handle, 10, bytes(3, 10));
    fs.fsync(handle, false);
    byte[] expected = bytes(1, 50);
    System.arraycopy(bytes(3, 10), 0, expected, 10, 10);
    assertArrayEquals(expected, read(memory.mount(), "f"));
    fs.release(handle);
  }

  /** It would stand beside what was before the lost part: of no version of the file. */
  @ParameterizedTest
  @ValueSource(ints = {100, LARGE})
  void whatIsUnsavedGoesWithWhatIsLost(int lengthBytes) {
    long handle = create("f", bytes(1, 50));
    fs.fsync(handle, false);
    Namespace forced = pool.namespace();
    put(fs, handle, 0, bytes(2, 20));
    fs.flush(handle);
    put(fs, handle, 30, bytes(3, lengthBytes));

    pool.losePower(forced);

    expectLost(handle);
    fs.fsync(handle, false);
    assertArrayEquals(bytes(1, 50), read(memory.mount(), "f"));
    put(fs, handle, 50, bytes(4, lengthBytes));
    fs.fsync(handle, false);
    byte[] expected = Arrays.copyOf(bytes(1, 50), 50 + lengthBytes);
    System.arraycopy(bytes(4, lengthBytes), 0, expected, 50, lengthBytes);
    assertArrayEquals(expected, read(memory.mount(), "f"));
    fs.release(handle);
  }

  /** Cut to nothing and being written anew: the cut was acknowledged and is lost. */
  @ParameterizedTest
  @ValueSource(ints = {20, LARGE})
  void aFileThatIsWrittenAnewIsTheOldOneWhereItsCutIsLost(int lengthBytes) {
    long handle = create("f", bytes(1, 50));
    fs.fsync(handle, false);
    fs.release(handle);
    Namespace forced = pool.namespace();
    long again = fs.create(ROOT, 1, name("f"), 0644, OpenFlags.TRUNCATE).handle();
    put(fs, again, 0, bytes(2, lengthBytes));

    pool.losePower(forced);

    var lost = assertThrows(HoldfastException.class, () -> fs.flush(again));
    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
    assertArrayEquals(bytes(1, 50), read(memory.mount(), "f"));
    fs.release(again);
  }

  /** An operation that is forced has its own chunk forced, and not those of earlier ones. */
  @Test
  void aChunkThatIsLostBeforeItWasForcedIsReportedThoughALaterCommitWasForced() {
    long handle = create("f", bytes(1, 50));
    fs.fsync(handle, false);
    var before = Set.copyOf(pool.chunks.keySet());
    put(fs, handle, 0, bytes(2, 20));
    fs.flush(handle);
    pool.chunks.keySet().retainAll(before);
    put(fs, handle, 30, bytes(3, 20));
    var missing = assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    assertEquals(ErrorCode.CHUNK_MISSING, missing.code(), missing.getMessage());

    pool.revertUnheard(fs.lookup(1, name("f")).inode());

    put(fs, handle, 45, bytes(4, 5));
    expectLost(handle);
    fs.release(handle);
  }

  /** It was acknowledged by a close, and undone when nobody had the chunk. */
  @Test
  void aChunkThatIsLostBeforeItsCommitIsReportedByTheClose() {
    byte[] forced = bytes(1, LARGE);
    long handle = create("f", forced);
    fs.fsync(handle, false);
    Set<ChunkId> before = Set.copyOf(pool.chunks.keySet());
    pool.beforeChange =
        operation ->
            CompletableFuture.failedFuture(new HoldfastException(ErrorCode.TIMED_OUT, "away"));
    put(fs, handle, 0, bytes(2, 20));
    assertThrows(HoldfastException.class, () -> fs.flush(handle));
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    pool.chunks.keySet().retainAll(before);

    pool.hearOfLostSession();
    assertArrayEquals(forced, read(fs, "f"), "a reader gets no error");

    var closed = assertThrows(HoldfastException.class, () -> fs.flush(handle));
    assertEquals(ErrorCode.STORE_FAILED, closed.code(), closed.getMessage());
    assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    fs.fsync(handle, false);
    fs.release(handle);
    assertArrayEquals(forced, read(memory.mount(), "f"));
  }

  /** Zeros would stand behind what is older than what was cut. */
  @Test
  void aCutOfWhatClosedHandlesHaveLostIsReportedAndNotDone() {
    long inode = lostByClosedHandles(50);
    var cut = new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 80, 0, 0);
    var empty = new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 0, 0, 0);

    var lost = assertThrows(HoldfastException.class, () -> fs.setAttributes(inode, cut, -1));

    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
    assertArrayEquals(bytes(1, 50), read(memory.mount(), "f"));
    assertEquals(80, fs.setAttributes(inode, cut, -1).sizeBytes());
    assertEquals(0, fs.setAttributes(inode, empty, -1).sizeBytes());
  }

  /** Nothing of what is lost is left in an empty file. */
  @Test
  void aCutToNothingOfWhatIsLostIsDone() {
    long inode = lostByClosedHandles(0);
    var empty = new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 0, 0, 0);

    assertEquals(0, fs.setAttributes(inode, empty, -1).sizeBytes());
  }

  @Test
  void aVersionThatAnotherClientMadeSinceIsNotTakenForOurs() {
    long handle = create("f", bytes(1, 50));
    fs.fsync(handle, false);
    Namespace forced = pool.namespace();
    put(fs, handle, 0, bytes(2, 20));
    fs.flush(handle);

    pool.losePower(forced);
    writeByOther(fs.lookup(1, name("f")).inode(), 0);

    expectLost(handle);
    fs.release(handle);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 100, LARGE})
  void whatIsStillThereIsForced(int lengthBytes) {
    long handle = create("f", bytes(1, lengthBytes));

    pool.losePower(pool.namespace());

    fs.fsync(handle, false);
    put(fs, handle, 0, bytes(2, 10));
    fs.fsync(handle, false);
    pool.losePower(pool.namespace());
    fs.fsync(handle, false);
    byte[] expected = Arrays.copyOf(bytes(1, lengthBytes), Math.max(10, lengthBytes));
    System.arraycopy(bytes(2, 10), 0, expected, 0, 10);
    assertArrayEquals(expected, read(memory.mount(), "f"));
    fs.release(handle);
  }

  private void expectNotRenamed() {
    var lost =
        assertThrows(HoldfastException.class, () -> fs.rename(1, name("g"), 1, name("f"), 0));
    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
    assertArrayEquals(bytes(1, 50), read(memory.mount(), "f"));
  }

  private Namespace writtenBeside(int lengthBytes) {
    long old = create("f", bytes(1, 50));
    fs.fsync(old, false);
    fs.release(old);
    long handle = create("g", new byte[0]);
    Namespace created = pool.namespace();
    put(fs, handle, 0, bytes(2, lengthBytes));
    fs.flush(handle);
    fs.release(handle);
    return created;
  }

  /** Written beside and closed; the power cut takes it before it gets the name. */
  @ParameterizedTest
  @ValueSource(ints = {100, LARGE})
  void aFileWhoseContentIsLostDoesNotTakeTheOldOnesPlace(int lengthBytes) {
    Namespace created = writtenBeside(lengthBytes);

    pool.losePower(created);

    expectNotRenamed();
    fs.rename(1, name("g"), 1, name("f"), 0); // a program that got the error may well want it
    assertArrayEquals(new byte[0], read(memory.mount(), "f"));
  }

  /** The rename is in flight at the power cut, and is asked for again in the next session. */
  @Test
  void norWhenTheRenameIsInFlightAtThePowerCut() {
    Namespace created = writtenBeside(100);
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.Rename) {
            pool.losePower(created);
            pool.beforeChange = other -> CompletableFuture.completedFuture(null);
          }
          return CompletableFuture.completedFuture(null);
        };

    expectNotRenamed();
  }

  /** Its entry is there, its chunk isn't: it goes back while the rename waits for it. */
  @Test
  void norWhenItsChunkIsLostAndItGoesBack() {
    writtenBeside(100);
    long inode = fs.lookup(1, name("g")).inode();
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.Rename) {
            pool.revertUnheard(inode);
            pool.beforeChange = other -> CompletableFuture.completedFuture(null);
          }
          return CompletableFuture.completedFuture(null);
        };

    expectNotRenamed();
  }

  @ParameterizedTest
  @ValueSource(ints = {100, LARGE})
  void aFileWhoseContentIsThereIsRenamed(int lengthBytes) {
    writtenBeside(lengthBytes);

    pool.losePower(pool.namespace());

    fs.rename(1, name("g"), 1, name("f"), 0);
    assertArrayEquals(bytes(2, lengthBytes), read(memory.mount(), "f"));
  }

  @Test
  void whoHasWrittenNothingHearsNothing() {
    long writer = create("f", bytes(1, 50));
    fs.fsync(writer, false);
    fs.release(writer);
    long reader = fs.open(fs.lookup(1, name("f")).inode(), OpenFlags.READ_ONLY).handle();
    pool.beginOther();

    pool.losePower(pool.namespace());
    pool.beginOther();

    fs.fsync(reader, false);
    fs.flush(reader);
    fs.release(reader);
  }

  @Test
  void aDirectoryWhoseChangeIsLostIsReportedOnceAndOneWhoseChangeIsThereIsNot() {
    Namespace before = pool.namespace();
    long handle = create("f", bytes(1, 10));
    fs.release(handle);

    pool.losePower(before);

    var lost = assertThrows(HoldfastException.class, () -> fs.fsyncDirectory(1, false));
    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
    fs.fsyncDirectory(1, false);
    fs.release(create("g", bytes(1, 10)));
    fs.fsyncDirectory(1, false);
    pool.losePower(pool.namespace());
    fs.fsyncDirectory(1, false);
  }

  /** What was forced of a file that was written again, and closed. */
  private Namespace closedWithALaterVersion() {
    long writer = create("f", bytes(1, 50));
    fs.fsync(writer, false);
    Namespace forced = pool.namespace();
    put(fs, writer, 0, bytes(2, 20));
    fs.flush(writer);
    fs.release(writer);
    return forced;
  }

  /** Heard by the watch, before anything is asked for. */
  private void losePowerAndHearOfIt(Namespace forced) {
    pool.losePower(forced);
    pool.hearOfLostSession();
  }

  @Test
  void aLaterCommitDoesNotHideThatAnEarlierOneOfTheFileIsLost() {
    Namespace forced = closedWithALaterVersion();

    pool.losePower(forced);

    long inode = fs.lookup(1, name("f")).inode();
    long second = fs.open(inode, OpenFlags.WRITE_ONLY).handle();
    put(fs, second, 30, bytes(3, 20));
    fs.flush(second);
    fs.release(second);
    long third = fs.open(inode, OpenFlags.WRITE_ONLY).handle();
    expectLost(third);
    fs.fsync(third, false);
    fs.release(third);
  }

  @Test
  void norForARenameOfIt() {
    Namespace created = writtenBeside(100);

    pool.losePower(created);

    long again = fs.open(fs.lookup(1, name("g")).inode(), OpenFlags.WRITE_ONLY).handle();
    put(fs, again, 100, bytes(3, 20));
    fs.flush(again);
    fs.release(again);
    expectNotRenamed();
    fs.rename(1, name("g"), 1, name("f"), 0);
  }

  @Test
  void anFsyncByAnotherHandleHearsThatTheFileIsGone() {
    Namespace before = pool.namespace();
    long writer = create("f", bytes(1, 100));
    fs.release(writer);
    long inode = fs.lookup(1, name("f")).inode();
    long handle = fs.open(inode, OpenFlags.READ_ONLY).handle();

    losePowerAndHearOfIt(before);

    fs.attributes(inode);
    expectLost(handle);
    fs.release(handle);
  }

  /** The number of a version that is lost is given again, to other content. */
  private void writeByOther(long inode, int lengthBytes) {
    pool.beginOther();
    var now = pool.namespace().query(new Query.GetAttributes(inode));
    long version = ((Answer.Inode) now).attributes().version();
    pool.changeUnheard(
            new Operation.Commit(
                inode,
                version,
                version + 1,
                lengthBytes,
                new Tag(9, 9),
                1,
                1,
                pool.epoch(),
                List.of()))
        .orThrow();
  }

  @Test
  void aChangeOfAttributesDoesNotMakeAnothersVersionOurs() {
    long handle = create("f", bytes(1, 50));
    fs.fsync(handle, false);
    Namespace forced = pool.namespace();
    put(fs, handle, 0, bytes(2, 20));
    fs.flush(handle);
    long inode = fs.lookup(1, name("f")).inode();

    pool.losePower(forced);
    writeByOther(inode, 5000);

    fs.setAttributes(inode, new AttributeChange(AttributeChange.MODE, 0600, 0, 0, 0, 0, 0), -1);
    expectLost(handle);
    put(fs, handle, 0, bytes(3, 10));
    fs.fsync(handle, false);
    assertEquals(5000, read(memory.mount(), "f").length);
    fs.release(handle);
  }

  @Test
  void whoOpensAFileAgainSeesWhatThePoolHasAndNotWhatIsLost() {
    Namespace forced = closedWithALaterVersion();
    long inode = fs.lookup(1, name("f")).inode();
    long reader = fs.open(inode, OpenFlags.READ_ONLY).handle();

    losePowerAndHearOfIt(forced);

    assertArrayEquals(bytes(1, 50), read(fs, "f"));
    assertArrayEquals(bytes(1, 50), MemoryPool.get(fs, reader));
    fs.flush(reader); // it has written nothing
    fs.release(reader);
  }

  @Test
  void theKernelsPagesOfAVersionThatIsLostAreNotKept() {
    Namespace forced = closedWithALaterVersion();
    long inode = fs.lookup(1, name("f")).inode();

    losePowerAndHearOfIt(forced);
    writeByOther(inode, 50);

    OpenedFile opened = fs.open(inode, OpenFlags.READ_ONLY);
    assertFalse(opened.keepPages());
    fs.release(opened.handle());
  }

  @Test
  void whatIsWrittenToAFileWhoseRemovalIsLostIsSavedWhenItIsClosed() {
    long handle = create("f", bytes(1, 50));
    fs.fsync(handle, false);
    Namespace forced = pool.namespace();
    fs.unlink(1, name("f"));

    losePowerAndHearOfIt(forced);

    put(fs, handle, 10, bytes(2, 20));
    fs.flush(handle);
    fs.release(handle);
    byte[] expected = bytes(1, 50);
    System.arraycopy(bytes(2, 20), 0, expected, 10, 20);
    assertArrayEquals(expected, read(memory.mount(), "f"));
  }

  private void expectLostDirectory() {
    var lost = assertThrows(HoldfastException.class, () -> fs.fsyncDirectory(1, false));
    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
    fs.fsyncDirectory(1, false); // reported once
  }

  private void losePowerAt(Namespace forced, String created) {
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.Create create
              && create.name().equals(MemoryPool.sealed(created))) {
            pool.losePower(forced);
          }
          return CompletableFuture.completedFuture(null);
        };
  }

  /** The one in flight gave the directory a newer time. */
  @Test
  void aLostChangeOfADirectoryIsReportedThoughOneThatWasInFlightIsMadeAgain() {
    Namespace before = pool.namespace();
    fs.release(create("a", new byte[0]));
    losePowerAt(before, "b");

    fs.release(create("b", new byte[0]));

    expectLostDirectory();
  }

  @Test
  void ofTwoLostChangesTheSecondIsReportedToo() {
    Namespace before = pool.namespace();
    fs.release(create("a", new byte[0]));
    fs.release(create("c", new byte[0]));
    losePowerAt(before, "b");

    fs.release(create("b", new byte[0]));

    expectLostDirectory();
  }

  /** As cp -a, tar and rsync do at last. */
  @Test
  void aLostChangeOfADirectoryIsReportedThoughItsModeIsSetAfterwards() {
    Namespace before = pool.namespace();
    fs.release(create("a", new byte[0]));

    pool.losePower(before);
    fs.setAttributes(
        1,
        new AttributeChange(AttributeChange.MODE, 0700, 0, 0, 0, 0, 0),
        PoolFileSystem.NO_HANDLE);

    expectLostDirectory();
  }

  private void changeByOther(Operation operation) {
    pool.changeUnheard(operation).orThrow();
  }

  private static Operation createByOther(String name) {
    return new Operation.Create(
        1,
        MemoryPool.sealed(name),
        Tag.ZERO,
        new SealId(9, 77),
        FileType.FILE,
        0644,
        0,
        0,
        0,
        Optional.empty(),
        true,
        Long.MAX_VALUE,
        Optional.empty());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void aLostChangeOfADirectoryIsReportedThoughAnotherMountHasChangedItSince(int count) {
    long moved = fs.lookup(1, name(released(create("old", new byte[0]), "old"))).inode();
    Namespace before = pool.namespace();
    fs.rename(1, name("old"), 1, name("new"), 0);

    pool.losePower(before);
    pool.beginOther();
    for (int i = 0; i < count; i++) {
      changeByOther(createByOther("other" + i));
    }

    expectLostDirectory();
    assertEquals(moved, fs.lookup(1, name("old")).inode());
  }

  private String released(long handle, String name) {
    fs.release(handle);
    return name;
  }

  @Test
  void aChangeOfADirectoryThatIsThereIsNotReportedAsLostThoughAnotherMountHasChangedItSince() {
    fs.release(create("a", new byte[0]));
    fs.release(create("gone", new byte[0]));
    fs.link(fs.lookup(1, name("a")).inode(), 1, name("link"));
    fs.unlink(1, name("gone"));

    pool.losePower(pool.namespace());
    pool.beginOther();
    changeByOther(createByOther("gone"));

    fs.fsyncDirectory(1, false);
  }

  /** The change that is made last has the earlier time, and is answered first. */
  @Test
  void changesInAnotherOrderThanTheirTimesAreNotReportedAsLost() throws Exception {
    var later = MemoryPool.sealed("later");
    var earlier = MemoryPool.sealed("earlier");
    var isEarlierAsked = new CompletableFuture<Void>();
    var isLaterMade = new CompletableFuture<Void>();
    var isEarlierAnswered = new CompletableFuture<Void>();
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.Create create && create.name().equals(earlier)) {
            isEarlierAsked.complete(null);
            return isLaterMade;
          }
          return CompletableFuture.completedFuture(null);
        };
    pool.afterChange =
        operation -> {
          if (operation instanceof Operation.Create create && create.name().equals(later)) {
            isLaterMade.complete(null);
            return isEarlierAnswered;
          }
          return CompletableFuture.completedFuture(null);
        };
    var first = run(() -> fs.release(create("earlier", new byte[0])));
    isEarlierAsked.get(10, TimeUnit.SECONDS);
    var second = run(() -> fs.release(create("later", new byte[0])));
    first.get(10, TimeUnit.SECONDS);
    isEarlierAnswered.complete(null);
    second.get(10, TimeUnit.SECONDS);

    pool.endSession();

    fs.fsyncDirectory(1, false);
  }

  private static FutureTask<Void> run(Runnable task) {
    var running = new FutureTask<Void>(task, null);
    Thread.ofVirtual().start(running);
    return running;
  }
}
