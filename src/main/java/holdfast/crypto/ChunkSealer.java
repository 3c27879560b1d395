package holdfast.crypto;

import holdfast.util.WallClock;
import java.security.SecureRandom;

/** Seals chunks with one suite and data key, each under a fresh salt. Thread-safe. */
public final class ChunkSealer {
  private final CipherSuite suite;
  private final DataKey key;
  private final SaltSource salts;
  private final SecureRandom random;
  private final WallClock clock;

  /**
   * A sealer.
   *
   * @param random draws the IVs of Fernet blocks
   * @param clock the timestamp in Fernet blocks, which nobody checks
   */
  public ChunkSealer(
      CipherSuite suite, DataKey key, SaltSource salts, SecureRandom random, WallClock clock) {
    this.suite = suite;
    this.key = key;
    this.salts = salts;
    this.random = random;
    this.clock = clock;
  }

  /** Seals {@code lengthBytes} (1 to 4 MiB) of plaintext on this thread. */
  public SealedChunk seal(byte[] plain, int offset, int lengthBytes) {
    var sealing = begin(lengthBytes);
    for (int i = 0; i < sealing.blockCount(); i++) {
      sealing.sealBlock(i, plain, offset + i * ChunkLayout.BLOCK_PLAIN_BYTES);
    }
    return sealing.finish();
  }

  /** Begins a chunk of {@code plainBytes} (1 to 4 MiB) whose blocks are then sealed one by one. */
  public ChunkSealing begin(int plainBytes) {
    return new ChunkSealing(suite, key, salts.next(), plainBytes, random, clock);
  }
}
