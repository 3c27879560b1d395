package holdfast.client.names;

import holdfast.client.file.FileHandle;
import holdfast.client.file.OpenFileTable;
import holdfast.client.file.WritePipeline;
import holdfast.client.pool.Deadlines;
import holdfast.model.HoldfastException;
import java.lang.System.Logger.Level;
import java.util.concurrent.atomic.AtomicInteger;

/** Closes handles: what was written is saved or reverted, and what was locked is released. */
public final class FileCloser {
  private static final System.Logger LOG = System.getLogger(FileCloser.class.getName());

  /** Releases that wait for a pool out of reach, at once: each has a thread of the mount's. */
  private static final int PATIENT_MAX = 16;

  private final OpenFileTable files;
  private final OrphanPins pins;
  private final WritePipeline pipeline;
  private final LockManager lockManager;
  private final LockWaits lockWaits;
  private final Deadlines deadlines;
  private final AtomicInteger patientCount = new AtomicInteger();

  public FileCloser(
      OpenFileTable files,
      OrphanPins pins,
      WritePipeline pipeline,
      LockManager lockManager,
      LockWaits lockWaits,
      Deadlines deadlines) {
    this.files = files;
    this.pins = pins;
    this.pipeline = pipeline;
    this.lockManager = lockManager;
    this.lockWaits = lockWaits;
    this.deadlines = deadlines;
  }

  /**
   * Closes a handle; a failure to save is logged only. Blocks until its deadline at most: no
   * program waits for it, and what isn't saved now is lost, so some wait also for a pool that is
   * out of reach.
   */
  public void release(long handle) {
    FileHandle open = files.handle(handle);
    boolean isPatient = patientCount.incrementAndGet() <= PATIENT_MAX;
    try {
      if (open.file().links().isNameless() && files.isLast(open)) {
        pipeline.revert(open.file());
      } else if (open.file().status().isUnsaved()) {
        open.file().endAppend(open);
        pipeline.flush(open.file(), false, isPatient ? deadlines.inFull() : deadlines.begin());
      }
    } catch (HoldfastException e) {
      LOG.log(
          Level.WARNING,
          "close file: not all was saved, inode={0}: {1}",
          Long.toString(open.inode()),
          e.getMessage());
    } finally {
      patientCount.decrementAndGet();
      close(open, handle);
      if (lockManager.released(open)) {
        lockWaits.wake(open.inode());
      }
    }
  }

  /**
   * Closes a handle that no lock was set through, and reverts what isn't saved if no other has the
   * file open: no handle would save it, so it mustn't come after the next lock, nor keep memory.
   * Never waits.
   */
  void drop(long handle) {
    close(files.handle(handle), handle);
  }

  private void close(FileHandle open, long handle) {
    if (pins.close(handle)) {
      pipeline.revert(open.file());
    }
  }

  /** Closes a handle, and reverts what isn't saved if no other has the file open. Never waits. */
  public void abandon(long handle) {
    FileHandle open = files.handle(handle);
    close(open, handle);
    lockManager.abandoned(open);
  }
}
