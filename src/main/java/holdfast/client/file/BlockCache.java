package holdfast.client.file;

import holdfast.model.ChunkId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Caches opened blocks, and evicts the least recently used; a block on its way counts as there, so
 * that it isn't fetched twice. Any thread.
 */
final class BlockCache {
  /** Names a block of a chunk. */
  record Key(ChunkId chunk, int blockIndex) {}

  private final int blocksMax;
  private final ReentrantLock lock = new ReentrantLock();
  private final LinkedHashMap<Key, CompletableFuture<byte[]>> blocks =
      new LinkedHashMap<>(1_024, 0.75f, true);

  /** A cache of at most {@code sizeBytes} of opened blocks, at least 64 blocks. */
  BlockCache(long sizeBytes) {
    blocksMax = (int) Math.min(1 << 20, Math.max(64, sizeBytes / Sealing.BLOCK_BYTES));
  }

  /**
   * Claims a block: null when the caller is to fetch it and complete {@code mine}, else the future
   * that was there before.
   */
  CompletableFuture<byte[]> claim(Key key, CompletableFuture<byte[]> mine) {
    lock.lock();
    try {
      CompletableFuture<byte[]> there = blocks.get(key);
      if (there != null && !there.isCompletedExceptionally()) {
        return there;
      }
      blocks.put(key, mine);
      evict();
      return null;
    } finally {
      lock.unlock();
    }
  }

  /** Forgets a block, if it is still this one. */
  void drop(Key key, CompletableFuture<byte[]> block) {
    lock.lock();
    try {
      blocks.remove(key, block);
    } finally {
      lock.unlock();
    }
  }

  private void evict() {
    var oldest = blocks.entrySet().iterator();
    while (blocks.size() > blocksMax && oldest.hasNext()) {
      Map.Entry<Key, CompletableFuture<byte[]>> next = oldest.next();
      if (next.getValue().isDone()) {
        oldest.remove();
      }
    }
  }
}
