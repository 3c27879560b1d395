package holdfast.client;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.get;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.put;
import static holdfast.client.MemoryPool.read;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.api.AttributeChange;
import holdfast.client.api.CreatedFile;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.Namespace;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random work on one file through power cuts of all peers that the mount lives through, at any
 * moment of a change: the file always has a content that it had, no older than the last fsync; and
 * an fsync that returns has the newest, or its program got an error. And it gets one for what is
 * lost only: of this file, its directory, or the file that takes its place, and once by each fsync.
 */
class PowerCutModelTest {
  private static final int STEPS = 250;
  private static final int WRITE_MAX_BYTES = 3_000;
  private static final int TRIES_MAX = 8;

  /** Stores or commits in a row that the pool doesn't answer, at most; fewer than tries. */
  private static final int AWAY_MAX = 4;

  private static final int SEED_COUNT = 200;

  /** Among the inodes of which something is lost: names. */
  private static final long DIRECTORY = 1;

  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final ClientFileSystem other = memory.mount();

  /** The one that is notified of lost sessions: the last that was mounted. */
  private final ClientFileSystem fs = memory.mount();

  /** What the file was after each step since it was last known to be on disk. */
  private final List<byte[]> history = new ArrayList<>();

  /** What the disks may have after a power cut: none is older than what was forced. */
  private final List<Namespace> disks = new ArrayList<>();

  /** Every file that there was. */
  private final Set<Long> inodes = new TreeSet<>();

  /** Of which something is lost since an fsync of it returned. */
  private final Set<Long> lost = new TreeSet<>();

  /** Likewise, of which a mode is: a rename doesn't ask for that. */
  private final Set<Long> lostModes = new TreeSet<>();

  private Random random;
  private long inode;
  private long handle;
  private int seedOfBytes;
  private int cutCount;
  private int awayLeft;
  private int reportCount;

  /** The file that is to take the place of this one, while there is one. */
  private long besideInode;

  private String doing = "begin";

  @AfterEach
  void close() {
    memory.close();
  }

  private byte[] now() {
    return history.getLast();
  }

  private void losePower() {
    Namespace before = pool.namespace();
    Namespace disk = disks.get(random.nextInt(disks.size()));
    Set<ChunkId> gone = goneChunks(before);
    pool.losePower(disk, gone);
    disks.clear();
    disks.add(pool.namespace());
    noteLost(before, pool.namespace());
    cutCount++;
  }

  /** Of those that were committed, and of those that were about to be. */
  private Set<ChunkId> goneChunks(Namespace before) {
    int what = random.nextInt(4);
    Set<ChunkId> gone =
        pool.unforcedChunks().stream()
            .filter(chunk -> what == 0 || what == 1 && random.nextBoolean())
            .collect(Collectors.toSet());
    if (!gone.stream().allMatch(before::references)) {
      lost.add(inode);
      lost.add(besideInode);
    }
    return gone;
  }

  private void noteLost(Namespace before, Namespace after) {
    for (long each : inodes) {
      if (!content(before, each).equals(content(after, each))) {
        lost.add(each);
      }
      if (mode(before, each) != mode(after, each)) {
        lostModes.add(each);
      }
    }
    if (!names(before).equals(names(after))) {
      lost.add(DIRECTORY);
    }
  }

  /** Version and tag, which say which content it is; empty without such a file. */
  private static List<Object> content(Namespace namespace, long inode) {
    return namespace.query(new Query.GetAttributes(inode)) instanceof Answer.Inode found
        ? List.of(
            Attributes.contentVersion(found.attributes().version()), found.attributes().fileTag())
        : List.of();
  }

  private static int mode(Namespace namespace, long inode) {
    return namespace.query(new Query.GetAttributes(inode)) instanceof Answer.Inode found
        ? found.attributes().mode()
        : 0;
  }

  /** What has which name, and the directory's version. */
  private static List<Object> names(Namespace namespace) {
    var found = new ArrayList<Object>();
    for (String name : List.of("f", "g")) {
      Answer answer = namespace.query(new Query.Lookup(1, MemoryPool.sealed(name)));
      found.add(answer instanceof Answer.Entry of ? of.entry().attributes().inode() : 0L);
    }
    if (namespace.query(new Query.GetAttributes(1)) instanceof Answer.Inode root) {
      found.add(root.attributes().version());
    }
    return found;
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
      } else if (what == 3 && !isAfter) {
        awayLeft = 1 + random.nextInt(AWAY_MAX);
      }
      boolean isToFail = !isAfter && operation instanceof Operation.Commit;
      return isToFail ? unlessAway(ErrorCode.TIMED_OUT) : CompletableFuture.completedFuture(null);
    }
  }

  /** A commit that fails so has not happened, and its chunk is stored apart from then on. */
  private CompletableFuture<Void> unlessAway(ErrorCode code) {
    synchronized (disks) {
      if (awayLeft == 0) {
        return CompletableFuture.completedFuture(null);
      }
      awayLeft--;
      return CompletableFuture.failedFuture(new HoldfastException(code, "away"));
    }
  }

  private void open() {
    useInode(fs.lookup(1, name("f")).inode());
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

  private void useInode(long theInode) {
    inode = theInode;
    synchronized (disks) {
      inodes.add(theInode);
    }
  }

  /** That something is lost may be said only of what is. */
  private void expectLost(HoldfastException why, List<Long> of) {
    boolean isKnown =
        why.code().errno() == ErrorCode.STORE_FAILED.errno() || why.code() == ErrorCode.NOT_FOUND;
    assertTrue(isKnown, () -> doing + ": " + why);
    synchronized (disks) {
      boolean isLost =
          of.stream().anyMatch(each -> lost.contains(each) || lostModes.contains(each));
      assertTrue(isLost, () -> doing + ": nothing is lost: " + why);
    }
  }

  /** Something was lost, and said so: the file is what it was at some time since it was forced. */
  private void reported(HoldfastException why) {
    expectLost(why, List.of(inode, besideInode, DIRECTORY));
    reportCount++;
    if (why.code() == ErrorCode.CHUNK_MISSING) {
      pool.hearOfLostSession(); // what it reads or forces is of before, as it soon finds out
    }
    fs.release(handle);
    open();
    forceAfterLoss(this::forceFile, inode);
    forceAfterLoss(this::forceDirectory, DIRECTORY);
    byte[] found = read(other, "f");
    expectKnown(found, "reported");
    forced(found);
  }

  /** An fsync says once what is lost: the next one succeeds, unless the power was cut since. */
  private void forceAfterLoss(Runnable fsync, long theInode) {
    int reportedAtCut = -1;
    for (int i = 0; ; i++) {
      try {
        fsync.run();
        return;
      } catch (HoldfastException e) {
        assertTrue(i < TRIES_MAX, () -> doing + ": ever again: " + e);
        if (e.code() != ErrorCode.TIMED_OUT) {
          expectLost(e, List.of(theInode));
          assertTrue(reportedAtCut < cutCount, doing + ": reported again: " + e);
          reportedAtCut = cutCount;
        }
      }
    }
  }

  /** With its name, which may have come by a rename. */
  private void force() {
    forceFile();
    forceDirectory();
  }

  private void forceFile() {
    fs.fsync(handle, false);
    isForced(inode);
  }

  /** What was lost before has been reported, whatever it was. */
  private void isForced(long theInode) {
    synchronized (disks) {
      lostModes.remove(theInode);
    }
    isThere(theInode);
  }

  private void forceDirectory() {
    fs.fsyncDirectory(1, false);
    isThere(DIRECTORY);
  }

  /** What was lost before has been reported. */
  private void isThere(long theInode) {
    synchronized (disks) {
      lost.remove(theInode);
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
    history.add(
        after); // also where it fails: it may have happened before something else was reported
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
    CreatedFile created = fs.create(ROOT, 1, name("g"), 0644, 0);
    long beside = created.handle();
    besideInode = created.attributes().inode();
    synchronized (disks) {
      inodes.add(besideInode);
    }
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
        isForced(besideInode);
        onDisk();
      }
    } finally {
      fs.release(beside);
    }
    fs.flush(handle); // what is unsaved of the old file belongs to no name after this
    history.add(content);
    fs.rename(1, name("g"), 1, name("f"), 0);
    isThere(besideInode);
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
    int mode = 0600 + random.nextInt(0100);
    fs.setAttributes(inode, new AttributeChange(AttributeChange.MODE, mode, 0, 0, 0, 0, 0), handle);
  }

  private void step() {
    besideInode = 0;
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
        if (e.code() != ErrorCode.TIMED_OUT || i == TRIES_MAX) {
          throw e;
        }
      }
    }
  }

  static LongStream seeds() {
    return LongStream.rangeClosed(1, SEED_COUNT);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void theFileIsWhatItWasAndWhatIsLostIsReported(long seed) {
    run(seed);

    assertTrue(cutCount > 10 && reportCount > 3, cutCount + " cuts, " + reportCount + " reported");
  }

  /** Whether the model sees what it is for. */
  @ParameterizedTest
  @CsvSource({"FORCE_NO_CHUNKS, of no time", "TELL_WITHOUT_LOSS, nothing is lost"})
  void plantedBugsAreFound(MemoryFault fault, String what) {
    boolean isFound = seeds().anyMatch(seed -> isFound(fault, what, seed));

    assertTrue(isFound, fault + " goes unseen");
  }

  private static boolean isFound(MemoryFault fault, String what, long seed) {
    var model = new PowerCutModelTest();
    model.pool.faults.add(fault);
    try {
      model.run(seed);
      return false;
    } catch (AssertionError e) {
      model.fs.release(model.handle);
      return e.getMessage().contains(what);
    } finally {
      model.close();
    }
  }

  private void run(long seed) {
    random = new Random(seed);
    handle = fs.create(ROOT, 1, name("f"), 0644, 0).handle();
    useInode(fs.lookup(1, name("f")).inode());
    force();
    forced(new byte[0]);
    pool.beforeChange = operation -> sometimes(operation, false);
    pool.afterChange = operation -> sometimes(operation, true);
    pool.beforeStore = chunk -> unlessAway(ErrorCode.UNREACHABLE);

    for (int step = 0; step < STEPS; step++) {
      doing = "seed " + seed + " step " + step;
      try {
        untilAnswered(this::step);
      } catch (HoldfastException e) {
        reported(e);
      }
    }
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);
    awayLeft = 0;
    try {
      force();
      byte[] found = read(other, "f");
      assertTrue(Arrays.equals(now(), found), doing + ": not the newest, and not reported");
    } catch (HoldfastException e) {
      reported(e);
    }
    fs.release(handle);
  }
}
