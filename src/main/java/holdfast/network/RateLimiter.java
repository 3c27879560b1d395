package holdfast.network;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Limits the events of each source in each window of time. Pure but for its lock; safe on every
 * thread. What it remembers is bounded: when the table is full of sources whose window still runs,
 * an unknown source is refused.
 *
 * @param <K> what tells sources apart
 */
public final class RateLimiter<K> {
  /** Sources remembered at once. */
  public static final int SOURCES_MAX = 1_024;

  private static final class Window {
    private long startNs;
    private int count;
  }

  private final int eventsMax;
  private final long windowNs;
  private final ReentrantLock lock = new ReentrantLock();

  /** In the order in which their windows began. */
  private final Map<K, Window> windows = new LinkedHashMap<>();

  public RateLimiter(int eventsMax, long windowNs) {
    this.eventsMax = eventsMax;
    this.windowNs = windowNs;
  }

  /** True when this event of the source is within the limit; counts it. */
  public boolean allows(K source, long nowNs) {
    lock.lock();
    try {
      dropEnded(nowNs);
      Window window = windows.get(source);
      if (window == null) {
        if (windows.size() >= SOURCES_MAX) {
          return false;
        }
        window = new Window();
        window.startNs = nowNs;
        windows.put(source, window);
      }
      if (window.count >= eventsMax) {
        return false;
      }
      window.count++;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Sources remembered now. */
  public int sourceCount() {
    lock.lock();
    try {
      return windows.size();
    } finally {
      lock.unlock();
    }
  }

  private void dropEnded(long nowNs) {
    var oldest = windows.values().iterator();
    while (oldest.hasNext() && nowNs - oldest.next().startNs >= windowNs) {
      oldest.remove();
    }
  }
}
