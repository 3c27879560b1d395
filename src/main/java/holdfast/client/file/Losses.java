package holdfast.client.file;

import holdfast.client.pool.SaveFailure;
import holdfast.model.HoldfastException;
import java.lang.System.Logger.Level;

/**
 * What is lost of what was written to one file, and whether anybody was told who answers for it.
 * Guarded by the file's lock.
 */
public final class Losses {
  private static final System.Logger LOG = System.getLogger(Losses.class.getName());

  private HoldfastException lastOrNull;
  private long count;
  private long forceTold;

  /** Says so to whoever reads the log: programs may have ended. Not under the file's lock. */
  static void log(long inode, HoldfastException why) {
    LOG.log(
        Level.WARNING,
        "file: something that was written is lost, inode={0}: {1}",
        Long.toString(inode),
        why.getMessage());
  }

  /** Something that was written is lost, whatever becomes of who wrote it. */
  public void add(HoldfastException why) {
    lastOrNull = SaveFailure.asLoss(why);
    count++;
  }

  /** How many there were: the number of the last one. */
  long count() {
    return count;
  }

  /** The number of the last one that an fsync has told, of whichever handle. */
  long forceTold() {
    return forceTold;
  }

  /** An fsync tells them all. */
  void tellForced() {
    forceTold = count;
  }

  /** The last one. */
  HoldfastException last() {
    return lastOrNull;
  }

  /** Throws the last one. */
  void throwLast() {
    throw new HoldfastException(lastOrNull.code(), lastOrNull.getMessage(), lastOrNull);
  }
}
