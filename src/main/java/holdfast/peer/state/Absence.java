package holdfast.peer.state;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * The time since which a peer of the map has been away or out, and the commits of which it can have
 * no chunk. A chunk is uploaded before it is committed, so a peer that left in between may be the
 * one that has it. An upload of one epoch can't be committed two epochs later.
 *
 * @param tick the last operation of the namespace when it left
 * @param epoch the upload epoch when it left
 * @param sureTick the last operation when no upload from before that could be committed any more;
 *     {@link #NEVER} until then
 */
public record Absence(long tick, long epoch, long sureTick) {
  /** Bytes encoded. */
  static final int BYTES = 3 * Long.BYTES;

  /** No operation has this tick. */
  static final long NEVER = Long.MAX_VALUE;

  /** Content is refused that was uploaded so many epochs ago. */
  private static final long UPLOAD_EPOCHS = 2;

  /**
   * After so many epochs, a week of the pool's running, nobody waits any more for what a peer may
   * have got just before it left.
   */
  static final long WAIT_EPOCHS_MAX = 1_008;

  /** It leaves now. */
  static Absence since(long tick, long epoch) {
    return new Absence(tick, epoch, NEVER);
  }

  /** An epoch has begun. */
  Absence atEpoch(long newEpoch, long lastTick) {
    boolean isSureNow = sureTick == NEVER && newEpoch - epoch >= UPLOAD_EPOCHS;
    return isSureNow ? new Absence(tick, epoch, lastTick) : this;
  }

  /**
   * Whether it can have nothing that was first committed by this operation.
   *
   * @param nowEpoch the epoch now
   */
  public boolean isBefore(long commitTick, long nowEpoch) {
    boolean isWaitOver = nowEpoch - epoch >= WAIT_EPOCHS_MAX;
    return sureTick < commitTick || isWaitOver && tick < commitTick;
  }

  void write(ByteWriter out) {
    out.u64(tick).u64(epoch).u64(sureTick);
  }

  static Absence read(ByteReader in) {
    return new Absence(in.u64(), in.u64(), in.u64());
  }
}
