package holdfast.crypto.seal;

import holdfast.model.ChunkSalt;
import holdfast.model.InstanceId;
import holdfast.util.ByteWriter;
import holdfast.util.Sha256;
import holdfast.util.WallClock;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Draws chunk salts: H(32 random bytes, instance id, counter, clock)[0..16), so that a cloned
 * machine with a cloned random state still doesn't repeat one. One for each process; thread-safe.
 */
public final class SaltSource {
  private static final int RANDOM_BYTES = 32;

  private final SecureRandom random;
  private final InstanceId instance;
  private final WallClock clock;
  private final AtomicLong counter = new AtomicLong();

  /** A source for this run of this process. */
  public SaltSource(SecureRandom random, InstanceId instance, WallClock clock) {
    this.random = random;
    this.instance = instance;
    this.clock = clock;
  }

  /** The next salt. */
  public ChunkSalt next() {
    byte[] drawn = new byte[RANDOM_BYTES];
    random.nextBytes(drawn);
    var out = new ByteWriter().raw(drawn);
    instance.write(out);
    out.u64(counter.incrementAndGet()).u64(clock.nowNs());
    return ChunkSalt.of(Arrays.copyOf(Sha256.of(out.toBytes()), ChunkSalt.BYTES));
  }
}
