package holdfast.client.file;

import holdfast.client.pool.Patience;
import holdfast.metadata.op.Extent;
import holdfast.model.HoldfastException;
import holdfast.port.Body;
import java.util.Arrays;
import java.util.List;

/**
 * One piece of a file in flight to the pool: its bytes, its tries, and what came of it. Guarded by
 * the file's lock, but for what never changes and for what its one thread keeps of it ({@link
 * #sealedOrNull}).
 */
final class Upload {
  private final PendingChunk piece;
  private final boolean isRewrite;

  /** For how long it was tried. */
  private final Patience patience;

  /** A truncation came after it: nothing from here on counts. */
  private long cutBytes = Long.MAX_VALUE;

  /** Became holes after it: nothing in them counts. */
  private final Ranges holes = new Ranges();

  /** The epoch in which it was stored. */
  private long epoch = Long.MAX_VALUE;

  /** Set when it is stored; null until then. */
  private List<Extent> extentsOrNull;

  private HoldfastException failureOrNull;

  /** Why it waits to be tried again; null while it is in flight. */
  private HoldfastException pausedOrNull;

  /** When it was tried last. */
  private long triedNs;

  private SealedPiece sealedOrNull;
  private boolean isUnanswered;

  /** {@code isRewrite}: it contains what the pool has already; others' newer bytes replace it. */
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

  PendingChunk piece() {
    return piece;
  }

  boolean isRewrite() {
    return isRewrite;
  }

  /** As it was sealed for the first try: tried again, it is the same chunk. Its thread only. */
  SealedPiece sealedOrNull() {
    return sealedOrNull;
  }

  /** Keeps it for the next try. Its thread only. */
  void keepSealed(SealedPiece sealed) {
    sealedOrNull = sealed;
  }

  /** Nothing from this offset on counts any more. */
  void cutFrom(long offset) {
    cutBytes = Math.min(cutBytes, offset);
  }

  /** The range became a hole. */
  void punch(long from, long to) {
    holes.add(from, to);
  }

  /** Whether nothing of it was cut off or punched. */
  boolean isWhole() {
    return cutBytes == Long.MAX_VALUE && holes.isEmpty();
  }

  /** Whether anything of it is still to be in the file. */
  boolean counts() {
    return cutBytes > piece.parts().getFirst().from();
  }

  /** The first byte behind what of it is still to be in the file; 0: nothing is. */
  long end() {
    for (Ranges.Range part : piece.parts().reversed()) {
      List<Ranges.Range> kept = holes.gaps(part.from(), Math.min(part.to(), cutBytes));
      if (!kept.isEmpty()) {
        return kept.getLast().to();
      }
    }
    return 0;
  }

  /** It is stored, as these extents; in this epoch. */
  void stored(List<Extent> extents, long inEpoch) {
    extentsOrNull = extents;
    epoch = inEpoch;
    releaseSealed();
  }

  /** It failed for good. */
  void failed(HoldfastException why) {
    failureOrNull = why;
    releaseSealed();
  }

  /** It failed, and waits to be tried again. */
  void paused(HoldfastException why) {
    pausedOrNull = why;
  }

  /** It is tried again. */
  void resumed(long nowNs) {
    pausedOrNull = null;
    triedNs = nowNs;
  }

  /**
   * For how long it was tried by now.
   *
   * @param tryMaxNs what counts since the last try, at most
   */
  long triedForNs(long nowNs, long tryMaxNs) {
    return patience.triedNs(nowNs, tryMaxNs);
  }

  HoldfastException pausedOrNull() {
    return pausedOrNull;
  }

  long triedNs() {
    return triedNs;
  }

  HoldfastException failureOrNull() {
    return failureOrNull;
  }

  /** Null until it is stored. */
  List<Extent> extentsOrNull() {
    return extentsOrNull;
  }

  long epoch() {
    return epoch;
  }

  boolean isEnded() {
    return extentsOrNull != null || failureOrNull != null;
  }

  /** It went with an operation that had no answer: it stays until its outcome is known. */
  boolean isUnanswered() {
    return isUnanswered;
  }

  void setUnanswered() {
    isUnanswered = true;
  }

  /** Nothing of it is to be in the file any more; one that is paused has ended by that. */
  void drop() {
    cutBytes = 0;
    if (pausedOrNull != null) {
      failed(pausedOrNull);
      pausedOrNull = null;
    }
  }

  /** It won't be tried again. */
  private void releaseSealed() {
    if (sealedOrNull != null) {
      sealedOrNull.body().release();
      sealedOrNull = null;
    }
  }

  /** The parts of an extent of it that are to be in a file of this size. */
  List<Ranges.Range> kept(Extent extent, long sizeBytes) {
    long end = Math.min(extent.fileEnd(), Math.min(sizeBytes, cutBytes));
    return extent.fileOffset() < end ? holes.gaps(extent.fileOffset(), end) : List.of();
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
