package holdfast.client.file;

import java.util.concurrent.ArrayBlockingQueue;

/**
 * Keeps arrays of one size for reuse: large arrays that die young cost the collector more than what
 * is done with them. Any thread; never blocks: an empty pool makes a new array, a full one leaves
 * what is released to the collector.
 */
final class BufferPool {
  private final int arrayBytes;
  private final ArrayBlockingQueue<byte[]> idle;

  BufferPool(int arrayBytes, int keptMax) {
    this.arrayBytes = arrayBytes;
    this.idle = new ArrayBlockingQueue<>(keptMax);
  }

  int arrayBytes() {
    return arrayBytes;
  }

  /** An array with any content. */
  byte[] acquire() {
    byte[] array = idle.poll();
    return array != null ? array : new byte[arrayBytes];
  }

  /** The caller reads and writes the array no more; once for each {@link #acquire}. */
  void release(byte[] array) {
    idle.offer(array);
  }
}
