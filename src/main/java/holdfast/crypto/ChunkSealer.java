package holdfast.crypto;

import holdfast.util.WallClock;
import java.security.SecureRandom;
import java.util.List;

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

  /**
   * Seals {@code plainBytes} (1 to 4 MiB) of plaintext on this thread.
   *
   * @param blocks the plaintext, all blocks full but the last
   * @param target becomes the chunk's bytes; of the layout's size for {@code plainBytes}
   */
  public SealedChunk seal(List<byte[]> blocks, int plainBytes, byte[] target) {
    var sealing = begin(plainBytes, target);
    for (int i = 0; i < sealing.blockCount(); i++) {
      sealing.sealBlock(i, blocks.get(i), 0);
    }
    return sealing.finish();
  }

  /** Begins a chunk of {@code plainBytes} (1 to 4 MiB) whose blocks are then sealed one by one. */
  public ChunkSealing begin(int plainBytes) {
    return begin(plainBytes, new byte[ChunkLayout.of(suite).sealedBytes(plainBytes)]);
  }

  private ChunkSealing begin(int plainBytes, byte[] target) {
    return new ChunkSealing(suite, key, salts.next(), plainBytes, target, random, clock);
  }
}
