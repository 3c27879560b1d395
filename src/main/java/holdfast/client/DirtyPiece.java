package holdfast.client;

import holdfast.metadata.Extent;
import holdfast.metadata.Salt;
import holdfast.model.ChunkId;
import java.util.ArrayList;
import java.util.List;

/**
 * What becomes one chunk: ranges of a file, and their bytes one after the other.
 *
 * @param parts ascending, without overlap
 * @param plain the parts' bytes, at most one chunk's
 */
record DirtyPiece(List<Ranges.Range> parts, byte[] plain) {
  /** The bytes of these parts, one after the other, of those that begin at {@code start}. */
  static byte[] join(List<Ranges.Range> parts, long start, byte[] bytes) {
    int lengthBytes = (int) parts.stream().mapToLong(Ranges.Range::lengthBytes).sum();
    if (lengthBytes == bytes.length) {
      return bytes;
    }
    byte[] joined = new byte[lengthBytes];
    int at = 0;
    for (Ranges.Range part : parts) {
      int partBytes = (int) part.lengthBytes();
      System.arraycopy(bytes, (int) (part.from() - start), joined, at, partBytes);
      at += partBytes;
    }
    return joined;
  }

  /** The extents of the parts once the piece is a chunk. */
  List<Extent> extents(ChunkId chunk, Salt salt, int keyReference) {
    var extents = new ArrayList<Extent>(parts.size());
    int at = 0;
    for (Ranges.Range part : parts) {
      int lengthBytes = (int) part.lengthBytes();
      extents.add(new Extent(part.from(), lengthBytes, chunk, salt, keyReference, at));
      at += lengthBytes;
    }
    return extents;
  }

  /** Copies what lies within the range to the target, and adds it to {@code covered}. */
  void read(long offset, int lengthBytes, byte[] target, int targetOffset, Ranges covered) {
    int at = 0;
    for (Ranges.Range part : parts) {
      long from = Math.max(part.from(), offset);
      long to = Math.min(part.to(), offset + lengthBytes);
      if (from < to) {
        int inPlain = at + (int) (from - part.from());
        int inTarget = targetOffset + (int) (from - offset);
        System.arraycopy(plain, inPlain, target, inTarget, (int) (to - from));
        covered.add(from, to);
      }
      at += (int) part.lengthBytes();
    }
  }
}
