package holdfast.port;

import holdfast.model.ChunkId;
import holdfast.model.StorageException;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * The port to the chunks on this peer's disk. Methods with a callback return at once and call back
 * on the loop; the others only look at memory and may be called on any thread.
 */
public interface ChunkVault {
  /** Most operations waiting for the disk at once; beyond it they fail with BUSY. */
  int OPERATIONS_MAX = 1_024;

  /** Most chunks one {@link #list} returns. */
  int LIST_MAX = 4_096;

  /**
   * Runs this on the loop, before the caller hears, each time that a put or a force fails with
   * STORE_FAILED, whoever asked for it: chunks that were stored may not be any more. One listener;
   * loop thread.
   */
  void whenFailed(Runnable listener);

  /** True when the chunk is stored and indexed. */
  boolean contains(ChunkId chunk);

  /**
   * Where a chunk is, as a number: another one each time it is stored anew, -1 while {@link
   * #contains} is false.
   */
  long place(ChunkId chunk);

  /**
   * How long the chunk is if bytes of it are here, -1 if there is nothing. True, too, of what
   * {@link #contains} doesn't count, since a write or a force of its file failed or a check did.
   */
  int readableBytes(ChunkId chunk);

  /**
   * Stores a chunk anew, as {@link #put} does, from what can be read of it here. When {@code done}
   * gets CHUNK_CORRUPT, what is read has another hash; CHUNK_MISSING: nothing is here; any other
   * failure: nobody knows. Nothing happens to one that is stored.
   */
  void rewrite(ChunkId chunk, Consumer<StorageException> done);

  /**
   * Stores a chunk. When {@code done} gets null, it is written (page cache) and indexed; storing
   * what is there already succeeds. The caller has checked that the bytes hash to the name and
   * doesn't change the array afterwards.
   */
  void put(ChunkId chunk, byte[] bytes, int lengthBytes, Consumer<StorageException> done);

  /**
   * Reads {@code lengthBytes} from {@code offsetBytes}, cut at the chunk's end; -1 reads to the
   * end.
   */
  void read(ChunkId chunk, int offsetBytes, int lengthBytes, ReadHandler handler);

  /** Reads the whole chunk and compares its SHA-256 with its name; a bad one is dropped. */
  void verify(ChunkId chunk, Consumer<StorageException> done);

  /** When {@code done} gets null, every chunk whose put had ended by the call is forced to disk. */
  void force(Consumer<StorageException> done);

  /** Number, bytes and digest of the chunks of a partition, in memory. */
  Summary summary(int partition);

  /** The chunks of a partition after {@code afterOrNull} in id order, at most {@code maxCount}. */
  List<Listed> list(int partition, ChunkId afterOrNull, int maxCount);

  /**
   * What rises as the disk gets on with all that was asked of it so far: with each operation that
   * ends, as many times as there are such. Asked for right after an operation it says whether that
   * one, or what is before it, moves. Loop thread.
   */
  LongSupplier progress();

  /** Room and use. */
  Space space();

  /** What becomes of one read. */
  interface ReadHandler {
    /** The bytes, and the length of the whole chunk; the array is the receiver's. */
    void onBytes(byte[] bytes, int lengthBytes, int chunkLengthBytes);

    /** CHUNK_MISSING, CHUNK_CORRUPT, STORE_FAILED, BUSY, or INVALID for an offset at the end. */
    void onFailure(StorageException why);
  }

  /** One stored chunk. */
  record Listed(ChunkId chunk, int lengthBytes) {}

  /**
   * What a partition holds here.
   *
   * @param digest SHA-256 over the sorted ids
   */
  record Summary(int chunkCount, long sizeBytes, byte[] digest) {}

  /**
   * @param capacityBytes what this peer may use at most
   * @param usedBytes what chunks and log use now
   * @param freeBytes what may still be stored: within capacity and what the disk can hold
   */
  record Space(long capacityBytes, long usedBytes, long freeBytes, long chunkCount) {}
}
