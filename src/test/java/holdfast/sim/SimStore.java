package holdfast.sim;

import holdfast.model.ChunkId;
import holdfast.port.ChunkVault;
import holdfast.port.OperationLog;
import java.util.SplittableRandom;

/** What one machine's disk holds, and the ports of a process that works on it. */
public interface SimStore {
  /** A process's view of the disk. */
  record Ports(ChunkVault vault, OperationLog log) {}

  /** Makes empty disks. */
  interface Maker {
    SimStore make(SimWorld world, long capacityBytes);
  }

  /** A process opens it. */
  Ports open(SimLoop loop);

  /** The process is gone. */
  void close();

  /** The machine lost power while no process runs any more. */
  void losePower(SplittableRandom random);

  /** A copy of what the disk's log holds, to be put back with {@link #putBack}. */
  default MemoryLog.Platter backup() {
    throw new UnsupportedOperationException("only in memory");
  }

  /** The log's folder is put back to what it was, while no process runs. */
  default void putBack(MemoryLog.Platter backup) {
    throw new UnsupportedOperationException("only in memory");
  }

  /** From now on every write of the log fails. */
  void failLog();

  /** The disk works again after {@link #failLog}. */
  void repair();

  /** Whether the chunk is on the disk, for checks. */
  boolean holds(ChunkId chunk);

  /** Whether the chunk outlives its machine's power, for checks. */
  boolean isForced(ChunkId chunk);

  /** The chunk isn't on the disk any more. */
  void drop(ChunkId chunk);

  /** The chunk is on the disk, for good. */
  void keep(ChunkId chunk, byte[] bytes);

  /** Number of chunks on the disk, for checks. */
  int chunkCount();

  /** A disk in memory. */
  static SimStore inMemory(SimWorld world, long capacityBytes) {
    var chunks = new MemoryVault.Platter();
    chunks.capacityBytes(capacityBytes);
    var first = new MemoryLog.Platter(1 + world.nowNs() / SimWorld.S);
    return new SimStore() {
      private MemoryLog.Platter log = first;

      @Override
      public MemoryLog.Platter backup() {
        return log.copy();
      }

      @Override
      public void putBack(MemoryLog.Platter backup) {
        log = backup.copy();
      }

      @Override
      public Ports open(SimLoop loop) {
        return new Ports(new MemoryVault(world, loop, chunks), new MemoryLog(world, loop, log));
      }

      @Override
      public void close() {}

      @Override
      public void losePower(SplittableRandom random) {
        chunks.losePower(random);
        log.losePower(random);
      }

      @Override
      public void failLog() {
        log.fail();
      }

      @Override
      public void repair() {
        log.repair();
      }

      @Override
      public boolean holds(ChunkId chunk) {
        return chunks.holds(chunk);
      }

      @Override
      public boolean isForced(ChunkId chunk) {
        return chunks.isForced(chunk);
      }

      @Override
      public void drop(ChunkId chunk) {
        chunks.drop(chunk);
      }

      @Override
      public void keep(ChunkId chunk, byte[] bytes) {
        chunks.keep(chunk, bytes);
      }

      @Override
      public int chunkCount() {
        return chunks.chunkCount();
      }
    };
  }
}
