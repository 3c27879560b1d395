package holdfast.client.names;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.sealed;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.MemoryPoolService;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RenameMode;
import holdfast.metadata.op.Tag;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Files that are open and have lost their last name, here or by another client. */
class NamelessFileTest {
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
    put(handle, 0, content);
    fs.flush(handle);
    return handle;
  }

  private void put(long handle, long offset, byte[] content) {
    int done = 0;
    while (done < content.length) {
      int count = Math.min(PoolFileSystem.TRANSFER_BYTES_MAX, content.length - done);
      done += fs.write(handle, offset + done, content, done, count);
    }
  }

  private byte[] get(long handle, int lengthBytes) {
    byte[] all = new byte[lengthBytes];
    int done = 0;
    while (done < lengthBytes) {
      int count = Math.min(PoolFileSystem.TRANSFER_BYTES_MAX, lengthBytes - done);
      int read = fs.read(handle, done, all, done, count);
      assertTrue(read > 0, "end of file at " + done);
      done += read;
    }
    return all;
  }

  private boolean isKept(long inode) {
    return pool.namespace().query(new Query.GetAttributes(inode)) instanceof Answer.Inode;
  }

  private static void await(String what, BooleanSupplier condition) {
    long endNs = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - endNs < 0, what);
      LockSupport.parkNanos(1_000_000);
    }
  }

  @Test
  void aFileRemovedByAnotherClientIsKeptReadAndWrittenUntilItIsClosedHere() {
    pool.beginOther();
    byte[] content = bytes(1, LARGE);
    long handle = create("a", content);
    long inode = fs.lookup(1, name("a")).inode();

    pool.changeByOther(new Operation.Unlink(1, sealed("a"), 5)).orThrow();
    await("hold", () -> pool.namespace().unpinnedOrphans(10).isEmpty());
    pool.removeOrphans();

    assertTrue(isKept(inode));
    assertEquals(0, fs.attributes(inode).linkCount());
    put(handle, 0, bytes(2, 100));
    fs.fsync(handle, false);
    System.arraycopy(bytes(2, 100), 0, content, 0, 100);
    assertArrayEquals(content, get(handle, LARGE));
    assertTrue(isKept(inode));

    fs.release(handle);
    await("release", () -> !pool.namespace().unpinnedOrphans(10).isEmpty());
    pool.removeOrphans();
    assertTrue(!isKept(inode));
  }

  @Test
  void aFileReplacedByAnotherClientIsKeptLikewise() {
    pool.beginOther();
    long handle = create("a", bytes(1, 1_000));
    long inode = fs.lookup(1, name("a")).inode();
    fs.release(create("b", bytes(2, 1_000)));

    var rename =
        new Operation.Rename(
            1, sealed("b"), 1, sealed("a"), Tag.ZERO, Tag.ZERO, RenameMode.REPLACE, 5);
    pool.changeByOther(rename).orThrow();

    await("hold", () -> pool.namespace().unpinnedOrphans(10).isEmpty());
    assertTrue(isKept(inode));
    assertArrayEquals(bytes(1, 1_000), get(handle, 1_000));
    fs.release(handle);
  }

  @Test
  void aFileRemovedHereStaysInThePoolWhileItIsOpenAndNoLonger() {
    long handle = create("a", bytes(1, LARGE));
    long inode = fs.lookup(1, name("a")).inode();

    fs.unlink(1, name("a"));

    assertTrue(isKept(inode));
    put(handle, LARGE, bytes(2, 10));
    fs.fsync(handle, false);
    assertArrayEquals(bytes(2, 10), Arrays.copyOfRange(get(handle, LARGE + 10), LARGE, LARGE + 10));
    fs.release(handle);
    await("removed", () -> !isKept(inode));
    assertEquals(0, pool.namespace().statistics().chunkCount());
  }

  @Test
  void aFileReplacedHereByARenameStaysWhileItIsOpen() {
    long handle = create("a", bytes(1, 1_000));
    long inode = fs.lookup(1, name("a")).inode();
    fs.release(create("b", bytes(2, 1_000)));

    fs.rename(1, name("b"), 1, name("a"), 0);

    assertEquals(0, fs.attributes(inode).linkCount());
    assertTrue(isKept(inode));
    assertArrayEquals(bytes(1, 1_000), get(handle, 1_000));
    fs.release(handle);
    await("removed", () -> !isKept(inode));
  }

  @Test
  void whatIsWrittenToAFileWithoutANameIsNotSavedWhenItIsClosed() {
    long handle = create("a", bytes(1, 10));
    fs.unlink(1, name("a"));
    int changesBefore = pool.changeCount.get();

    put(handle, 0, bytes(2, 1_000_000));
    fs.flush(handle);
    assertArrayEquals(bytes(2, 1_000_000), get(handle, 1_000_000));
    fs.release(handle);

    assertEquals(0, pool.storeCount.get());
    assertEquals(changesBefore + 1, pool.changeCount.get(), "only that it is held no more");
  }

  @Test
  void aFileRemovedHereThatIsNotOpenGoesAtOnce() {
    fs.release(create("a", bytes(1, 10)));
    long inode = fs.lookup(1, name("a")).inode();
    long other = create("b", bytes(1, 10));

    fs.unlink(1, name("a"));

    assertTrue(!isKept(inode));
    fs.release(other);
  }

  @Test
  void aFileWithAnotherNameIsNotNameless() {
    long handle = create("a", bytes(1, 10));
    long inode = fs.lookup(1, name("a")).inode();
    fs.link(inode, 1, name("b"));

    fs.unlink(1, name("a"));

    assertEquals(1, fs.attributes(inode).linkCount());
    put(handle, 0, bytes(3, 10));
    fs.flush(handle);
    fs.release(handle);
    long again = fs.open(fs.lookup(1, name("b")).inode(), OpenFlags.READ_ONLY).handle();
    assertArrayEquals(bytes(3, 10), get(again, 10));
    fs.release(again);
  }
}
