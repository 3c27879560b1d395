package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;

/** The notes of a store that is opened without a directory. */
final class MemoryNotes implements SegmentNotes {
  private long lastMade;
  private Recovered found;
  private boolean isRefusing;

  /** What was told at an opening. */
  record Recovered(boolean isCutNow, long damage, long flipped) {
    boolean isAnything() {
      return isCutNow || damage != 0;
    }
  }

  /** What was told when the store was opened last. */
  Recovered atStart() {
    return found;
  }

  /** The next note can't be made. */
  void refuse() {
    isRefusing = true;
  }

  /** As a directory whose last segment had this number. */
  void lastMade(long number) {
    lastMade = number;
  }

  @Override
  public long lastMade() {
    return lastMade;
  }

  @Override
  public void onScanned(Scanned scanned) {
    refuseOnce();
    found = new Recovered(scanned.isCutNow(), scanned.damage(), scanned.flipped());
    lastMade = Math.max(lastMade, scanned.highest());
  }

  @Override
  public void onMade(long number) {
    refuseOnce();
    lastMade = number;
  }

  private void refuseOnce() {
    if (isRefusing) {
      isRefusing = false;
      throw new StorageException(ErrorCode.NO_SPACE, "note segments: expected=room, was=none");
    }
  }
}
