package holdfast.client.file;

import holdfast.metadata.op.Extent;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;

/**
 * The plaintext of one chunk before it is sealed: ranges of a file, and their bytes one after the
 * other in blocks from a pool, all full but the last. The bytes don't change until {@link
 * #release}.
 */
final class PendingChunk {
  private final List<Ranges.Range> parts;
  private final List<byte[]> blocks;
  private final int lengthBytes;
  private final BufferPool pool;
  private boolean isReleased;

  private PendingChunk(
      List<Ranges.Range> parts, List<byte[]> blocks, int lengthBytes, BufferPool pool) {
    this.parts = parts;
    this.blocks = blocks;
    this.lengthBytes = lengthBytes;
    this.pool = pool;
  }

  /** The ranges, ascending, without overlap. */
  List<Ranges.Range> parts() {
    return parts;
  }

  /** The bytes, packed. */
  List<byte[]> blocks() {
    return blocks;
  }

  /** How many bytes: 1 to one chunk's. */
  int lengthBytes() {
    return lengthBytes;
  }

  /** Memory of its blocks, in bytes, also after they were released. */
  int bufferedBytes() {
    return blocks.size() * DirtyData.BLOCK_BYTES;
  }

  /** The last read of the bytes has ended. Once; under the lock that guards readers. */
  void release() {
    Invariants.check(!isReleased, "release piece: expected=once, was=again");
    isReleased = true;
    blocks.forEach(pool::release);
  }

  /** The extents of the parts once the piece is a chunk. */
  List<Extent> extents(ChunkId chunk, ChunkSalt salt, int keyReference) {
    var extents = new ArrayList<Extent>(parts.size());
    int at = 0;
    for (Ranges.Range part : parts) {
      int partBytes = (int) part.lengthBytes();
      extents.add(new Extent(part.from(), partBytes, chunk, salt, keyReference, at));
      at += partBytes;
    }
    return extents;
  }

  /** Copies what lies within the range to the target, and adds it to {@code covered}. */
  void read(long offset, int wantedBytes, byte[] target, int targetOffset, Ranges covered) {
    Invariants.check(!isReleased, "read piece: expected=its bytes, was=released");
    int at = 0;
    for (Ranges.Range part : parts) {
      long from = Math.max(part.from(), offset);
      long to = Math.min(part.to(), offset + wantedBytes);
      if (from < to) {
        copy(
            at + (int) (from - part.from()),
            target,
            targetOffset + (int) (from - offset),
            (int) (to - from));
        covered.add(from, to);
      }
      at += (int) part.lengthBytes();
    }
  }

  private void copy(int packedOffset, byte[] target, int targetOffset, int countBytes) {
    int done = 0;
    while (done < countBytes) {
      int at = packedOffset + done;
      int inBlock = at % DirtyData.BLOCK_BYTES;
      int count = Math.min(countBytes - done, DirtyData.BLOCK_BYTES - inBlock);
      byte[] block = blocks.get(at / DirtyData.BLOCK_BYTES);
      System.arraycopy(block, inBlock, target, targetOffset + done, count);
      done += count;
    }
  }

  /** Packs ranges into a piece, in ascending order. One thread. */
  static final class Packer {
    private final BufferPool pool;
    private final List<Ranges.Range> parts = new ArrayList<>();
    private final List<byte[]> blocks = new ArrayList<>();
    private int lengthBytes;

    Packer(BufferPool pool) {
      this.pool = pool;
    }

    int lengthBytes() {
      return lengthBytes;
    }

    /** The next bytes added are those of this range. */
    void part(Ranges.Range range) {
      parts.add(range);
    }

    /** Adds bytes, copied. */
    void add(byte[] source, int offset, int countBytes) {
      int done = 0;
      while (done < countBytes) {
        int inBlock = lengthBytes % DirtyData.BLOCK_BYTES;
        if (inBlock == 0) {
          blocks.add(pool.acquire());
        }
        int count = Math.min(countBytes - done, DirtyData.BLOCK_BYTES - inBlock);
        System.arraycopy(source, offset + done, blocks.getLast(), inBlock, count);
        lengthBytes += count;
        done += count;
      }
    }

    /**
     * Adds a full block of the pool itself, which then is the piece's; false, and nothing done,
     * when the piece doesn't end with a full block.
     */
    boolean tryAddWhole(byte[] block) {
      if (lengthBytes % DirtyData.BLOCK_BYTES != 0) {
        return false;
      }
      blocks.add(block);
      lengthBytes += DirtyData.BLOCK_BYTES;
      return true;
    }

    /** The piece; the packer is empty again. */
    PendingChunk take() {
      var piece = new PendingChunk(List.copyOf(parts), List.copyOf(blocks), lengthBytes, pool);
      parts.clear();
      blocks.clear();
      lengthBytes = 0;
      return piece;
    }
  }
}
