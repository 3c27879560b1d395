package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.NetworkException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/**
 * Bounds the memory for bodies: how many of each kind a node buffers at once. Separate kinds,
 * because a client's body waits for replicas' places on other nodes: with one kind, a ring of peers
 * that forward to each other could wait for ever. Waiting is done by a connection's reader, so that
 * TCP slows the sender down.
 */
final class BodyPermits {
  /** What a body belongs to; each kind waits only for kinds after it. */
  enum Kind {
    /** A client's request: buffered until it is answered and every forwarder has read it. */
    CLIENT,
    /** A peer's request: buffered until it is answered; depends on nothing but the own disk. */
    REPLICA,
    /** A reply to an own request: buffered while it arrives. */
    FETCHED
  }

  /** How often one who waits looks whether its connection is still open. */
  private static final long LOOK_MS = 1_000;

  private final Semaphore client;
  private final Semaphore replica;
  private final Semaphore fetched;

  BodyPermits(NetworkLimits limits) {
    client = new Semaphore(limits.clientBodiesMax(), true);
    replica = new Semaphore(limits.replicaBodiesMax(), true);
    fetched = new Semaphore(limits.fetchedBodiesMax(), true);
  }

  /**
   * Waits for a place, as long as {@code isWanted}; the returned task gives it back, once however
   * often it runs.
   */
  Runnable acquire(Kind kind, BooleanSupplier isWanted) {
    Semaphore places = placesOf(kind);
    try {
      while (!places.tryAcquire(LOOK_MS, TimeUnit.MILLISECONDS)) {
        if (!isWanted.getAsBoolean()) {
          throw new NetworkException(
              ErrorCode.UNREACHABLE, "receive body: expected=an open connection, was=closed");
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NetworkException(ErrorCode.SHUTTING_DOWN, "receive body: interrupted", e);
    }
    var isHeld = new AtomicBoolean(true);
    return () -> {
      if (isHeld.compareAndSet(true, false)) {
        places.release();
      }
    };
  }

  private Semaphore placesOf(Kind kind) {
    return switch (kind) {
      case CLIENT -> client;
      case REPLICA -> replica;
      case FETCHED -> fetched;
    };
  }
}
