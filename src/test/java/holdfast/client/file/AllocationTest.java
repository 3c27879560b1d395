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
import holdfast.client.api.AttributeChange;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** fallocate(2) over a pool in memory. */
class AllocationTest {
  private static final int KEEP = PoolFileSystem.ALLOCATE_KEEP_SIZE;
  private static final int PUNCH = PoolFileSystem.ALLOCATE_PUNCH_HOLE | KEEP;
  private static final int ZERO = PoolFileSystem.ALLOCATE_ZERO_RANGE;
  private static final int WINDOW = ExtentMap.WINDOW_BYTES;

  private final MemoryPool pool = new MemoryPool();
  private final ClientFileSystem fs = pool.mount();

  @AfterEach
  void close() {
    pool.close();
  }

  private record Opened(long inode, long handle) {}

  private Opened make(String name, byte[] content) {
    var created = fs.create(ROOT, 1, name(name), 0644, 0);
    put(fs, created.handle(), 0, content);
    return new Opened(created.attributes().inode(), created.handle());
  }

  private static byte[] zeroed(byte[] content, int from, int to) {
    byte[] result = content.clone();
    Arrays.fill(result, from, to, (byte) 0);
    return result;
  }

  private static ErrorCode code(Executable call) {
    return assertThrows(HoldfastException.class, call).code();
  }

  @Test
  void allocatingExtendsWithZerosAndKeepingTheSizeChangesNothing() {
    Opened file = make("f", bytes(1, 1_000));
    fs.flush(file.handle());
    int changes = pool.service.changeCount.get();

    fs.allocate(file.handle(), KEEP, 500, 1 << 20);
    fs.allocate(file.handle(), 0, 100, 900);
    assertEquals(changes, pool.service.changeCount.get());
    assertEquals(1_000, fs.attributes(file.inode()).sizeBytes());
    fs.allocate(file.handle(), 0, 500, 1_500);

    assertEquals(2_000, fs.attributes(file.inode()).sizeBytes());
    assertEquals(2, fs.attributes(file.inode()).blockCount(), "no space is taken");
    assertArrayEquals(Arrays.copyOf(bytes(1, 1_000), 2_000), read(pool.mount(), "f"));
    fs.release(file.handle());
  }

  @Test
  void aHoleReadsAsZerosAndTakesNoSpaceWhetherItWasSavedOrNot() {
    byte[] content = bytes(2, 3 * WINDOW);
    Opened file = make("f", content); // three full windows: on their way
    put(fs, file.handle(), WINDOW + 100, bytes(3, 50)); // not yet
    System.arraycopy(bytes(3, 50), 0, content, WINDOW + 100, 50);

    fs.allocate(file.handle(), PUNCH, WINDOW - 10, WINDOW + 120);

    byte[] expected = zeroed(content, WINDOW - 10, 2 * WINDOW + 110);
    assertArrayEquals(expected, get(fs, file.handle()));
    assertArrayEquals(expected, read(pool.mount(), "f"));
    assertEquals((2L * WINDOW - 120 + 511) / 512, pool.mount().lookup(1, name("f")).blockCount());
    assertEquals(3L * WINDOW, fs.attributes(file.inode()).sizeBytes());
    fs.release(file.handle());
  }

  @Test
  void aHoleEndsWithTheFileAndZerosMayExtendIt() {
    byte[] content = bytes(4, 10_000);
    Opened file = make("f", content);

    fs.allocate(file.handle(), PUNCH, 9_000, 1L << 40);
    assertEquals(10_000, fs.attributes(file.inode()).sizeBytes());
    fs.allocate(file.handle(), PUNCH, 20_000, 5);
    fs.allocate(file.handle(), ZERO | KEEP, 8_000, 100_000);
    assertEquals(10_000, fs.attributes(file.inode()).sizeBytes());
    fs.allocate(file.handle(), ZERO, 7_000, 5_000);

    assertArrayEquals(
        Arrays.copyOf(zeroed(content, 7_000, 10_000), 12_000), read(pool.mount(), "f"));
    assertEquals(14, pool.mount().lookup(1, name("f")).blockCount());
    fs.release(file.handle());
  }

  @Test
  void whatCantBeIsRefused() {
    Opened file = make("f", bytes(5, 100));

    for (int mode : new int[] {2, 4, 8, 9, 16 | 2 | 1, 32, 64, -1}) {
      assertEquals(ErrorCode.UNSUPPORTED, code(() -> fs.allocate(file.handle(), mode, 0, 10)));
    }
    assertEquals(ErrorCode.INVALID, code(() -> fs.allocate(file.handle(), 0, 0, 0)));
    assertEquals(ErrorCode.INVALID, code(() -> fs.allocate(file.handle(), 0, -1, 10)));
    assertEquals(
        ErrorCode.TOO_LARGE, code(() -> fs.allocate(file.handle(), 0, 10, Long.MAX_VALUE - 5)));
    assertEquals(ErrorCode.NO_SPACE, code(() -> fs.allocate(file.handle(), 0, 0, 1L << 41)));
    assertEquals(ErrorCode.NO_SPACE, code(() -> fs.allocate(file.handle(), KEEP, 0, 1L << 41)));
    assertEquals(100, fs.attributes(file.inode()).sizeBytes());
    fs.release(file.handle());
  }

  @Test
  void aRemovedFileThatIsOpenGetsHolesToo() {
    Opened file = make("f", bytes(6, 100_000));
    fs.unlink(1, name("f"));

    fs.allocate(file.handle(), PUNCH, 10_000, 20_000);
    fs.allocate(file.handle(), 0, 0, 200_000);

    assertArrayEquals(
        Arrays.copyOf(zeroed(bytes(6, 100_000), 10_000, 30_000), 200_000), get(fs, file.handle()));
    fs.release(file.handle());
  }

  /** Writes, holes, zeros, cuts and saves of one file beside an array that does the same. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void randomHolesReadBackAsInAnArray(long seed) {
    var random = new Random(seed);
    byte[] model = new byte[0];
    Opened file = make("r", model);
    for (int step = 0; step < 250; step++) {
      int offset = random.nextInt(9_000_000);
      int lengthBytes = 1 + random.nextInt(random.nextInt(5) == 0 ? 5_000_000 : 70_000);
      switch (random.nextInt(8)) {
        case 0, 1, 2 -> {
          byte[] data = bytes(random.nextLong(), lengthBytes);
          put(fs, file.handle(), offset, data);
          model = Arrays.copyOf(model, Math.max(model.length, offset + lengthBytes));
          System.arraycopy(data, 0, model, offset, lengthBytes);
        }
        case 3, 4 -> {
          fs.allocate(file.handle(), PUNCH, offset, lengthBytes);
          int end = Math.min(model.length, offset + lengthBytes);
          model = zeroed(model, Math.min(offset, end), end);
        }
        case 5 -> {
          fs.allocate(file.handle(), ZERO, offset, lengthBytes);
          model = Arrays.copyOf(model, Math.max(model.length, offset + lengthBytes));
          Arrays.fill(model, offset, offset + lengthBytes, (byte) 0);
        }
        case 6 -> {
          var cut = new AttributeChange(AttributeChange.SIZE, 0, 0, 0, offset, 0, 0);
          fs.setAttributes(file.inode(), cut, file.handle());
          model = Arrays.copyOf(model, offset);
        }
        default -> fs.flush(file.handle());
      }
      int at = random.nextInt(model.length + 1);
      byte[] part = new byte[Math.min(model.length - at, 100_000)];
      assertEquals(part.length, fs.read(file.handle(), at, part, 0, part.length));
      assertArrayEquals(Arrays.copyOfRange(model, at, at + part.length), part, "seed " + seed);
    }
    fs.flush(file.handle());
    fs.release(file.handle());
    assertArrayEquals(model, read(pool.mount(), "r"), "seed " + seed);
  }

  @Test
  void manyHolesNeverCrowdAWindow() {
    byte[] model = bytes(7, WINDOW);
    Opened file = make("f", model);
    for (int i = 0; i < 200; i++) {
      fs.allocate(file.handle(), PUNCH, i * 20_000L + 5_000, 3_000);
      model = zeroed(model, i * 20_000 + 5_000, i * 20_000 + 8_000);
    }
    assertArrayEquals(model, read(pool.mount(), "f"));
    fs.release(file.handle());
  }

  @Test
  void aHoleIsLaidOverAnotherMountsNewerVersionAndDoesNotBringItsLengthBack() {
    Opened mine = make("f", bytes(8, 100_000));
    fs.flush(mine.handle());
    var other = pool.mount();
    long theirs = other.open(mine.inode(), OpenFlags.READ_WRITE).handle();
    put(other, theirs, 0, bytes(9, 60_000));
    var cut = new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 50_000, 0, 0);
    other.setAttributes(mine.inode(), cut, theirs);

    fs.allocate(mine.handle(), PUNCH, 40_000, 30_000);

    byte[] expected = zeroed(Arrays.copyOf(bytes(9, 60_000), 50_000), 40_000, 50_000);
    assertArrayEquals(expected, read(pool.mount(), "f"));
    assertArrayEquals(expected, get(fs, mine.handle()));
    other.release(theirs);
    fs.release(mine.handle());
  }

  /** A store that takes its time: what it brings must not fill the hole again. */
  @Test
  void whatIsOnItsWayDoesNotComeBackIntoAHole() {
    byte[] content = bytes(10, WINDOW);
    var image =
        new FileImage(
            new Attributes(
                7, new SealId(1, 1), FileType.FILE, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, Tag.ZERO, 0),
            List.of(),
            new BufferPool(DirtyData.BLOCK_BYTES, 100));
    image.write(0, content, 0, content.length, 0);
    Upload upload = image.startFullWindowOrNull(0, 0);

    image.punch(1_000, 5_000, 0);
    byte[] during = new byte[10_000];
    image.read(0, during, 0, during.length);
    upload.stored(upload.piece().extents(new ChunkId(1, 2, 3, 4), new ChunkSalt(1, 2), 0), 1);
    image.applyEnded();

    assertArrayEquals(zeroed(Arrays.copyOf(content, 10_000), 1_000, 5_000), during);
    assertEquals(2, image.extents().size());
    assertEquals(1_000, image.extents().get(0).fileEnd());
    assertEquals(5_000, image.extents().get(1).fileOffset());
    assertEquals(5_000, image.extents().get(1).chunkOffset());
  }
}
