package holdfast.client;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.get;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.put;
import static holdfast.client.MemoryPool.read;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.Namespace;
import holdfast.metadata.Operation;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random work on one file through power cuts of all peers that the mount lives through, at any
 * moment of a change: the file always has a content that it had, no older than the last fsync; and
 * an fsync that returns has the newest, or its program was told.
 */
class PowerCutModelTest {
  private static final int STEPS = 250;
  private static final int WRITE_MAX_BYTES = 3_000;
  private static final int TOLD_MAX = 8;

  private final MemoryPool memory = new MemoryPool();
  private final MemoryFileService pool = memory.service;
  private final PooledFileSystem other = memory.mount();

  /** The one that is told of lost sessions: the last that was mounted. */
  private final PooledFileSystem fs = memory.mount();

  /** What the file was after each step since it was last known to be on disk. */
  private final List<byte[]> history = new ArrayList<>();

  /** What the disks may have after a power cut: none is older than what was forced. */
  private final List<Namespace> disks = new ArrayList<>();

  private Random random;
  private long directory;
  private long inode;
  private long handle;
  private int seedOfBytes;
  private int cutCount;
  private int toldCount;
  private String doing = "begin";

  @AfterEach
  void close() {
    memory.close();
  }

  private byte[] now() {
    return history.getLast();
  }

  private void losePower() {
    Namespace disk = disks.get(random.nextInt(disks.size()));
    pool.losePower(disk);
    disks.clear();
    disks.add(pool.namespace());
    cutCount++;
  }

  /** Sometimes it happens just when a change is asked for; and some commits have no answer. */
  private CompletableFuture<Void> sometimes(Operation operation, boolean isAfter) {
    synchronized (disks) {
      int what = random.nextInt(40);
      if (what == 0 && !isAfter) {
        losePower();
      } else if (what == 1) {
        disks.add(pool.namespace());
      } else if (what == 2 && isAfter && operation instanceof Operation.Commit) {
        return CompletableFuture.failedFuture(new HoldfastException(ErrorCode.TIMED_OUT, "out"));
      }
      return CompletableFuture.completedFuture(null);
    }
  }

  private void open() {
    inode = fs.lookup(1, name("f")).inode();
    handle = fs.open(inode, OpenFlags.READ_WRITE).handle();
    goOn();
  }

  /** With what there is to read. */
  private void goOn() {
    goOnWith(get(fs, handle));
  }

  private void goOnWith(byte[] found) {
    expectKnown(found, "read");
    if (!Arrays.equals(found, now())) {
      history.add(found);
    }
  }

  private void expectKnown(byte[] found, String how) {
    boolean isKnown = history.stream().anyMatch(each -> Arrays.equals(each, found));
    assertTrue(isKnown, () -> doing + ": " + how + ": of no time, " + found.length + " bytes");
  }

  /** Something was lost, and said so: the file is what it was at some time since it was forced. */
  private void told(HoldfastException why) {
    boolean isKnown = why.code() == ErrorCode.STORE_FAILED || why.code() == ErrorCode.NOT_FOUND;
    assertTrue(isKnown, () -> doing + ": " + why);
    toldCount++;
    fs.release(handle);
    open();
    int tries = 0;
    while (!isForced()) {
      assertTrue(tries++ < TOLD_MAX, doing + ": told again and again");
    }
    byte[] found = read(other, "f");
    expectKnown(found, "told");
    forced(found);
  }

  /** With its name, which may have come by a rename. */
  private void force() {
    fs.fsync(handle, false);
    fs.fsyncDirectory(directory, false);
  }

  private boolean isForced() {
    try {
      force();
      return true;
    } catch (HoldfastException e) {
      return false;
    }
  }

  /** Whatever is forced, all that was changed before is on disk with it. */
  private void onDisk() {
    synchronized (disks) {
      disks.clear();
      disks.add(pool.namespace());
    }
  }

  private void forced(byte[] content) {
    synchronized (disks) {
      history.clear();
      history.add(content);
      onDisk();
    }
  }

  private byte[] newBytes() {
    return bytes(++seedOfBytes, 1 + random.nextInt(WRITE_MAX_BYTES));
  }

  private byte[] written(int offset, byte[] part) {
    byte[] after = Arrays.copyOf(now(), Math.max(now().length, offset + part.length));
    System.arraycopy(part, 0, after, offset, part.length);
    return after;
  }

  private void write() {
    int offset = random.nextInt(now().length + 1);
    byte[] part = newBytes();
    put(fs, handle, offset, part);
    history.add(written(offset, part));
  }

  private void append() {
    byte[] part = newBytes();
    assertEquals(part.length, fs.append(handle, 7, part, 0, part.length));
    history.add(written(now().length, part));
  }

  private void truncate() {
    int sizeBytes = random.nextBoolean() ? 0 : random.nextInt(now().length + 1);
    byte[] after = Arrays.copyOf(now(), sizeBytes);
    var size = new AttributeChange(AttributeChange.SIZE, 0, 0, 0, sizeBytes, 0, 0);
    byte[] before = now();
    history.add(after); // also where it fails: it may have happened before something else was told
    try {
      fs.setAttributes(inode, size, handle);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.TIMED_OUT && !Arrays.equals(get(fs, handle), after)) {
        history.add(before); // what came before it had no answer
      }
      throw e;
    }
  }

  private void replace() {
    byte[] content = newBytes();
    long beside = fs.create(ROOT, 1, name("g"), 0644, 0).handle();
    try {
      fs.setAttributes(
          fs.lookup(1, name("g")).inode(),
          new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 0, 0, 0),
          PoolFileSystem.NO_HANDLE);
      put(fs, beside, 0, content);
      if (random.nextBoolean()) {
        fs.flush(beside);
      } else {
        fs.fsync(beside, false);
        onDisk();
      }
    } finally {
      fs.release(beside);
    }
    long besideInode = fs.lookup(1, name("g")).inode();
    fs.flush(handle); // what is unsaved of the old file is nobody's after this
    history.add(content);
    fs.rename(1, name("g"), 1, name("f"), 0);
    fs.release(handle);
    open();
    if (inode != besideInode) {
      throw new HoldfastException(ErrorCode.STORE_FAILED, "the rename is lost by now");
    }
  }

  private void expectSameFile() {
    if (fs.lookup(1, name("f")).inode() != inode) {
      throw new HoldfastException(ErrorCode.STORE_FAILED, "the rename is lost by now");
    }
  }

  /** Its program ends, and another one goes on. */
  private void reopen() {
    fs.flush(handle);
    fs.release(handle);
    open();
  }

  private void look() {
    goOnWith(read(fs, "f"));
  }

  private void changeMode() {
    fs.setAttributes(inode, new AttributeChange(AttributeChange.MODE, 0600, 0, 0, 0, 0, 0), handle);
  }

  private void step() {
    switch (random.nextInt(15)) {
      case 0, 1, 2 -> write();
      case 3, 4 -> append();
      case 5 -> truncate();
      case 6 -> fs.flush(handle);
      case 7 -> {
        force();
        forced(now());
      }
      case 8 -> replace();
      case 9, 10 -> reopen();
      case 11 -> look();
      case 12 -> changeMode();
      default -> {
        synchronized (disks) {
          losePower();
        }
        if (random.nextBoolean()) {
          pool.hearOfLostSession();
          read(fs, "f"); // the open file is as the pool has it when this returns
          expectSameFile();
          goOn();
        }
      }
    }
  }

  /** A call without an answer is made again by its program. */
  private void untilAnswered(Runnable call) {
    for (int i = 0; ; i++) {
      try {
        call.run();
        return;
      } catch (HoldfastException e) {
        if (e.code() != ErrorCode.TIMED_OUT || i == TOLD_MAX) {
          throw e;
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      longs = {
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
        26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40
      })
  void theFileIsWhatItWasAndWhatIsLostIsTold(long seed) {
    random = new Random(seed);
    handle = fs.create(ROOT, 1, name("f"), 0644, 0).handle();
    inode = fs.lookup(1, name("f")).inode();
    directory = fs.openDirectory(1);
    force();
    forced(new byte[0]);
    pool.beforeChange = operation -> sometimes(operation, false);
    pool.afterChange = operation -> sometimes(operation, true);

    for (int step = 0; step < STEPS; step++) {
      doing = "seed " + seed + " step " + step;
      try {
        untilAnswered(this::step);
      } catch (HoldfastException e) {
        told(e);
      }
    }
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);
    try {
      force();
      byte[] found = read(other, "f");
      assertTrue(Arrays.equals(now(), found), doing + ": not the newest, and not told");
    } catch (HoldfastException e) {
      told(e);
    }
    fs.release(handle);
    assertTrue(cutCount > 10 && toldCount > 3, cutCount + " cuts, " + toldCount + " told");
  }
}
