package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.port.Loop;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;

/**
 * Small writes on the log's thread, in the order of its own, that may fail or never happen without
 * harm to the log: notes for the next start.
 */
final class BestEffortWrites {
  /** So long after a force it is noted how far the log is on the disk. */
  private static final long NOTE_FORCED_NS = 5_000_000_000L;

  private final LogStore log;
  private final Executor logDisk;
  private final Loop loop;
  private volatile boolean isClosed;
  private boolean isNoteDue; // loop thread

  BestEffortWrites(LogStore log, Executor logDisk, Loop loop) {
    this.log = log;
    this.logDisk = logDisk;
    this.loop = loop;
  }

  /** The work's outcome comes on the loop; BUSY if it isn't done. */
  void run(Runnable work, Consumer<StorageException> done) {
    try {
      logDisk.execute(() -> report(outcome(work), done));
    } catch (RejectedExecutionException e) {
      report(new StorageException(ErrorCode.BUSY, "use disk: was=busy, or it ends", e), done);
    }
  }

  private static StorageException outcome(Runnable work) {
    try {
      work.run();
      return null;
    } catch (RuntimeException | Error e) {
      return DiskFailure.of(e);
    }
  }

  private void report(StorageException whyOrNull, Consumer<StorageException> done) {
    loop.post(() -> done.accept(whyOrNull));
  }

  /** The log is forced now: that is noted a moment later, once for all until then. Loop thread. */
  void onForce() {
    if (!isNoteDue) {
      isNoteDue = true;
      loop.at(loop.nowNs() + NOTE_FORCED_NS, "note forced", this::noteForced);
    }
  }

  private void noteForced() {
    isNoteDue = false;
    if (!isClosed) {
      run(log::noteForced, why -> {}); // The next save of the state notes it.
    }
  }

  /** Nothing is noted from now on. */
  void close() {
    isClosed = true;
  }
}
