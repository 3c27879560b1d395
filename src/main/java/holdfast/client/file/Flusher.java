package holdfast.client.file;

import holdfast.client.pool.Deadlines;
import holdfast.model.HoldfastException;
import holdfast.util.NamedThreads;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Saves in the background what has been unsaved for too long. One thread of its own. */
final class Flusher {
  /** Unsaved data is brought to the pool after this long at the latest. */
  static final long UNSAVED_MAX_NS = TimeUnit.SECONDS.toNanos(5);

  private static final long LOOK_EVERY_NS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final System.Logger LOG = System.getLogger(Flusher.class.getName());

  private final OpenFileTable files;
  private final WritePipeline pipeline;
  private final Deadlines deadlines;
  private final Thread thread;
  private volatile boolean isStopped;

  Flusher(OpenFileTable files, WritePipeline pipeline, Deadlines deadlines, NamedThreads threads) {
    this.files = files;
    this.pipeline = pipeline;
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
      List<OpenFile> old = files.all().stream().filter(file -> file.isDue(UNSAVED_MAX_NS)).toList();
      old.forEach(pipeline::saveAll); // side by side; the commits follow one by one
      for (OpenFile file : old) {
        if (!isStopped) {
          save(file);
        }
      }
    }
  }

  private void save(OpenFile file) {
    try {
      pipeline.flush(file, false, deadlines.begin());
    } catch (HoldfastException e) {
      // What is lost by it is noted for the handles; what is left is tried again in a while.
      LOG.log(Level.DEBUG, "save file in the background: {0}", e.getMessage());
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "save file in the background", e);
    }
  }
}
