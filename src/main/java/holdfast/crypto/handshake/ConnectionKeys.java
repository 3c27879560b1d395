package holdfast.crypto.handshake;

import holdfast.util.Invariants;
import holdfast.util.MonotonicClock;
import holdfast.util.WallClock;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The traffic secrets of one connection. Each direction is handed out once, because its sequence
 * numbers must never start again. Thread-safe.
 */
public final class ConnectionKeys {
  private final AtomicReference<byte[]> outbound;
  private final AtomicReference<byte[]> inbound;

  ConnectionKeys(byte[] outbound, byte[] inbound) {
    this.outbound = new AtomicReference<>(outbound);
    this.inbound = new AtomicReference<>(inbound);
  }

  /** The sealer of what this side sends; once. */
  public FrameSealer outbound(SecureRandom random, WallClock wall, MonotonicClock monotonic) {
    return new FrameSealer(taken(outbound), random, wall, monotonic);
  }

  /** The opener of what this side receives; once. */
  public FrameOpener inbound() {
    return new FrameOpener(taken(inbound));
  }

  private static byte[] taken(AtomicReference<byte[]> secret) {
    byte[] value = secret.getAndSet(null);
    Invariants.check(value != null, "keys of one direction asked for twice");
    return value;
  }
}
