package holdfast.network;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Limits what unauthenticated connections may ask of a node, in total and for each source address.
 * Safe on every thread.
 *
 * <p>A connection is a stranger until its first message proves the pool's secret, then one that may
 * be a recording until its third proves that it isn't. Each stage has places of its own, so that
 * who has shown less never keeps out who has shown more.
 */
public final class StrangerGate {
  /** Connections without a valid first message at once. */
  static final int STRANGERS_MAX = 64;

  /** The same from one address. */
  static final int STRANGERS_PER_ADDRESS_MAX = 8;

  /** Connections with one, until their handshake is done. */
  static final int PROVED_MAX = 256;

  /** Connections of both kinds, and those that made room and are about to end. */
  static final int CONNECTIONS_MAX = STRANGERS_MAX + PROVED_MAX + STRANGERS_MAX;

  /** First messages a second and address that prove knowledge of the pool secret. */
  static final int HELLOS_PER_SECOND_MAX = 20;

  /** PROVED_MAX for one address: all are answered in 3 s, before their diallers give up. */
  static final int PROVED_PER_ADDRESS_MAX = 3 * HELLOS_PER_SECOND_MAX;

  /** Time between two log lines about one source. */
  static final long LOG_EVERY_NS = TimeUnit.MINUTES.toNanos(10);

  /** The connection that a place belongs to. Never blocks. */
  interface Holder {
    /** Bytes have come that were not looked at yet. */
    boolean hasUnread();

    /** Ends it: it had to make room. Called on the thread of who needs it. */
    void close();
  }

  /** One connection in its handshake. Its state is guarded by the gate's lock. */
  static final class Place {
    private final long source;
    private final Holder holder;
    private HandshakePlaces in;
    private boolean isProved;
    private boolean isAnswered;
    private boolean isFresh;

    private Place(long source, Holder holder) {
      this.source = source;
      this.holder = holder;
    }

    /** The address, as {@link #sourceOf} has it. */
    long source() {
      return source;
    }

    boolean isAnswered() {
      return isAnswered;
    }

    /**
     * False for who has proved that it isn't a recording, and where this node is late to read what
     * it was owed.
     */
    boolean mayHaveToGo() {
      boolean owesUs = !isProved || isAnswered;
      return !isFresh && !(owesUs && holder.hasUnread());
    }
  }

  private final Semaphore connections = new Semaphore(CONNECTIONS_MAX, true);
  private final ReentrantLock lock = new ReentrantLock();
  private final HandshakePlaces strangers =
      new HandshakePlaces(STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX);
  private final HandshakePlaces proved = new HandshakePlaces(PROVED_MAX, PROVED_PER_ADDRESS_MAX);
  private final RateLimiter<Long> hellos =
      new RateLimiter<>(HELLOS_PER_SECOND_MAX, TimeUnit.SECONDS.toNanos(1));
  private final RateLimiter<Long> logs = new RateLimiter<>(1, LOG_EVERY_NS);

  /** Waits until one more connection may be accepted: who made room ends soon. */
  void awaitConnection() throws InterruptedException {
    connections.acquire();
  }

  /** Gives back what {@link #awaitConnection} took and no connection used. */
  void unused() {
    connections.release();
  }

  /**
   * A connection from this address, of which nothing is known; null when nobody can make room yet,
   * because this node has still to read what came.
   */
  Place enters(InetAddress address, Holder holder) {
    var place = new Place(sourceOf(address), holder);
    return moveTo(strangers, place) ? place : null;
  }

  /** Its first message is valid: no stranger any more. False when it must go. */
  boolean proves(Place place) {
    return moveTo(proved, place);
  }

  /** Its third message is valid: no recording. It can't be made to go now. False when it was. */
  boolean provesFresh(Place place) {
    lock.lock();
    try {
      place.isFresh = place.in != null;
      return place.isFresh;
    } finally {
      lock.unlock();
    }
  }

  /** The connection is authenticated or gone. */
  void leaves(Place place) {
    lock.lock();
    try {
      takeOut(place);
    } finally {
      lock.unlock();
    }
    connections.release();
  }

  /** True when its valid first message may be answered: within the rate, and its turn. */
  boolean allowsHello(Place place, long nowNs) {
    lock.lock();
    try {
      boolean isItsTurn = place.in == proved && proved.unansweredBefore(place) == 0;
      place.isAnswered = isItsTurn && hellos.allows(place.source(), nowNs);
      return place.isAnswered;
    } finally {
      lock.unlock();
    }
  }

  /** How many of the same address are answered before this one; less than 0 when it had to go. */
  int hellosBefore(Place place) {
    lock.lock();
    try {
      return place.in == proved ? proved.unansweredBefore(place) : -1;
    } finally {
      lock.unlock();
    }
  }

  /** True when a line about this source may be logged now. */
  boolean allowsLog(InetAddress address, long nowNs) {
    return logs.allows(sourceOf(address), nowNs);
  }

  /** Connections without a valid first message. */
  int strangerCount() {
    lock.lock();
    try {
      return strangers.count();
    } finally {
      lock.unlock();
    }
  }

  /** What counts as one source: an IPv4 address, or an IPv6 network of 64 bits. */
  public static long sourceOf(InetAddress address) {
    byte[] bytes = address.getAddress();
    return address instanceof Inet6Address
        ? ByteBuffer.wrap(bytes).getLong()
        : ByteBuffer.wrap(bytes).getInt() & 0xFFFF_FFFFL;
  }

  /** Gives it a place there, if need be another one's; false when there is none, or it was made. */
  private boolean moveTo(HandshakePlaces there, Place place) {
    Place goes = null;
    lock.lock();
    try {
      boolean isNew = there == strangers;
      if (!isNew && place.in == null) {
        return false; // it had to go
      }
      takeOut(place);
      if (there.isFull(place.source())) {
        goes = there.oldestToGo(place.source());
        if (goes == null) {
          return false;
        }
        takeOut(goes);
      }
      there.add(place);
      place.in = there;
      place.isProved = !isNew;
    } finally {
      lock.unlock();
    }
    if (goes != null) {
      goes.holder.close();
    }
    return true;
  }

  private static void takeOut(Place place) {
    if (place.in != null) {
      place.in.remove(place);
      place.in = null;
    }
  }
}
