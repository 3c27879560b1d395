package holdfast.storage;

import holdfast.model.StorageException;

/**
 * The port by which a chunk store notes in its directory what the segments can't say of themselves.
 * Methods block on the disk, are durable when they return, and throw {@link StorageException}: then
 * what they are called before may not happen.
 */
interface SegmentNotes {
  /**
   * What a start finds of the segments.
   *
   * @param isCutNow whether something is missing, and no later start sees that
   * @param damage bits for what else is missing or isn't whole, and stays so: the same ones at the
   *     next start if nothing more happens, fewer if something is put back; 0: nothing
   * @param flipped those of these bits that aren't for what a power cut leaves: what wasn't forced
   *     then is missing or zeros
   * @param highest number of a segment that is here or was; 0: none
   */
  record Scanned(boolean isCutNow, long damage, long flipped, long highest) {}

  /** The number of the segment made last: one that isn't there was removed. 0: none was made. */
  long lastMade();

  /** The segments have been read, and nothing was cut yet. */
  void onScanned(Scanned scanned);

  /** A segment was made, and nothing was written to it yet. */
  void onMade(long number);
}
