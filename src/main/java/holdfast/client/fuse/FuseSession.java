package holdfast.client.fuse;

import holdfast.client.fuse.binding.LibFuse;
import holdfast.util.Invariants;
import holdfast.util.NamedThreads;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The request loop: platform threads that receive from the kernel and process, each one request at
 * a time. Starts with {@value #THREAD_COUNT_START}; when the last idle one gets work another is
 * started, up to {@value #THREAD_COUNT_MAX}, so that calls that wait for the pool don't keep others
 * from being seen; beyond {@value #THREAD_COUNT_IDLE_MAX} idle ones they end. Those that work on
 * abandoned calls don't count, up to as many again. Past the bound requests wait in the kernel. The
 * last thread to end destroys the session.
 */
final class FuseSession {
  static final int THREAD_COUNT_START = 4;
  static final int THREAD_COUNT_IDLE_MAX = 8;
  static final int THREAD_COUNT_MAX = 64;

  private static final Logger LOG = System.getLogger("holdfast.client.fuse");

  private final LibFuse library;
  private final StructLayouts layouts;
  private final NamedThreads threads;
  private final OperationTable table;
  private final AbandonedCalls abandoned;
  private final long session;
  private final long channel;
  private final FuseNotifier notifier;
  private final long receiveBytes;
  private final Set<Worker> workers = ConcurrentHashMap.newKeySet();
  private final AtomicInteger threadCount = new AtomicInteger();
  private final AtomicInteger idleCount = new AtomicInteger();
  private final AtomicInteger threadNumber = new AtomicInteger();
  private final CountDownLatch ended = new CountDownLatch(1);
  private final CountDownLatch drained = new CountDownLatch(1);

  FuseSession(
      LibFuse library,
      StructLayouts layouts,
      NamedThreads threads,
      OperationTable table,
      AbandonedCalls abandoned,
      long session,
      long channel) {
    this.library = library;
    this.layouts = layouts;
    this.threads = threads;
    this.table = table;
    this.abandoned = abandoned;
    this.session = session;
    this.channel = channel;
    this.notifier = new FuseNotifier(library, channel);
    this.receiveBytes = library.fuse_chan_bufsize(channel);
    Invariants.check(
        receiveBytes > 0, "start fuse session: expected=a buffer size, was=%d", receiveBytes);
  }

  void start() {
    // Counted before any runs: a fast end of the first must not look like the end of the last.
    threadCount.set(THREAD_COUNT_START);
    idleCount.set(THREAD_COUNT_START);
    for (int i = 0; i < THREAD_COUNT_START; i++) {
      startThread();
    }
  }

  /** Takes back what the kernel keeps, while the session lasts. */
  FuseNotifier notifier() {
    return notifier;
  }

  /** The workers of the running threads. */
  Iterable<Worker> workers() {
    return workers;
  }

  int threadCount() {
    return threadCount.get();
  }

  /** Opened when the mount is gone: the kernel ended the session, or it was detached. */
  CountDownLatch ended() {
    return ended;
  }

  /** Whether a request is being worked on. */
  boolean isBusy() {
    for (Worker worker : workers) {
      if (worker.current != null) {
        return true;
      }
    }
    return false;
  }

  /** Opened when the last thread has ended: no callback runs any more. */
  CountDownLatch drained() {
    return drained;
  }

  private void startThread() {
    threads.startPlatform("fuse-" + threadNumber.getAndIncrement(), this::run);
  }

  private void run() {
    Worker worker = null;
    try {
      worker = new Worker(layouts, receiveBytes);
      Worker.CURRENT.set(worker);
      workers.add(worker);
      while (serveOne(worker)) {
        // Until the kernel ends the session or there are threads enough.
      }
    } catch (Throwable e) {
      LOG.log(Level.ERROR, "fuse: request thread failed", e);
      throw e;
    } finally {
      if (worker != null) {
        workers.remove(worker);
        Worker.CURRENT.remove();
        worker.free();
      }
      if (threadCount.decrementAndGet() == 0) {
        end();
      }
    }
  }

  /** False when this thread is done. */
  private boolean serveOne(Worker worker) {
    NativeMemory.putLong(worker.channelHolder, channel);
    int count =
        library.fuse_chan_recv(worker.channelHolder, worker.receiveBuffer, worker.receiveBytes);
    if (count == -Errno.EINTR || count == -Errno.EAGAIN) {
      return true;
    }
    if (count <= 0) {
      if (count < 0) {
        LOG.log(Level.ERROR, "fuse: receive failed, errno={0}", -count);
      }
      ended.countDown();
      return false;
    }
    if (idleCount.decrementAndGet() == 0) {
      addThread();
    }
    library.fuse_session_process(session, worker.receiveBuffer, count, channel);
    if (idleCount.incrementAndGet() > THREAD_COUNT_IDLE_MAX) {
      if (idleCount.getAndDecrement() > THREAD_COUNT_IDLE_MAX) {
        return false;
      }
      idleCount.incrementAndGet();
    }
    return true;
  }

  /** A call was answered that has its thread until this returns: another may be needed instead. */
  void threadAbandoned() {
    if (idleCount.get() == 0) {
      addThread();
    }
  }

  private void addThread() {
    int countMax = THREAD_COUNT_MAX + Math.min(abandoned.callCount(), THREAD_COUNT_MAX);
    int count = threadCount.get();
    while (count < countMax) {
      if (threadCount.compareAndSet(count, count + 1)) {
        startCounted();
        return;
      }
      count = threadCount.get();
    }
  }

  private void startCounted() {
    boolean isStarted = false;
    idleCount.incrementAndGet();
    try {
      startThread();
      isStarted = true;
    } finally {
      if (!isStarted) { // the machine has no more
        idleCount.decrementAndGet();
        threadCount.decrementAndGet();
      }
    }
  }

  private void end() {
    ended.countDown();
    notifier.close();
    table.end();
    library.fuse_session_destroy(session);
    table.free();
    drained.countDown();
  }
}
