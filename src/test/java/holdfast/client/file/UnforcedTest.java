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
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which chunks an fsync asks for: all that the file names, and no other. */
class UnforcedTest {
  private static final int WINDOW = ExtentMap.WINDOW_BYTES;

  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final ClientFileSystem fs = memory.mount();

  @AfterEach
  void close() {
    memory.close();
  }

  private long create(String file, byte[] content) {
    long handle = fs.create(MemoryPool.ROOT, 1, name(file), 0644, 0).handle();
    put(fs, handle, 0, content);
    fs.flush(handle);
    return handle;
  }

  private void take(Set<ChunkId> chunks) {
    pool.chunks.keySet().removeAll(chunks);
  }

  /**
   * A power cut lost it, or the one that had it is gone for good: what is unnamed is not repaired.
   */
  @Test
  void whatWasReplacedNeedNotBeThere() {
    long handle = create("f", bytes(1, 100));
    Set<ChunkId> replaced = Set.copyOf(pool.chunks.keySet());
    put(fs, handle, 0, bytes(2, 200));
    fs.flush(handle);

    take(replaced);

    fs.fsync(handle, false);
    assertArrayEquals(bytes(2, 200), read(memory.mount(), "f"));
    fs.release(handle);
  }

  @Test
  void whatWasCutOffNeedNotBeThere() {
    long handle = create("f", bytes(1, 2 * WINDOW));
    Set<ChunkId> cut = Set.copyOf(pool.chunks.keySet());
    fs.setAttributes(
        fs.lookup(1, name("f")).inode(),
        new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 0, 0, 0),
        handle);

    take(cut);

    fs.fsync(handle, false);
    fs.release(handle);
  }

  /** Once reported, a loss is over: fsync waited for the lost chunk in vain, for ever. */
  @Test
  void whatWasLostNeedNotBeThereOnceThatIsReported() {
    byte[] before = bytes(1, 100);
    long handle = create("f", before);
    fs.fsync(handle, false);
    Set<ChunkId> forced = Set.copyOf(pool.chunks.keySet());
    put(fs, handle, 0, bytes(2, 50));
    fs.flush(handle);
    pool.chunks.keySet().retainAll(forced);
    pool.revertUnheard(fs.lookup(1, name("f")).inode());
    pool.hearOfLostSession();

    var lost = assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));

    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
    fs.fsync(handle, false);
    put(fs, handle, 0, bytes(3, 60));
    fs.fsync(handle, false);
    fs.release(handle);
    byte[] wanted = before.clone();
    System.arraycopy(bytes(3, 60), 0, wanted, 0, 60);
    assertArrayEquals(wanted, read(memory.mount(), "f"));
  }

  /** Its entry came through, and what was written after it didn't. */
  @Test
  void whatIsCommittedWhileAnotherPartIsAbandonedIsForcedLater() {
    long handle = create("f", bytes(1, 100));
    fs.fsync(handle, false);
    Set<ChunkId> before = Set.copyOf(pool.chunks.keySet());
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.Commit) {
            pool.beforeChange = next -> CompletableFuture.completedFuture(null);
            abandon(handle);
          }
          return CompletableFuture.completedFuture(null);
        };
    put(fs, handle, 0, bytes(2, WINDOW));
    await(() -> pool.chunks.size() > before.size());

    assertThrows(HoldfastException.class, () -> fs.flush(handle));
    assertThrows(HoldfastException.class, () -> fs.fsync(handle, false));
    fs.fsync(handle, false);

    assertTrue(pool.unforcedChunks().isEmpty(), "of " + pool.chunks.size());
    fs.release(handle);
    assertArrayEquals(bytes(2, WINDOW), read(memory.mount(), "f"));
  }

  /** A window is written that has no room in the pool. */
  private void abandon(long handle) {
    pool.storeFailure = new HoldfastException(ErrorCode.NO_SPACE, "full");
    long inode = fs.lookup(1, name("f")).inode();
    put(fs, handle, WINDOW, bytes(3, WINDOW));
    await(() -> fs.attributes(inode).sizeBytes() < 2 * WINDOW);
    pool.storeFailure = null;
  }

  /** An fsync promises what was written before it, also where that is being replaced. */
  @Test
  void whatThePoolNamesIsForcedThoughTheFileNamesAnotherByNow() {
    var unforced = new Unforced();
    Extent committed = extent(1);
    Extent newer = extent(2);
    unforced.add(committed.chunk());
    unforced.replacing(List.of(committed), List.of(new Ranges.Range(0, 100)));
    unforced.add(newer.chunk());

    unforced.keepNamed(List.of(newer), List.of(committed));
    assertEquals(Set.of(committed.chunk(), newer.chunk()), unforced.copy());

    List<Extent> view = List.of(newer);
    unforced.keepNamed(view, view);
    assertEquals(Set.of(newer.chunk()), unforced.copy());
  }

  private static Extent extent(int number) {
    ChunkId chunk = new ChunkId(0, 0, 0, number);
    return new Extent(0, 100, chunk, new ChunkSalt(number, number), 0, 0);
  }

  /** An image that a machine runs from is written for days, and never fsynced as a whole. */
  @Test
  void whatIsReplacedAgainAndAgainIsNotKeptInMemory() {
    var unforced = new Unforced();
    List<Extent> view = List.of(extent(0));
    unforced.add(view.getFirst().chunk());
    for (int i = 1; i < 20_000; i++) {
      unforced.replacing(view, List.of(new Ranges.Range(0, 100)));
      view = List.of(extent(i));
      unforced.add(view.getFirst().chunk());
      if (unforced.isLarge()) {
        unforced.keepNamed(view, view);
      }
    }

    assertTrue(unforced.copy().size() < 5_000, "kept " + unforced.copy().size());
  }

  /** What is reverted after the close had been counted, and wasn't there to be uncounted. */
  @Test
  void theChunksOfAClosedFileStayAsTheyWereWhenItWasClosed() {
    var closed = new UnforcedChunks();
    long inode = fs.create(MemoryPool.ROOT, 1, name("f"), 0644, 0).attributes().inode();
    var answer = pool.namespace().query(new Query.GetAttributes(inode));
    Attributes attributes = ((Answer.Inode) answer).attributes();
    Extent extent = extent(1);
    FileImage image = image(attributes, extent);
    image.remember(Set.of(extent.chunk()));
    closed.keep(inode, image.toForce());

    image.forced(Set.of(extent.chunk()));

    FileImage again = image(attributes, extent);
    again.remember(closed.take(inode));
    assertEquals(Set.of(extent.chunk()), again.toForce());
    assertEquals(Set.of(), closed.take(inode));
  }

  private static FileImage image(Attributes attributes, Extent extent) {
    return new FileImage(attributes, List.of(extent), new BufferPool(1, 1));
  }
}
