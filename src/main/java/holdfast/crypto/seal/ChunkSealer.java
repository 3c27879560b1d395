package holdfast.crypto.seal;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.DataKey;
import holdfast.crypto.FernetEngine;
import holdfast.crypto.GcmEngine;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import holdfast.util.WallClock;
import java.security.SecureRandom;
import java.util.List;
import javax.crypto.spec.SecretKeySpec;

/** Seals chunks with one suite and data key, each under a fresh salt. Thread-safe. */
public final class ChunkSealer {
  private static final long NS_PER_S = 1_000_000_000L;

  private final CipherSuite suite;
  private final ChunkLayout layout;
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
    this.layout = ChunkLayout.of(suite);
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
    Invariants.check(
        target.length == layout.sealedBytes(plainBytes),
        "seal chunk: expected=an array of its size, was=%s bytes",
        target.length);
    ChunkSalt salt = salts.next();
    var keys = new ChunkKeys(suite, key, salt);
    var gcmKey = suite == CipherSuite.AES_256_GCM ? new SecretKeySpec(keys.gcmKey(), "AES") : null;
    var hash = new Sha256();
    System.arraycopy(keys.header(), 0, target, 0, ChunkLayout.HEADER_BYTES);
    hash.update(target, 0, ChunkLayout.HEADER_BYTES);
    int end = ChunkLayout.HEADER_BYTES;
    for (int i = 0; i < ChunkLayout.blockCount(plainBytes); i++) {
      // A block's number is its nonce: twice under one would give the key away.
      Invariants.check(layout.blockStart(i) == end, "block %s is sealed behind %s bytes", i, end);
      int lengthBytes = ChunkLayout.blockPlainBytes(i, plainBytes);
      int sealedBytes =
          switch (suite) {
            case FERNET -> sealFernet(keys.fernetKey(i), blocks.get(i), lengthBytes, target, end);
            case AES_256_GCM -> {
              byte[] nonce = ChunkKeys.gcmNonce(i);
              byte[] header = keys.header();
              yield sealGcm(gcmKey, nonce, header, blocks.get(i), lengthBytes, target, end);
            }
          };
      hash.update(target, end, sealedBytes); // while it is in the processor's cache
      end += sealedBytes;
    }
    Invariants.check(end == target.length, "chunk was sealed to %s bytes", end);
    return new SealedChunk(ChunkId.of(hash.digest()), salt, key.id(), plainBytes, target);
  }

  private int sealFernet(byte[] blockKey, byte[] plain, int lengthBytes, byte[] target, int start) {
    byte[] iv = new byte[FernetEngine.IV_BYTES];
    random.nextBytes(iv);
    long nowS = clock.nowNs() / NS_PER_S;
    var engine = FernetEngine.acquire();
    try {
      return engine.encrypt(blockKey, nowS, iv, plain, 0, lengthBytes, target, start);
    } finally {
      engine.release();
    }
  }

  private static int sealGcm(
      SecretKeySpec key,
      byte[] nonce,
      byte[] header,
      byte[] plain,
      int lengthBytes,
      byte[] target,
      int start) {
    var engine = GcmEngine.acquire();
    try {
      return engine.seal(key, nonce, header, plain, 0, lengthBytes, target, start);
    } finally {
      engine.release();
    }
  }
}
