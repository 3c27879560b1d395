package holdfast.sim;

import holdfast.model.ChunkId;
import holdfast.model.ChunkLoss;
import holdfast.storage.ChunkStore;
import holdfast.storage.DiskLog;
import holdfast.storage.DiskVault;
import holdfast.storage.Machine;
import holdfast.storage.StorageDirectory;
import holdfast.storage.StorageSpace;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;

/** The real chunk and log stores on a {@link SimDisk}: slower than memory, and nothing left out. */
public final class FileStore implements SimStore {
  private static final int CHUNK_SEGMENT_BYTES = 8 << 20;
  private static final int LOG_SEGMENT_BYTES = 64 << 10;
  private static final long DELAY_MIN_NS = SimWorld.MS / 20;
  private static final long DELAY_MAX_NS = 2 * SimWorld.MS;

  private final SimDisk disk;
  private final SplittableRandom random;
  private StorageDirectory directory;
  private ChunkStore chunks;
  private int boots = 1;
  private long snapshotDelayNs;

  private FileStore(SimWorld world) {
    random = world.split();
    disk = new SimDisk("sim", random.nextLong());
  }

  /** An empty disk of the simulated disk's own size. */
  public static SimStore make(SimWorld world, long capacityBytes) {
    return new FileStore(world);
  }

  /** What is on it, to be damaged while no process runs. */
  public SimDisk disk() {
    return disk;
  }

  /** What the directory says of lost chunks. */
  public ChunkLoss chunkLoss() {
    return directory.chunkLoss();
  }

  /** From now on each step of reading or writing a snapshot takes so much longer. */
  public void delaySnapshots(long delayNs) {
    snapshotDelayNs = delayNs;
  }

  @Override
  public Ports open(SimLoop loop) {
    directory =
        StorageDirectory.open(disk, new Machine("boot-" + boots, ""), "pid 1", random::nextLong);
    var space = StorageSpace.of(disk, OptionalLong.of(1L << 30), OptionalLong.empty());
    chunks = ChunkStore.open(directory, space, CHUNK_SEGMENT_BYTES);
    var log =
        DiskLog.open(
            directory,
            LOG_SEGMENT_BYTES,
            new DiskLog.Threads(inOrder(loop), slowly(inOrder(loop), loop), inOrder(loop)),
            loop);
    return new Ports(new DiskVault(chunks, space, log::diskBytes, inOrder(loop), loop), log);
  }

  private Executor slowly(Executor disk, SimLoop loop) {
    return task ->
        disk.execute(
            () -> {
              if (snapshotDelayNs == 0) {
                task.run();
              } else {
                loop.postAfter(snapshotDelayNs, "slow snapshot", task);
              }
            });
  }

  /** One disk thread: one thing after the other, each after its time. */
  private Executor inOrder(SimLoop loop) {
    return new Executor() {
      private long busyUntilNs;

      @Override
      public void execute(Runnable task) {
        long startNs = Math.max(loop.nowNs(), busyUntilNs);
        busyUntilNs = startNs + random.nextLong(DELAY_MIN_NS, DELAY_MAX_NS);
        loop.postAfter(busyUntilNs - loop.nowNs(), "disk", task);
      }
    };
  }

  @Override
  public void close() {
    disk.restart();
  }

  @Override
  public void losePower(SplittableRandom unused) {
    disk.crash();
    boots++;
  }

  @Override
  public void failLog() {
    disk.failWriteAfter(0);
  }

  @Override
  public void repair() {
    // A planted failure happens once.
  }

  @Override
  public boolean holds(ChunkId chunk) {
    return chunks.contains(chunk);
  }

  @Override
  public boolean isForced(ChunkId chunk) {
    throw new UnsupportedOperationException("look at chunk: expected=a store in memory");
  }

  @Override
  public void drop(ChunkId chunk) {
    throw new UnsupportedOperationException("drop chunk: expected=a store in memory");
  }

  @Override
  public void keep(ChunkId chunk, byte[] bytes) {
    throw new UnsupportedOperationException("keep chunk: expected=a store in memory");
  }

  @Override
  public int chunkCount() {
    return chunks.chunkCount();
  }
}
