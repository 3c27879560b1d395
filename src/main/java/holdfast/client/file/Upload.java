package holdfast.client.file;

import holdfast.client.pool.Patience;
import holdfast.metadata.op.Extent;
import holdfast.model.HoldfastException;
import holdfast.port.Body;
import java.util.Arrays;
import java.util.List;

/** A piece of a file on its way to the pool. Guarded by the file's lock. */
final class Upload {
  final PendingChunk piece;

  /** It holds what the pool has already: another client's newer bytes go before it. */
  final boolean isRewrite;

  /** A truncation came after it: nothing from here on counts. */
  long cutBytes = Long.MAX_VALUE;

  /** Became holes after it: nothing in them counts. */
  final Ranges holes = new Ranges();

  /** The epoch in which it was stored. */
  long epoch = Long.MAX_VALUE;

  /** Set when it is stored; null until then. */
  List<Extent> extentsOrNull;

  HoldfastException failureOrNull;

  /** Why it waits to be tried again; null while it is under way. */
  HoldfastException pausedOrNull;

  /** When it was tried last. */
  long triedNs;

  /** For how long it was tried. */
  final Patience patience;

  /** As it was sealed for the first try: tried again, it is the same chunk. */
  SealedPiece sealedOrNull;

  /** It went with an operation that had no answer: it stays until its outcome is known. */
  boolean isUnanswered;

  Upload(PendingChunk piece, boolean isRewrite, long nowNs) {
    this.piece = piece;
    this.isRewrite = isRewrite;
    triedNs = nowNs;
    patience = new Patience(nowNs);
  }

  /**
   * A sealed piece.
   *
   * @param body its bytes, until it is released
   */
  record SealedPiece(Sealing.Sealed sealed, Body body) {}

  /** Whether anything of it is still to be in the file. */
  boolean counts() {
    return cutBytes > piece.parts().getFirst().from();
  }

  /**
   * Nothing of it is to be in the file any more. One that waits to be tried again has ended by
   * that.
   *
   * @return bytes of memory that nobody else gives back
   */
  long drop() {
    cutBytes = 0;
    if (pausedOrNull == null) {
      return 0;
    }
    failureOrNull = pausedOrNull;
    pausedOrNull = null;
    releaseSealed();
    return piece.heldBytes();
  }

  /** It won't be tried again. */
  void releaseSealed() {
    if (sealedOrNull != null) {
      sealedOrNull.body().release();
      sealedOrNull = null;
    }
  }

  boolean isEnded() {
    return extentsOrNull != null || failureOrNull != null;
  }

  /** Copies what counts of the range to the target, as {@link PendingChunk#read}. */
  void read(long offset, int lengthBytes, byte[] target, int targetOffset, Ranges covered) {
    int keptBytes = (int) Math.max(0, Math.min(lengthBytes, cutBytes - offset));
    piece.read(offset, keptBytes, target, targetOffset, covered);
    for (Ranges.Range hole : holes.within(offset, offset + lengthBytes)) {
      // Older uploads have the hole too: whatever is there came later, and isn't memory's.
      int at = targetOffset + (int) (hole.from() - offset);
      Arrays.fill(target, at, at + (int) hole.lengthBytes(), (byte) 0);
      covered.remove(hole.from(), hole.to());
    }
  }
}
