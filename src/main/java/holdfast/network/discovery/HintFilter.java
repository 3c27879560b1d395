package holdfast.network.discovery;

import holdfast.crypto.Fernet;
import holdfast.model.InstanceId;
import holdfast.network.RateLimiter;
import holdfast.network.StrangerGate;
import holdfast.util.BoundedMap;
import holdfast.util.ByteReader;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Filters datagrams, which anybody can send: opens them, drops what is repeated, too much or from
 * elsewhere. Pure but for its lock: no socket, no clock of its own. Safe on every thread.
 */
final class HintFilter {
  /** Answers sent to one source in a second. */
  static final int ANSWERS_PER_SECOND_MAX = 10;

  /** Hints passed on in a second: each may cause a dial. */
  static final int HINTS_PER_SECOND_MAX = 4;

  /** Age of a request beyond which an answer to it doesn't count. */
  static final long ANSWER_FRESH_NS = TimeUnit.SECONDS.toNanos(5);

  /** Own requests remembered. */
  static final int REQUESTS_MAX = 64;

  private final Supplier<List<byte[]>> keys;
  private final InstanceId self;
  private final ReentrantLock lock = new ReentrantLock();
  private final ReplayWindow seen = new ReplayWindow();
  private final RateLimiter<Long> answers =
      new RateLimiter<>(ANSWERS_PER_SECOND_MAX, TimeUnit.SECONDS.toNanos(1));
  private final RateLimiter<Boolean> hints =
      new RateLimiter<>(HINTS_PER_SECOND_MAX, TimeUnit.SECONDS.toNanos(1));
  private final Map<Nonce, Long> requests = BoundedMap.of(REQUESTS_MAX);
  private final AtomicLong strangerCount = new AtomicLong();

  /** {@code keys} gives the discovery keys of the live epochs, the newest first. */
  HintFilter(Supplier<List<byte[]>> keys, InstanceId self) {
    this.keys = keys;
    this.self = self;
  }

  /** Datagrams that had the form of ours and opened under no key: another pool is near. */
  long strangerCount() {
    return strangerCount.get();
  }

  /** An own request was sent: answers to it count for a while. */
  void requested(Nonce nonce, long nowNs) {
    lock.lock();
    try {
      requests.put(nonce, nowNs);
    } finally {
      lock.unlock();
    }
  }

  /** The datagram's content if it is one of this pool, new and of another process. */
  Optional<Datagram> open(byte[] datagram, int lengthBytes, long nowNs) {
    Optional<byte[]> plain = decrypt(datagram, lengthBytes);
    if (plain.isEmpty()) {
      return Optional.empty();
    }
    Datagram content;
    try {
      content = Datagram.decode(plain.get());
    } catch (ByteReader.Malformed e) {
      return Optional.empty();
    }
    if (content.header().instance().equals(self)) {
      return Optional.empty();
    }
    if (content instanceof Datagram.Request && lengthBytes < Datagram.REQUEST_MIN_BYTES) {
      return Optional.empty();
    }
    lock.lock();
    try {
      return seen.isFresh(content.header().nonce(), nowNs)
          ? Optional.of(content)
          : Optional.empty();
    } finally {
      lock.unlock();
    }
  }

  /** Whether a request is answered: there is room, it is from near by, and not one too many. */
  boolean deservesAnswer(
      Datagram.Request request, InetAddress source, Subnets attached, long freeBytes, long nowNs) {
    return request.spaceNeededBytes() <= freeBytes
        && attached.contains(source)
        && answers.allows(StrangerGate.sourceOf(source), nowNs);
  }

  /** Whether an answer is to one of our requests, and in time. */
  boolean isWanted(Datagram.Answer answer, long nowNs) {
    lock.lock();
    try {
      Long sentNs = requests.get(answer.request());
      return sentNs != null && nowNs - sentNs <= ANSWER_FRESH_NS;
    } finally {
      lock.unlock();
    }
  }

  /** Whether one more hint may be passed on now. */
  boolean allowsHint(long nowNs) {
    return hints.allows(true, nowNs);
  }

  private Optional<byte[]> decrypt(byte[] datagram, int lengthBytes) {
    if (lengthBytes < Fernet.OVERHEAD_BYTES
        || lengthBytes > Datagram.MAX_BYTES
        || datagram[0] != (byte) 0x80) {
      return Optional.empty();
    }
    for (byte[] key : keys.get()) {
      Optional<byte[]> plain = Fernet.decrypt(key, datagram, 0, lengthBytes);
      if (plain.isPresent()) {
        return plain;
      }
    }
    strangerCount.incrementAndGet();
    return Optional.empty();
  }
}
