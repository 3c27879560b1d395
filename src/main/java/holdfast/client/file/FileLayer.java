package holdfast.client.file;

import holdfast.client.api.ClientOptions;
import holdfast.client.kernel.CacheLease;
import holdfast.client.kernel.InodeTable;
import holdfast.client.kernel.PageInvalidations;
import holdfast.client.pool.ChangedAttributes;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.FreeSpace;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.SavedContents;
import holdfast.model.HoldfastException;
import holdfast.util.NamedThreads;
import holdfast.util.WallClock;
import java.lang.System.Logger.Level;
import java.util.concurrent.Executor;

/** Wires the objects of this package, and hands out those that other packages use. Any thread. */
public final class FileLayer {
  /** Blocks kept for reuse: as many as unsaved data can use. */
  private static final int BLOCKS_MAX =
      (int) (WritePipeline.UNSAVED_MAX_BYTES / DirtyData.BLOCK_BYTES);

  private static final System.Logger LOG = System.getLogger(FileLayer.class.getName());

  private final Deadlines deadlines;
  private final OpenFileTable files;
  private final WritePipeline pipeline;
  private final FileIo io;
  private final Flusher flusher;

  /** What this room needs of others. */
  public record Needs(
      PoolService service,
      Sealing sealing,
      ClientOptions options,
      Deadlines deadlines,
      WallClock wallClock,
      NamedThreads threads,
      Executor sealers,
      FreeSpace freeSpace,
      SavedContents saved,
      ChangedAttributes attributes,
      CacheLease cacheLease,
      InodeTable inodes,
      PageInvalidations pages) {}

  /** Starts to save in the background what will be written. */
  public FileLayer(Needs needs) {
    PoolService service = needs.service();
    deadlines = needs.deadlines();
    var loader = new ExtentLoader(service, deadlines);
    var ownChanges = new OwnChanges(needs.saved(), needs.attributes());
    var budget = new MemoryBudget(WritePipeline.UNSAVED_MAX_BYTES);
    var shared =
        new OpenFile.Shared(
            deadlines,
            needs.wallClock(),
            budget,
            new BufferPool(DirtyData.BLOCK_BYTES, BLOCKS_MAX),
            new CommitPlanner(needs.sealing()),
            ownChanges);
    var reconciler = new Reconciler(service, loader, needs.pages(), ownChanges, deadlines);
    files = new OpenFileTable(loader, reconciler, needs.inodes(), shared);
    var cache = new BlockCache(needs.options().cacheSizeBytes());
    var reader = new ChunkReader(service, needs.sealing(), cache, needs.sealers());
    pipeline =
        new WritePipeline(
            service,
            needs.sealing(),
            needs.sealers(),
            deadlines,
            reconciler,
            reader,
            budget,
            needs.cacheLease(),
            needs.pages(),
            needs.options().timeout().toNanos());
    io =
        new FileIo(
            files,
            reader,
            pipeline,
            new Allocation(pipeline, needs.freeSpace()),
            needs.pages(),
            deadlines,
            needs.options().isReadOnly());
    flusher = new Flusher(files, pipeline, deadlines, needs.threads());
  }

  public OpenFileTable files() {
    return files;
  }

  public WritePipeline pipeline() {
    return pipeline;
  }

  public FileIo io() {
    return io;
  }

  /**
   * Saves everything and stops. What couldn't be saved is logged: the pool gets its whole time once
   * more, for all of it together.
   */
  public void close() {
    flusher.stop();
    Deadline deadline = deadlines.inFull();
    for (OpenFile file : files.all()) {
      try {
        pipeline.flush(file, false, deadline);
      } catch (HoldfastException e) {
        LOG.log(Level.ERROR, "save file at the end: {0}", e.getMessage());
      }
    }
  }
}
