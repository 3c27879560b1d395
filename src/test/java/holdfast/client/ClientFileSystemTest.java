package holdfast.client;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.get;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.put;
import static holdfast.client.MemoryPool.read;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.api.AttributeChange;
import holdfast.client.api.CreatedFile;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.op.ExtentMap;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The file system over a pool in memory. Over sessions and peers: the simulator and process tests.
 */
class ClientFileSystemTest {

  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final ClientFileSystem fs = mount();

  private ClientFileSystem mount() {
    return memory.mount();
  }

  @AfterEach
  void close() {
    memory.close();
  }

  @Test
  void whatWasWrittenIsReadBackAfterCloseByAnotherMount() {
    byte[] content = bytes(1, 10_000_000);
    write(fs, "a", content);

    var other = mount();

    assertArrayEquals(content, read(other, "a"));
    assertEquals(content.length, other.lookup(1, name("a")).sizeBytes());
  }

  @Test
  void smallFileTakesOneChangeForItsContentAndNoStore() {
    write(fs, "small", bytes(2, 5_000));

    assertEquals(2, pool.changeCount.get()); // create and content
    assertEquals(0, pool.storeCount.get());
    assertArrayEquals(bytes(2, 5_000), read(fs, "small"));
  }

  @Test
  void peersSeeNeitherNamesNorContents() {
    byte[] secret = "the quick brown fox jumps over the lazy dog".getBytes(UTF_8);
    write(fs, "secret", secret);

    for (byte[] sealed : pool.chunks.values()) {
      assertEquals(-1, new String(sealed, UTF_8).indexOf("quick brown"));
    }
    assertTrue(pool.chunks.size() > 0);
  }

  @Test
  void blockThatDoesNotOpenIsFetchedElsewhereAndReportedToItsPeer() {
    write(fs, "b", bytes(3, 3_000_000));
    pool.servesBadFirst = true;

    assertArrayEquals(bytes(3, 3_000_000), read(mount(), "b"));

    assertTrue(pool.badReports.get() > 0);
  }

  @Test
  void blockThatOpensNowhereIsAnErrorAndNeverWrongBytes() {
    write(fs, "c", bytes(4, 100_000));
    pool.chunks.replaceAll(
        (id, bytes) -> {
          byte[] bad = bytes.clone();
          bad[1_000] ^= 1;
          return bad;
        });
    var other = mount();

    var failure = assertThrows(HoldfastException.class, () -> read(other, "c"));

    assertEquals(ErrorCode.SEAL_BROKEN, failure.code());
  }

  /** A second after the close that was refused the pool is back. */
  @Test
  void whatACloseCouldNotSaveAtOnceIsSavedByTheReleaseThatNobodyWaitsFor() {
    write(fs, "late", bytes(1, 100));
    long handle = fs.open(fs.lookup(1, name("late")).inode(), OpenFlags.READ_WRITE).handle();
    put(fs, handle, 0, bytes(2, 100));
    pool.isOutOfReach = true;
    var isBack = new CompletableFuture<Void>();
    pool.beforeChange = operation -> isBack;

    var refused = assertThrows(HoldfastException.class, () -> fs.flush(handle));
    isBack.completeOnTimeout(null, 1_500, TimeUnit.MILLISECONDS);
    fs.release(handle);

    assertEquals(ErrorCode.TIMED_OUT, refused.code());
    pool.isOutOfReach = false;
    assertArrayEquals(bytes(2, 100), read(mount(), "late"));
  }

  /** With 9 MB each they are more than may be unsaved at a time. */
  private static final int UNSAVED_ROUNDS = 9;

  @Test
  void failedBackgroundStoreIsReportedAndTheFileKeepsWhatWasAcknowledged() {
    byte[] first = bytes(5, 5_000_000);
    write(fs, "d", first);
    var handle = fs.open(fs.lookup(1, name("d")).inode(), OpenFlags.READ_WRITE).handle();

    putInVain(handle, bytes(6, 9_000_000), ErrorCode.NO_SPACE);
    var failure = assertThrows(HoldfastException.class, () -> fs.flush(handle));
    pool.storeFailure = null;
    var forced = assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    fs.fsync(handle, false);
    fs.flush(handle);
    fs.release(handle);

    assertEquals(ErrorCode.NO_SPACE, failure.code());
    assertEquals(ErrorCode.NO_SPACE, forced.code());
    assertArrayEquals(first, read(mount(), "d"));
  }

  /**
   * A program's child closes the descriptor that it inherited and looks at no answer; another
   * thread's write of something else fails. The fsync that follows has to say what is lost.
   */
  @Test
  void anFsyncReportsWhatIsLostWhateverCallReportedItBefore() {
    write(fs, "shared", bytes(1, 100));
    long inode = fs.lookup(1, name("shared")).inode();
    for (boolean isReportedByWrite : List.of(false, true)) {
      long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
      putInVain(handle, bytes(6, 9_000_000), ErrorCode.NO_SPACE);
      assertThrows(HoldfastException.class, () -> fs.flush(handle));
      if (isReportedByWrite) {
        assertThrows(HoldfastException.class, () -> put(fs, handle, 0, new byte[1]));
        put(fs, handle, 0, bytes(1, 1));
      }
      assertThrows(HoldfastException.class, () -> fs.flush(handle), "every close");
      pool.storeFailure = null;

      assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));

      fs.flush(handle);
      fs.fsync(handle, false);
      fs.release(handle);
      assertArrayEquals(bytes(1, 100), read(mount(), "shared"));
    }
  }

  /** All peers are started again, which takes longer than a call may wait. */
  @Test
  void aFileThatStaysOpenKeepsWhatThePoolDidNotTake() {
    var codes = List.of(ErrorCode.TIMED_OUT, ErrorCode.UNREACHABLE, ErrorCode.NO_QUORUM);
    for (int round = 0; round < UNSAVED_ROUNDS; round++) {
      ErrorCode code = codes.get(round % codes.size());
      String path = "away " + round;
      write(fs, path, bytes(1, 100));
      long inode = fs.lookup(1, name(path)).inode();
      byte[] wanted = bytes(7, 9_000_000);
      long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
      pool.storeFailure = new HoldfastException(code, "away");
      put(fs, handle, 0, wanted);
      assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
      put(fs, handle, 0, Arrays.copyOf(wanted, 1));
      assertThrows(HoldfastException.class, () -> fs.flush(handle));
      pool.storeFailure = null;

      fs.fsync(handle, false);

      assertArrayEquals(wanted, read(mount(), path));
      fs.release(handle);
    }
  }

  /** No handle is left to report it, and the memory is needed. */
  @Test
  void aFileThatIsClosedKeepsNothingThatThePoolDidNotTake() {
    write(fs, "closed", bytes(1, 100));
    long inode = fs.lookup(1, name("closed")).inode();
    for (int round = 0; round < UNSAVED_ROUNDS; round++) {
      long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
      pool.storeFailure = new HoldfastException(ErrorCode.TIMED_OUT, "away");
      put(fs, handle, 0, bytes(7, 9_000_000));
      assertThrows(HoldfastException.class, () -> fs.flush(handle));
      fs.release(handle);
      pool.storeFailure = null;

      assertArrayEquals(bytes(1, 100), read(fs, "closed"));
    }
  }

  /** close(2) said EAGAIN or ENOTCONN when a peer was busy or none was to be reached. */
  @Test
  void aFailedSaveHasAnErrnoOfThisKindOfCall() {
    var seen = new LinkedHashMap<ErrorCode, Integer>();
    seen.put(ErrorCode.NO_SPACE, 28);
    seen.put(ErrorCode.STORE_FAILED, 5);
    seen.put(ErrorCode.CHUNK_CORRUPT, 5);
    seen.put(ErrorCode.REFUSED, 5);
    seen.put(ErrorCode.MALFORMED, 5);
    byte[] first = bytes(5, 1_000);
    write(fs, "errno", first);
    long inode = fs.lookup(1, name("errno")).inode();
    seen.forEach(
        (code, errno) -> {
          long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
          long bystander = fs.open(inode, OpenFlags.READ_WRITE).handle();
          long writer = fs.open(inode, OpenFlags.READ_WRITE).handle();
          putInVain(handle, bytes(6, 9_000_000), code);

          var flushed = assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
          var failure = assertThrows(HoldfastException.class, () -> fs.flush(bystander));

          assertEquals(errno, flushed.code().errno(), code.name());
          assertEquals(errno, failure.code().errno(), code.name());
          var written =
              assertThrows(HoldfastException.class, () -> put(fs, writer, 0, new byte[1]));
          assertEquals(errno, written.code().errno(), code.name());
          fs.release(writer);
          pool.storeFailure = null;
          fs.flush(handle);
          fs.flush(bystander);
          put(fs, handle, 0, Arrays.copyOf(first, 1));
          fs.flush(handle);
          fs.release(handle);
          fs.release(bystander);
        });
    assertArrayEquals(first, read(mount(), "errno"));
  }

  /** It is kept: a write of something else is no place to report it. */
  @Test
  void aSaveOfWhatIsKeptHasAnErrnoOfThisKindOfCall() {
    byte[] first = bytes(5, 1_000);
    write(fs, "errno", first);
    long inode = fs.lookup(1, name("errno")).inode();
    var seen = new LinkedHashMap<ErrorCode, Integer>();
    seen.put(ErrorCode.BUSY, 110);
    seen.put(ErrorCode.NOT_READY, 110);
    seen.put(ErrorCode.UNREACHABLE, 110);
    seen.put(ErrorCode.TIMED_OUT, 110);
    seen.put(ErrorCode.READ_ONLY, 30);
    seen.forEach(
        (code, errno) -> {
          long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
          pool.storeFailure = new HoldfastException(code, "refused");
          put(fs, handle, 0, bytes(6, 9_000_000));

          var forced = assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
          put(fs, handle, 0, new byte[1]);
          var closed = assertThrows(HoldfastException.class, () -> fs.flush(handle));

          assertEquals(errno, forced.code().errno(), code.name());
          assertEquals(errno, closed.code().errno(), code.name());
          fs.release(handle);
          pool.storeFailure = null;
        });
    assertArrayEquals(first, read(mount(), "errno"));
  }

  /** sync(1) of a file that was just copied forced nothing of it. */
  @Test
  void fsyncForcesWhatAnotherHandleWroteThatIsClosed() {
    write(fs, "sync", bytes(1, 9_000_000));
    assertTrue(pool.forcedChunks.isEmpty());
    var stored = Set.copyOf(pool.chunks.keySet());

    long handle = fs.open(fs.lookup(1, name("sync")).inode(), OpenFlags.READ_ONLY).handle();
    fs.fsync(handle, false);
    fs.release(handle);

    assertEquals(stored, pool.forcedChunks);
  }

  /** Nothing is lost by a commit that failed: the next one brings it. */
  @Test
  void aFailedCommitIsReportedAndTriedAgain() {
    long handle = fs.create(ROOT, 1, name("commit"), 0644, 0).handle();
    put(fs, handle, 0, bytes(1, 9_000_000));
    pool.beforeChange =
        operation ->
            CompletableFuture.failedFuture(new HoldfastException(ErrorCode.BUSY, "too much"));

    var failure = assertThrows(HoldfastException.class, () -> fs.flush(handle));
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    fs.fsync(handle, false);
    fs.release(handle);

    assertEquals(ErrorCode.TIMED_OUT, failure.code());
    assertArrayEquals(bytes(1, 9_000_000), read(mount(), "commit"));
  }

  @Test
  void cutAndGrownFileShowsZerosAndNeverTheOldBytes() {
    write(fs, "e", bytes(7, 200_000));
    long inode = fs.lookup(1, name("e")).inode();

    fs.setAttributes(inode, size(100_001), PoolFileSystem.NO_HANDLE);
    fs.setAttributes(inode, size(300_000), PoolFileSystem.NO_HANDLE);

    byte[] expected = Arrays.copyOf(Arrays.copyOf(bytes(7, 200_000), 100_001), 300_000);
    assertArrayEquals(expected, read(fs, "e"));
    assertArrayEquals(expected, read(mount(), "e"));
  }

  @Test
  void removedFileStaysReadableAndWritableWhileItIsOpen() {
    write(fs, "f", bytes(8, 50_000));
    long inode = fs.lookup(1, name("f")).inode();
    long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();

    fs.unlink(1, name("f"));
    put(fs, handle, 50_000, bytes(9, 10));
    fs.flush(handle);

    assertEquals(0, fs.attributes(inode).linkCount());
    assertEquals(50_010, fs.attributes(inode).sizeBytes());
    assertArrayEquals(bytes(8, 50_000), Arrays.copyOf(get(fs, handle), 50_000));
    fs.release(handle);
    var gone = assertThrows(HoldfastException.class, () -> fs.lookup(1, name("f")));
    assertEquals(ErrorCode.NOT_FOUND, gone.code());
  }

  /** Link counts were those of before the first unsaved write; link forgot what was unsaved. */
  @Test
  void namesThatComeAndGoWhileAFileHasUnsavedDataAreCounted() {
    write(fs, "one", bytes(10, 100));
    long inode = fs.lookup(1, name("one")).inode();
    long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
    put(fs, handle, 0, bytes(11, 5_000));

    FileAttributes linked = fs.link(inode, 1, name("two"));
    fs.link(inode, 1, name("three"));
    write(fs, "four", bytes(12, 1));
    fs.unlink(1, name("one"));
    int withoutOne = fs.attributes(inode).linkCount();
    fs.rename(1, name("four"), 1, name("two"), 0);
    int withoutTwo = fs.lookup(1, name("three")).linkCount();
    fs.release(handle);

    assertEquals(5_000, linked.sizeBytes());
    assertEquals(2, linked.linkCount());
    assertEquals(2, withoutOne);
    assertEquals(1, withoutTwo);
    assertEquals(1, fs.attributes(inode).linkCount());
  }

  @Test
  void twoMountsWritingPartsOfOneFileLoseNeithersPart() {
    write(fs, "g", new byte[1_000_000]);
    var other = mount();
    long inode = fs.lookup(1, name("g")).inode();
    long mine = fs.open(inode, OpenFlags.READ_WRITE).handle();
    long theirs = other.open(inode, OpenFlags.READ_WRITE).handle();

    put(fs, mine, 0, bytes(10, 300_000));
    put(other, theirs, 500_000, bytes(11, 300_000));
    fs.flush(mine);
    other.flush(theirs);

    byte[] expected = new byte[1_000_000];
    System.arraycopy(bytes(10, 300_000), 0, expected, 0, 300_000);
    System.arraycopy(bytes(11, 300_000), 0, expected, 500_000, 300_000);
    assertArrayEquals(expected, read(mount(), "g"));
    fs.release(mine);
    other.release(theirs);
  }

  @Test
  void directoryListsEachNameOnceAcrossPages() {
    var names = new ArrayList<String>();
    for (int i = 0; i < 1_300; i++) {
      fs.makeNode(ROOT, 1, name("n" + i), 0644, 0);
      names.add("n" + i);
    }

    var listed = new ArrayList<String>();
    fs.readDirectory(1, 0, (name, inode, type, cookie) -> listed.add(new String(name, UTF_8)));

    assertEquals(".", listed.remove(0));
    assertEquals("..", listed.remove(0));
    listed.sort(null);
    names.sort(null);
    assertEquals(names, listed);
  }

  @Test
  void renameReplacesAndLinksReadBack() {
    write(fs, "old", bytes(12, 10));
    write(fs, "new", bytes(13, 20));
    fs.rename(1, name("old"), 1, name("new"), 0);
    fs.symbolicLink(ROOT, 1, name("link"), name("new"));

    assertArrayEquals(bytes(12, 10), read(fs, "new"));
    assertArrayEquals(name("new"), fs.readLink(fs.lookup(1, name("link")).inode()));
    assertThrows(HoldfastException.class, () -> fs.lookup(1, name("old")));
  }

  @Test
  void linkOfAFileThatIsBeingWrittenShowsItsNewSizeAndCount() {
    CreatedFile created = fs.create(ROOT, 1, name("a"), 0644, 0);
    long inode = created.attributes().inode();
    put(fs, created.handle(), 0, bytes(20, 1_000));

    FileAttributes linked = fs.link(inode, 1, name("b"));

    // The pool hadn't got the content yet: the kernel was answered a size of 0 and cut its pages.
    assertEquals(1_000, linked.sizeBytes());
    assertEquals(2, linked.linkCount());
    assertEquals(2, fs.lookup(1, name("b")).linkCount());
    assertEquals(2, fs.attributes(inode).linkCount());
    fs.unlink(1, name("a"));
    assertEquals(1, fs.attributes(inode).linkCount());
    fs.rename(1, name("b"), 1, name("c"), 0);
    assertEquals(1_000, fs.lookup(1, name("c")).sizeBytes());
    fs.flush(created.handle());
    fs.release(created.handle());
    assertArrayEquals(bytes(20, 1_000), read(fs, "c"));
  }

  @Test
  void timesOfAWrittenFileStayWhatTheyWereWhenItIsClosed() {
    CreatedFile created = fs.create(ROOT, 1, name("a"), 0644, 0);
    long inode = created.attributes().inode();
    put(fs, created.handle(), 0, bytes(21, 100));
    FileAttributes written = fs.attributes(inode);

    fs.flush(created.handle());
    FileAttributes closed = fs.attributes(inode);
    fs.release(created.handle());

    assertTrue(written.ctimeNs() > created.attributes().ctimeNs());
    assertEquals(written.mtimeNs(), written.ctimeNs());
    // git, for one, compares what it saw before close with what it finds later.
    assertEquals(written.ctimeNs(), closed.ctimeNs());
    assertEquals(written.mtimeNs(), closed.mtimeNs());
  }

  @Test
  void changedModeOfAFileThatIsBeingWrittenIsSeenAndOutlivesItsCommit() {
    CreatedFile created = fs.create(ROOT, 1, name("a"), 0644, 0);
    long inode = created.attributes().inode();
    put(fs, created.handle(), 0, bytes(22, 100));
    long writtenNs = fs.attributes(inode).mtimeNs();
    var mode = new AttributeChange(AttributeChange.MODE, 0600, 0, 0, 0, 0, 0);

    FileAttributes changed = fs.setAttributes(inode, mode, created.handle());

    assertEquals(0100600, changed.mode());
    assertEquals(100, changed.sizeBytes());
    assertEquals(writtenNs, changed.mtimeNs());
    assertTrue(changed.ctimeNs() > writtenNs);
    fs.flush(created.handle());
    fs.release(created.handle());
    assertEquals(0100600, fs.attributes(inode).mode());
    assertEquals(changed.ctimeNs(), fs.attributes(inode).ctimeNs());
  }

  @Test
  void removedDirectoryAndPipeHaveAttributesUntilTheyAreForgotten() {
    long directory = fs.makeDirectory(ROOT, 1, name("d"), 0755).inode();
    long pipe = fs.makeNode(ROOT, 1, name("p"), FileAttributes.PIPE | 0644, 0).inode();
    fs.removeDirectory(1, name("d"));
    fs.unlink(1, name("p"));

    assertEquals(0, fs.attributes(directory).linkCount());
    assertEquals(0040755, fs.attributes(directory).mode());
    assertEquals(0, fs.attributes(pipe).linkCount());
    fs.forget(directory);
    fs.forget(pipe);
    var gone = assertThrows(HoldfastException.class, () -> fs.attributes(directory));
    assertEquals(ErrorCode.NOT_FOUND, gone.code());
  }

  @Test
  void directoryThatARenameReplacedHasAttributesUntilItIsForgotten() {
    fs.makeDirectory(ROOT, 1, name("new"), 0755);
    long replaced = fs.makeDirectory(ROOT, 1, name("old"), 0755).inode();

    fs.rename(1, name("new"), 1, name("old"), 0);

    assertEquals(0, fs.attributes(replaced).linkCount());
  }

  /** Random writes, cuts, flushes and reads of one file beside an array that does the same. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void randomWritesReadBackAsInAnArray(long seed) {
    var random = new Random(seed);
    byte[] model = new byte[0];
    long inode = fs.create(ROOT, 1, name("r"), 0644, 0).attributes().inode();
    long handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
    for (int step = 0; step < 300; step++) {
      int kind = random.nextInt(10);
      if (kind < 6) {
        int lengthBytes = 1 + random.nextInt(kind == 0 ? 3_000_000 : 70_000);
        int offset = random.nextInt(9_000_000);
        byte[] data = bytes(random.nextLong(), lengthBytes);
        put(fs, handle, offset, data);
        model = Arrays.copyOf(model, Math.max(model.length, offset + lengthBytes));
        System.arraycopy(data, 0, model, offset, lengthBytes);
      } else if (kind == 6) {
        int sizeBytes = random.nextInt(10_000_000);
        fs.setAttributes(inode, size(sizeBytes), handle);
        model = Arrays.copyOf(model, sizeBytes);
      } else if (kind == 7) {
        fs.fsync(handle, false);
      } else {
        int offset = random.nextInt(model.length + 1);
        int lengthBytes = Math.min(model.length - offset, 100_000);
        byte[] part = new byte[lengthBytes];
        assertEquals(lengthBytes, fs.read(handle, offset, part, 0, lengthBytes));
        assertArrayEquals(
            Arrays.copyOfRange(model, offset, offset + lengthBytes), part, "seed " + seed);
      }
      assertEquals(model.length, fs.attributes(inode).sizeBytes(), "seed " + seed);
    }
    assertArrayEquals(model, get(fs, handle), "seed " + seed);
    fs.flush(handle);
    fs.release(handle);
    assertArrayEquals(model, read(mount(), "r"), "seed " + seed);
  }

  @Test
  void manySmallScatteredWritesNeverCrowdAWindow() {
    long handle = fs.create(ROOT, 1, name("s"), 0644, 0).handle();
    byte[] model = new byte[ExtentMap.WINDOW_BYTES];
    put(fs, handle, 0, model);
    var random = new Random(14);
    for (int i = 0; i < 400; i++) {
      int offset = random.nextInt(model.length - 10);
      put(fs, handle, offset, bytes(i, 10));
      System.arraycopy(bytes(i, 10), 0, model, offset, 10);
      if (i % 3 == 0) {
        fs.flush(handle);
      }
    }
    fs.flush(handle);
    fs.release(handle);

    assertArrayEquals(model, read(mount(), "s"));
  }

  private static AttributeChange size(long sizeBytes) {
    return new AttributeChange(AttributeChange.SIZE, 0, 0, 0, sizeBytes, 0, 0);
  }

  /** No store succeeds from then on; the whole write comes before the first one fails. */
  private void putInVain(long handle, byte[] content, ErrorCode code) {
    var failure = new HoldfastException(code, "refused");
    var stored = new CompletableFuture<Void>();
    pool.beforeStore = chunk -> stored;
    put(fs, handle, 0, content);
    pool.storeFailure = failure;
    stored.completeExceptionally(failure);
    pool.beforeStore = chunk -> CompletableFuture.completedFuture(null);
  }

  private static void write(ClientFileSystem fs, String name, byte[] content) {
    long handle = fs.create(ROOT, 1, name(name), 0644, 0).handle();
    put(fs, handle, 0, content);
    fs.flush(handle);
    fs.release(handle);
  }
}
