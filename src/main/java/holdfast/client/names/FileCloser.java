package holdfast.client.names;

import holdfast.client.file.AppendGate;
import holdfast.client.file.FileHandle;
import holdfast.client.file.OpenFiles;
import holdfast.client.file.WriteBack;
import holdfast.client.pool.Waits;
import holdfast.model.HoldfastException;
import java.lang.System.Logger.Level;

/** The end of handles: what was written is saved, or given up, and what was locked released. */
public final class FileCloser {
  private static final System.Logger LOG = System.getLogger(FileCloser.class.getName());

  private final OpenFiles files;
  private final Holds holds;
  private final WriteBack writeBack;
  private final LockCalls lockCalls;
  private final LockWaits lockWaits;
  private final Waits waits;

  public FileCloser(
      OpenFiles files,
      Holds holds,
      WriteBack writeBack,
      LockCalls lockCalls,
      LockWaits lockWaits,
      Waits waits) {
    this.files = files;
    this.holds = holds;
    this.writeBack = writeBack;
    this.lockCalls = lockCalls;
    this.lockWaits = lockWaits;
    this.waits = waits;
  }

  /** Closes a handle; a failure to save is logged only. Blocks until its deadline at most. */
  public void release(long handle) {
    FileHandle open = files.handle(handle);
    try {
      if (open.content.isNameless() && files.isLast(open)) {
        writeBack.giveUp(open.content);
      } else if (open.content.isUnsaved()) {
        AppendGate.settle(open);
        writeBack.flush(open.content, false, waits.deadlineNs());
      }
    } catch (HoldfastException e) {
      LOG.log(
          Level.WARNING,
          "close file: not all was saved, inode={0}: {1}",
          Long.toString(open.content.inode),
          e.getMessage());
    } finally {
      close(open, handle);
      if (lockCalls.released(open)) {
        lockWaits.wake(open.content.inode);
      }
    }
  }

  /**
   * Closes a handle that no lock was set through, and gives up what isn't saved if no other has the
   * file open: nobody saves it, so it mustn't come after the next lock, nor keep memory. Never
   * waits.
   */
  void drop(long handle) {
    close(files.handle(handle), handle);
  }

  private void close(FileHandle open, long handle) {
    if (holds.close(handle)) {
      writeBack.giveUp(open.content);
    }
  }

  /** Closes a handle, and gives up what isn't saved if no other has the file open. Never waits. */
  public void abandon(long handle) {
    FileHandle open = files.handle(handle);
    close(open, handle);
    lockCalls.abandoned(open);
  }
}
