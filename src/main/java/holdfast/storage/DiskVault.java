package holdfast.storage;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.port.ChunkVault;
import holdfast.port.Loop;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * The {@link holdfast.port.ChunkVault} on disk, over the chunk store: disk work on an executor,
 * outcomes on the loop.
 */
public final class DiskVault implements ChunkVault {
  private final ChunkStore store;
  private final StorageSpace space;
  private final LongSupplier otherBytes;
  private final Executor disk;
  private final Loop loop;

  private final AtomicLong askedCount = new AtomicLong();
  private final AtomicLong endedCount = new AtomicLong();

  /** Loop thread. */
  private Runnable failedListener = () -> {};

  /**
   * A vault over an open store.
   *
   * @param otherBytes what the operation log and its snapshots take on the same disk
   * @param disk runs disk work on platform threads; rejects when {@link #OPERATIONS_MAX} wait
   */
  public DiskVault(
      ChunkStore store, StorageSpace space, LongSupplier otherBytes, Executor disk, Loop loop) {
    this.store = store;
    this.space = space;
    this.otherBytes = otherBytes;
    this.disk = disk;
    this.loop = loop;
  }

  @Override
  public void whenFailed(Runnable listener) {
    failedListener = listener;
  }

  private Consumer<StorageException> onLoop(Consumer<StorageException> done) {
    return why -> {
      if (why != null && why.code() == ErrorCode.STORE_FAILED) {
        failedListener.run();
      }
      done.accept(why);
    };
  }

  @Override
  public boolean contains(ChunkId chunk) {
    return store.contains(chunk);
  }

  @Override
  public long place(ChunkId chunk) {
    return store.place(chunk);
  }

  @Override
  public int readableBytes(ChunkId chunk) {
    return store.lengthBytes(chunk);
  }

  @Override
  public void rewrite(ChunkId chunk, Consumer<StorageException> done) {
    onDisk(() -> rewriteNow(chunk), onLoop(done));
  }

  private void rewriteNow(ChunkId chunk) {
    if (store.contains(chunk)) {
      return;
    }
    byte[] bytes = store.read(chunk);
    if (!ChunkId.nameOf(bytes, 0, bytes.length).equals(chunk)) {
      throw new StorageException(
          ErrorCode.CHUNK_CORRUPT,
          "write chunk again: expected=bytes with this hash, was=others, chunk=" + chunk);
    }
    store.put(chunk, bytes, 0, bytes.length);
  }

  @Override
  public void put(ChunkId chunk, byte[] bytes, int lengthBytes, Consumer<StorageException> done) {
    onDisk(() -> store.put(chunk, bytes, 0, lengthBytes), onLoop(done));
  }

  @Override
  public void read(ChunkId chunk, int offsetBytes, int lengthBytes, ReadHandler handler) {
    submit(() -> readNow(chunk, offsetBytes, lengthBytes, handler), handler::onFailure);
  }

  private void readNow(ChunkId chunk, int offsetBytes, int lengthBytes, ReadHandler handler) {
    int chunkBytes = store.lengthBytes(chunk);
    if (chunkBytes < 0) {
      throw new StorageException(
          ErrorCode.CHUNK_MISSING, "read chunk: expected=held here, was=not, chunk=" + chunk);
    }
    if (offsetBytes < 0 || offsetBytes >= chunkBytes) {
      throw new StorageException(
          ErrorCode.INVALID,
          "read chunk: expected=offset below " + chunkBytes + ", was=" + offsetBytes);
    }
    int restBytes = chunkBytes - offsetBytes;
    int wantedBytes = lengthBytes < 0 ? restBytes : Math.min(lengthBytes, restBytes);
    byte[] bytes;
    if (offsetBytes == 0 && wantedBytes == chunkBytes) {
      bytes = store.read(chunk);
    } else {
      bytes = new byte[wantedBytes];
      store.read(chunk, offsetBytes, wantedBytes, bytes, 0);
    }
    loop.post(() -> handler.onBytes(bytes, wantedBytes, chunkBytes));
  }

  @Override
  public void verify(ChunkId chunk, Consumer<StorageException> done) {
    onDisk(
        () -> {
          if (!store.verify(chunk)) {
            throw new StorageException(
                ErrorCode.CHUNK_CORRUPT,
                "verify chunk: expected=bytes with this hash, was=others, chunk=" + chunk);
          }
        },
        done);
  }

  @Override
  public void force(Consumer<StorageException> done) {
    onDisk(store::force, onLoop(done));
  }

  @Override
  public Summary summary(int partition) {
    long sizeBytes = 0;
    List<StoredChunk> chunks = store.list(partition);
    for (StoredChunk chunk : chunks) {
      sizeBytes += chunk.lengthBytes();
    }
    return new Summary(chunks.size(), sizeBytes, store.digest(partition));
  }

  @Override
  public List<Listed> list(int partition, ChunkId afterOrNull, int maxCount) {
    var listed = new ArrayList<Listed>();
    for (StoredChunk chunk : store.list(partition)) {
      if (listed.size() >= Math.min(maxCount, LIST_MAX)) {
        break;
      }
      if (afterOrNull == null || chunk.id().compareTo(afterOrNull) > 0) {
        listed.add(new Listed(chunk.id(), chunk.lengthBytes()));
      }
    }
    return listed;
  }

  @Override
  public LongSupplier progress() {
    long asked = askedCount.get();
    return () -> Math.min(asked, endedCount.get());
  }

  @Override
  public Space space() {
    long chunkBytes = store.diskBytes();
    return new Space(
        store.capacityBytes(),
        chunkBytes + otherBytes.getAsLong(),
        space.availableBytes(chunkBytes),
        store.chunkCount());
  }

  private void onDisk(Runnable work, Consumer<StorageException> done) {
    submit(
        () -> {
          work.run();
          loop.post(() -> done.accept(null));
        },
        done);
  }

  /** Runs the work on the disk's executor; whatever it throws goes to the loop. */
  private void submit(Runnable work, Consumer<StorageException> onFailure) {
    askedCount.incrementAndGet();
    try {
      disk.execute(
          () -> {
            try {
              work.run();
            } catch (RuntimeException | Error e) {
              // A map whose file shrank faults with an Error: nobody may wait for ever for it.
              StorageException why = DiskFailure.of(e);
              loop.post(() -> onFailure.accept(why));
            } finally {
              endedCount.incrementAndGet();
            }
          });
    } catch (RejectedExecutionException e) {
      endedCount.incrementAndGet();
      var busy =
          new StorageException(
              ErrorCode.BUSY,
              "use disk: expected=at most " + OPERATIONS_MAX + " waiting operations",
              e);
      loop.post(() -> onFailure.accept(busy));
    }
  }
}
