package holdfast.network;

import holdfast.crypto.handshake.HandshakeFormat;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.util.NamedThreads;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Does the RSA work of answered handshakes on one platform thread, fairly between the addresses
 * they come from. Safe on every thread.
 */
final class RsaQueue {
  /** Handshakes that wait for the thread. */
  static final int WAITING_MAX = HandshakeFormat.WAITS_MAX;

  /** Told that a place went down. */
  interface Progress {
    void onPlace(int place) throws IOException;
  }

  private record Job(long source, Supplier<byte[]> work, CompletableFuture<byte[]> done) {}

  private final NamedThreads threads;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final FairQueue<Job> waiting = new FairQueue<>(WAITING_MAX);
  private boolean isStarted;
  private boolean isClosed;

  RsaQueue(NamedThreads threads) {
    this.threads = threads;
  }

  /**
   * Does {@code work} when its turn comes, and waits for that: as long as its place goes down, and
   * for {@code silence} without. {@code progress} is told on this thread.
   *
   * @throws NetworkException BUSY when it had to give way, SHUTTING_DOWN
   * @throws IOException that {@code progress} threw, or when its place stayed the same for too long
   */
  byte[] run(long source, Supplier<byte[]> work, Silence silence, Progress progress)
      throws IOException {
    var job = new Job(source, work, new CompletableFuture<>());
    int lowest = submit(job);
    try {
      while (true) {
        byte[] made = look(job, silence);
        if (made != null) {
          return made;
        }
        int place = placeOf(job);
        if (place < lowest && !job.done().isDone()) {
          lowest = place;
          silence.broken();
          progress.onPlace(place);
        } else if (silence.isOver() && !job.done().isDone()) {
          throw new SocketTimeoutException(
              "accept session: expected=a place that goes down within "
                  + silence.max()
                  + ", was="
                  + place
                  + " all the time");
        }
      }
    } finally {
      forget(job);
    }
  }

  /** Does no more; who waits is told so. */
  void close() {
    var told = new ArrayList<Job>();
    lock.lock();
    try {
      isClosed = true;
      for (Job job = waiting.poll(); job != null; job = waiting.poll()) {
        told.add(job);
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    told.forEach(job -> job.done().completeExceptionally(closed()));
  }

  /** Jobs that wait for their turn. */
  int waitingCount() {
    lock.lock();
    try {
      return waiting.count();
    } finally {
      lock.unlock();
    }
  }

  /** Returns its place. */
  private int submit(Job job) {
    Job refused;
    int place;
    lock.lock();
    try {
      if (isClosed) {
        throw closed();
      }
      if (!isStarted) {
        isStarted = true;
        threads.startPlatform("rsa", this::workAll);
      }
      refused = waiting.offer(job.source(), job);
      place = waiting.placeOf(job.source(), job);
      changed.signal();
    } finally {
      lock.unlock();
    }
    if (refused != null) {
      refused
          .done()
          .completeExceptionally(
              new NetworkException(
                  ErrorCode.BUSY,
                  "accept session: expected=at most "
                      + WAITING_MAX
                      + " waiting, was=more, most of them from this address"));
    }
    return place;
  }

  /** Waits for one look; null when it isn't done yet. */
  private static byte[] look(Job job, Silence silence) {
    try {
      return job.done().get(silence.lookNs(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      return null;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof HoldfastException cause) {
        throw cause;
      }
      throw new IllegalStateException("accept session: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NetworkException(ErrorCode.SHUTTING_DOWN, "accept session: interrupted", e);
    } finally {
      silence.looked();
    }
  }

  /** 0 while it is done, and afterwards. */
  private int placeOf(Job job) {
    lock.lock();
    try {
      return waiting.placeOf(job.source(), job);
    } finally {
      lock.unlock();
    }
  }

  private void forget(Job job) {
    lock.lock();
    try {
      waiting.remove(job.source(), job);
    } finally {
      lock.unlock();
    }
  }

  private void workAll() {
    for (Job job = next(); job != null; job = next()) {
      try {
        job.done().complete(job.work().get());
      } catch (RuntimeException | Error e) {
        job.done().completeExceptionally(e); // thrown where it is waited for
      }
    }
  }

  /** The next job; null when closed. */
  private Job next() {
    lock.lock();
    try {
      while (!isClosed && waiting.count() == 0) {
        changed.awaitUninterruptibly();
      }
      return waiting.poll();
    } finally {
      lock.unlock();
    }
  }

  private static NetworkException closed() {
    return new NetworkException(ErrorCode.SHUTTING_DOWN, "accept session: this node stops");
  }
}
