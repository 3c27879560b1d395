package holdfast.client.fuse;

import holdfast.client.api.PendingLock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Requests whose threads have gone on to others: they are answered when what they wait for happens,
 * or when the session ends. Any thread.
 */
final class ParkedRequests {
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, Parked> requests = new HashMap<>();
  private long nextId = 1;
  private boolean isClosed;

  private static final class Parked {
    final FuseRequest request;
    PendingLock pendingOrNull;
    boolean isInterrupted;

    Parked(FuseRequest request) {
      this.request = request;
    }
  }

  /** Only {@link #reply} and {@link #close} answer the request from now on. */
  long add(FuseRequest request) {
    lock.lock();
    try {
      long id = nextId++;
      if (!isClosed) {
        request.park();
        requests.put(id, new Parked(request));
      }
      return id;
    } finally {
      lock.unlock();
    }
  }

  /** It is answered by its own thread after all. */
  void remove(long id) {
    lock.lock();
    try {
      requests.remove(id);
    } finally {
      lock.unlock();
    }
  }

  /** What it waits for; ended at once if a signal has come already. */
  void started(long id, PendingLock pending) {
    boolean isInterrupted;
    lock.lock();
    try {
      Parked parked = requests.get(id);
      // The watchdog may have answered it until now: its thread was on it.
      isInterrupted = parked == null || parked.isInterrupted || parked.request.isClaimed();
      if (parked != null) {
        parked.pendingOrNull = pending;
      }
    } finally {
      lock.unlock();
    }
    if (isInterrupted) {
      pending.cancel();
    }
  }

  /**
   * A signal came for it. libfuse has a lock of the request meanwhile, so it isn't answered here.
   */
  void interrupt(long id) {
    PendingLock pending = null;
    lock.lock();
    try {
      Parked parked = requests.get(id);
      if (parked != null) {
        parked.isInterrupted = true;
        pending = parked.pendingOrNull;
      }
    } finally {
      lock.unlock();
    }
    if (pending != null) {
      pending.cancel();
    }
  }

  /**
   * Answers, unless that has happened: under the lock, so that the session isn't gone meanwhile.
   *
   * @return whether this was the answer
   */
  boolean reply(long id, int errno) {
    lock.lock();
    try {
      Parked parked = requests.remove(id);
      return parked != null && parked.request.reply(errno);
    } finally {
      lock.unlock();
    }
  }

  /** Refuses all with ENOTCONN; none is parked any more. */
  void close() {
    var pending = new ArrayList<PendingLock>();
    lock.lock();
    try {
      isClosed = true;
      for (Parked parked : requests.values()) {
        parked.request.reply(Errno.ENOTCONN);
        if (parked.pendingOrNull != null) {
          pending.add(parked.pendingOrNull);
        }
      }
      requests.clear();
    } finally {
      lock.unlock();
    }
    pending.forEach(PendingLock::cancel);
  }
}
