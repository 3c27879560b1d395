package holdfast.client.file;

import holdfast.client.pool.Deadlines;
import holdfast.model.HoldfastException;
import holdfast.util.NamedThreads;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Saves in the background what has been unsaved for too long. One thread of its own. */
public final class Flusher {
  /** Unsaved data is brought to the pool after this long at the latest. */
  static final long UNSAVED_MAX_NS = TimeUnit.SECONDS.toNanos(5);

  private static final long LOOK_EVERY_NS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final System.Logger LOG = System.getLogger(Flusher.class.getName());

  private final OpenFileTable files;
  private final WriteBack writeBack;
  private final Deadlines deadlines;
  private final Thread thread;
  private volatile boolean isStopped;

  public Flusher(
      OpenFileTable files, WriteBack writeBack, Deadlines deadlines, NamedThreads threads) {
    this.files = files;
    this.writeBack = writeBack;
    this.deadlines = deadlines;
    this.thread = threads.startPlatform("flusher", this::run);
  }

  public void stop() {
    isStopped = true;
    LockSupport.unpark(thread);
  }

  private void run() {
    while (!isStopped) {
      LockSupport.parkNanos(LOOK_EVERY_NS);
      List<FileContent> old = files.all().stream().filter(this::isOld).toList();
      old.forEach(writeBack::saveAll); // side by side; the commits follow one by one
      for (FileContent content : old) {
        if (!isStopped) {
          save(content);
        }
      }
    }
  }

  private void save(FileContent content) {
    try {
      writeBack.flush(content, false, deadlines.deadlineNs());
    } catch (HoldfastException e) {
      // What is lost by it is noted for the handles; what is left is tried again in a while.
      LOG.log(Level.DEBUG, "save file in the background: {0}", e.getMessage());
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "save file in the background", e);
    }
  }

  private boolean isOld(FileContent content) {
    content.lock.lock();
    try {
      boolean isOld =
          content.isUnsaved() && deadlines.nowNs() - content.dirtySinceNs > UNSAVED_MAX_NS;
      if (isOld) {
        content.dirtySinceNs = deadlines.nowNs();
      }
      return isOld;
    } finally {
      content.lock.unlock();
    }
  }
}
