package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.port.Loop;
import holdfast.port.OperationLog;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * The file of what is known of other peers' runs. It has an executor of its own: a snapshot may
 * take minutes to write, and no entry of the log is to wait for a force of this. Damaged it is
 * learnt again.
 */
final class KnownRunsFile {
  private static final SealedFile FILE =
      new SealedFile("known", "HFKNOWNR", OperationLog.KNOWN_BYTES_MAX, "others know it too");

  private final Disk disk;
  private final Executor executor;
  private final Loop loop;

  /** What waits to be written; null for nothing. */
  private final AtomicReference<Save> next = new AtomicReference<>();

  private record Save(byte[] known, Consumer<StorageException> done) {}

  /** {@code executor} runs one task at a time; {@code loop} is where outcomes come. */
  KnownRunsFile(Disk disk, Executor executor, Loop loop) {
    this.disk = disk;
    this.executor = executor;
    this.loop = loop;
  }

  /** What was saved last; empty for nothing. Blocks on the disk. */
  byte[] atStart() {
    return FILE.read(disk);
  }

  /**
   * Replaces it soon. What still waits then is replaced unwritten, and its outcome never reported.
   */
  void save(byte[] known, Consumer<StorageException> done) {
    if (next.getAndSet(new Save(known, done)) != null) {
      return;
    }
    try {
      executor.execute(this::write);
    } catch (RejectedExecutionException e) {
      next.set(null); // The next one is tried.
      var why = new StorageException(ErrorCode.BUSY, "save runs: too much waits for the disk", e);
      loop.post(() -> done.accept(why));
    }
  }

  private void write() {
    Save save = next.getAndSet(null);
    StorageException why = null;
    try {
      FILE.write(disk, save.known());
    } catch (RuntimeException | Error e) {
      why = DiskFailure.of(e);
    }
    StorageException outcome = why;
    loop.post(() -> save.done().accept(outcome));
  }
}
