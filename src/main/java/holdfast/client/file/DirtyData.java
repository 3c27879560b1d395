package holdfast.client.file;

import holdfast.metadata.op.ExtentMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Buffers what was written to a file and isn't sealed yet: bytes by block, and which are written.
 * Not thread-safe: guarded by the file's lock.
 */
final class DirtyData {
  /** Bytes of one block of memory, and of one sealed block. */
  public static final int BLOCK_BYTES = 64 << 10;

  private final BufferPool pool;

  /** From the pool; what no range counts of them may have any content. */
  private final TreeMap<Long, byte[]> blocks = new TreeMap<>();

  private final Ranges ranges = new Ranges();

  /** {@code pool} gives arrays of {@link #BLOCK_BYTES}. */
  DirtyData(BufferPool pool) {
    this.pool = pool;
  }

  boolean isEmpty() {
    return ranges.isEmpty();
  }

  /** Packs what wasn't written here, into memory of the same pool. */
  PendingChunk.Packer newPacker() {
    return new PendingChunk.Packer(pool);
  }

  /** Memory in use, in bytes. */
  long bufferedBytes() {
    return (long) blocks.size() * BLOCK_BYTES;
  }

  /** The first byte behind everything that counts; 0 without any. */
  long end() {
    return ranges.end();
  }

  /** Ranges that count. */
  int rangeCount() {
    return ranges.count();
  }

  void write(long offset, byte[] source, int sourceOffset, int lengthBytes) {
    int done = 0;
    while (done < lengthBytes) {
      long at = offset + done;
      byte[] block = blocks.computeIfAbsent(blockStart(at), x -> pool.acquire());
      int inBlock = (int) (at - blockStart(at));
      int count = Math.min(lengthBytes - done, BLOCK_BYTES - inBlock);
      System.arraycopy(source, sourceOffset + done, block, inBlock, count);
      done += count;
    }
    ranges.add(offset, offset + lengthBytes);
  }

  /** Copies what counts within the range to the target, and adds it to {@code covered}. */
  void read(long offset, int lengthBytes, byte[] target, int targetOffset, Ranges covered) {
    for (Ranges.Range range : ranges.within(offset, offset + lengthBytes)) {
      copy(range, target, targetOffset + (int) (range.from() - offset));
      covered.add(range.from(), range.to());
    }
  }

  /** Forgets everything at and above the offset. */
  void cutFrom(long offset) {
    ranges.cutFrom(offset);
    release(ranges.isEmpty() ? blocks : blocks.tailMap(blockUp(offset), true));
  }

  /** Forgets a range. */
  void remove(long from, long to) {
    ranges.remove(from, to);
    if (ranges.isEmpty()) {
      release(blocks);
    } else if (blockUp(from) < blockStart(to)) {
      release(blocks.subMap(blockUp(from), true, blockStart(to), false));
    }
  }

  /** Takes out the aligned window at this offset if all of it was written; null otherwise. */
  PendingChunk takeFullWindow(long offset) {
    long start = offset - offset % ExtentMap.WINDOW_BYTES;
    long end = start + ExtentMap.WINDOW_BYTES;
    List<Ranges.Range> inside = ranges.within(start, end);
    boolean isFull = inside.size() == 1 && inside.get(0).lengthBytes() == ExtentMap.WINDOW_BYTES;
    if (!isFull) {
      return null;
    }
    var packer = new PendingChunk.Packer(pool);
    pack(inside.get(0), packer);
    ranges.remove(start, end);
    return packer.take();
  }

  /** Takes everything out, in pieces of at most one chunk's plaintext each. */
  List<PendingChunk> takeAll() {
    var pieces = new ArrayList<PendingChunk>();
    var packer = new PendingChunk.Packer(pool);
    for (Ranges.Range range : ranges.list()) {
      long from = range.from();
      while (from < range.to()) {
        long windowEnd = from - from % ExtentMap.WINDOW_BYTES + ExtentMap.WINDOW_BYTES;
        long room = ExtentMap.WINDOW_BYTES - packer.lengthBytes();
        long to = Math.min(Math.min(range.to(), windowEnd), from + room);
        pack(new Ranges.Range(from, to), packer);
        from = to;
        if (packer.lengthBytes() == ExtentMap.WINDOW_BYTES) {
          pieces.add(packer.take());
        }
      }
    }
    if (packer.lengthBytes() > 0) {
      pieces.add(packer.take());
    }
    release(blocks);
    ranges.clear();
    return pieces;
  }

  /** Whole blocks change hands without being copied. */
  private void pack(Ranges.Range range, PendingChunk.Packer packer) {
    packer.part(range);
    long at = range.from();
    while (at < range.to()) {
      long start = blockStart(at);
      int inBlock = (int) (at - start);
      int count = (int) Math.min(range.to() - at, BLOCK_BYTES - inBlock);
      byte[] block = blocks.get(start);
      if (count == BLOCK_BYTES && packer.tryAddWhole(block)) {
        blocks.remove(start);
      } else {
        packer.add(block, inBlock, count);
      }
      at += count;
    }
  }

  private void release(Map<Long, byte[]> some) {
    some.values().forEach(pool::release);
    some.clear();
  }

  private void copy(Ranges.Range range, byte[] target, int targetOffset) {
    long at = range.from();
    while (at < range.to()) {
      int inBlock = (int) (at - blockStart(at));
      int count = (int) Math.min(range.to() - at, BLOCK_BYTES - inBlock);
      byte[] block = blocks.get(blockStart(at));
      System.arraycopy(block, inBlock, target, targetOffset + (int) (at - range.from()), count);
      at += count;
    }
  }

  private static long blockUp(long offset) {
    return blockStart(offset + BLOCK_BYTES - 1);
  }

  private static long blockStart(long offset) {
    return offset - offset % BLOCK_BYTES;
  }
}
