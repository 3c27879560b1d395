package holdfast.storage;

import holdfast.model.StorageException;

/**
 * What a directory knows of its chunk segments besides themselves. Methods block on the disk, are
 * durable when they return, and throw {@link StorageException}: then what they are called before
 * may not happen.
 */
interface SegmentNotes {
  /** The number of the segment made last: one that isn't there was removed. 0: none was made. */
  long lastMade();

  /**
   * The segments have been read, and nothing was cut or written anew yet.
   *
   * @param isTorn whether the last file ends inside a record, which is cut now
   * @param damage a number for what is missing or isn't whole otherwise, and stays so: the same one
   *     at the next start if nothing more happens; 0: nothing
   */
  void onScanned(boolean isTorn, long damage);

  /** A segment was made, and nothing was written to it yet. */
  void onMade(long number);
}
