package holdfast.crypto;

import holdfast.model.PoolId;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import java.util.List;

/**
 * The pool secret of one epoch and what is derived from it. It keeps strangers out and admits
 * nobody. Immutable, any thread.
 */
public final class PoolSecret {
  /** Size in bytes. */
  public static final int BYTES = 32;

  /** Epochs alive at once, at most. */
  public static final int EPOCHS_MAX = 16;

  private final PoolId pool;
  private final int epoch;
  private final byte[] secret;
  private final byte[] gateKey;
  private final byte[] discoveryKey;
  private final byte[] handshakeSalt;

  /** The secret of this pool and epoch (1 or more). */
  public PoolSecret(PoolId pool, int epoch, byte[] secret) {
    Invariants.check(secret.length == BYTES, "pool secret has %s bytes, not 32", secret.length);
    Invariants.check(epoch > 0, "epoch %s of a pool secret", epoch);
    this.pool = pool;
    this.epoch = epoch;
    this.secret = secret.clone();
    byte[] prk = Hashes.extract(pool.toBytes(), secret);
    gateKey = Hashes.expand(prk, "gate");
    discoveryKey = Hashes.expand(prk, "discovery");
    byte[] salt = Sha256.of(Hashes.ascii("holdfast/1"), pool.toBytes());
    handshakeSalt = Hashes.extract(salt, secret);
  }

  /** The pool it belongs to. */
  public PoolId pool() {
    return pool;
  }

  /** Its number, 1 or more, growing with each rotation. */
  public int epoch() {
    return epoch;
  }

  /** Kdisc, the Fernet key of discovery datagrams; a copy. */
  public byte[] discoveryKey() {
    return discoveryKey.clone();
  }

  public byte[] secret() {
    return secret;
  }

  public byte[] gateKey() {
    return gateKey;
  }

  /** X(H("holdfast/1", pool id), PS). */
  public byte[] handshakeSalt() {
    return handshakeSalt;
  }

  /** Checks a list of live secrets: 1 to 16, newest first. */
  public static List<PoolSecret> checked(List<PoolSecret> secrets) {
    Invariants.check(
        !secrets.isEmpty() && secrets.size() <= EPOCHS_MAX, "%s pool secrets", secrets.size());
    for (int i = 1; i < secrets.size(); i++) {
      Invariants.check(
          secrets.get(i).epoch < secrets.get(i - 1).epoch, "pool secrets not newest first");
    }
    return List.copyOf(secrets);
  }

  @Override
  public String toString() {
    return "pool secret of " + pool.shortForm() + " epoch " + epoch;
  }
}
