package holdfast.network;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Limits what unauthenticated connections may ask of a node, in total and for each source address.
 * Safe on every thread.
 */
public final class StrangerGate {
  /** Connections in their handshake at once; the listener accepts no more until one is done. */
  static final int HALF_OPEN_MAX = 64;

  /** The same from one address. */
  static final int HALF_OPEN_PER_ADDRESS_MAX = 8;

  /** First messages a second and address that prove knowledge of the pool secret. */
  static final int HELLOS_PER_SECOND_MAX = 20;

  /** Time between two log lines about one source. */
  static final long LOG_EVERY_NS = TimeUnit.MINUTES.toNanos(10);

  private final Semaphore halfOpen = new Semaphore(HALF_OPEN_MAX, true);
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, Integer> halfOpenBySource = new HashMap<>();
  private final RateLimiter<Long> hellos =
      new RateLimiter<>(HELLOS_PER_SECOND_MAX, TimeUnit.SECONDS.toNanos(1));
  private final RateLimiter<Long> logs = new RateLimiter<>(1, LOG_EVERY_NS);

  /** Waits until one more connection may be accepted. */
  void awaitPlace() throws InterruptedException {
    halfOpen.acquire();
  }

  /** Gives the place back that {@link #awaitPlace} took and no connection used. */
  void leavePlace() {
    halfOpen.release();
  }

  /** Counts a connection from this address; false when it has too many: then it is not counted. */
  boolean enters(InetAddress address) {
    long source = sourceOf(address);
    lock.lock();
    try {
      int count = halfOpenBySource.getOrDefault(source, 0);
      if (count >= HALF_OPEN_PER_ADDRESS_MAX) {
        return false;
      }
      halfOpenBySource.put(source, count + 1);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** The connection is authenticated or gone; its place is free again. */
  void leaves(InetAddress address) {
    lock.lock();
    try {
      halfOpenBySource.computeIfPresent(
          sourceOf(address), (source, count) -> count == 1 ? null : count - 1);
    } finally {
      lock.unlock();
    }
    halfOpen.release();
  }

  /** True when this valid first message is within the address's rate. */
  boolean allowsHello(InetAddress address, long nowNs) {
    return hellos.allows(sourceOf(address), nowNs);
  }

  /** True when a line about this source may be logged now. */
  boolean allowsLog(InetAddress address, long nowNs) {
    return logs.allows(sourceOf(address), nowNs);
  }

  /** Connections in their handshake. */
  int halfOpenCount() {
    return HALF_OPEN_MAX - halfOpen.availablePermits();
  }

  /** What counts as one source: an IPv4 address, or an IPv6 network of 64 bits. */
  public static long sourceOf(InetAddress address) {
    byte[] bytes = address.getAddress();
    return address instanceof Inet6Address
        ? ByteBuffer.wrap(bytes).getLong()
        : ByteBuffer.wrap(bytes).getInt() & 0xFFFF_FFFFL;
  }
}
