package holdfast.network.discovery;

import holdfast.util.BoundedMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Remembers the nonces of the datagrams seen lately, so that a repeated one is dropped. Pure; one
 * thread.
 */
final class ReplayWindow {
  /** Nonces remembered at most; the oldest gives way. */
  static final int NONCES_MAX = 4_096;

  /** How long a nonce is remembered. */
  static final long REMEMBERED_NS = TimeUnit.MINUTES.toNanos(10);

  private final Map<Nonce, Long> seen = BoundedMap.of(NONCES_MAX);

  /** True the first time a nonce is shown within {@link #REMEMBERED_NS}. */
  boolean isFresh(Nonce nonce, long nowNs) {
    var oldest = seen.values().iterator();
    while (oldest.hasNext() && nowNs - oldest.next() >= REMEMBERED_NS) {
      oldest.remove();
    }
    if (seen.containsKey(nonce)) {
      return false;
    }
    seen.put(nonce, nowNs);
    return true;
  }

  /** Nonces remembered now. */
  int size() {
    return seen.size();
  }
}
