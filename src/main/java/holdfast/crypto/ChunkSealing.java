package holdfast.crypto;

import holdfast.model.ChunkId;
import holdfast.util.Invariants;
import holdfast.util.WallClock;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.ReentrantLock;
import javax.crypto.spec.SecretKeySpec;

/**
 * One chunk being sealed. Any number of threads may call {@link #sealBlock} at once, once for each
 * block, in any order; {@link #finish} is called once, after all of them have returned. Whoever
 * seals also hashes what is ready, while it is still in the processor's cache.
 */
public final class ChunkSealing {
  private static final int OPEN = 0;
  private static final int TAKEN = 1;
  private static final int SEALED = 2;
  private static final long NS_PER_S = 1_000_000_000L;

  private final CipherSuite suite;
  private final ChunkLayout layout;
  private final DataKey key;
  private final ChunkSalt salt;
  private final ChunkKeys keys;
  private final SecretKeySpec gcmKey;
  private final int plainBytes;
  private final SecureRandom random;
  private final WallClock clock;
  private final byte[] sealed;
  private final AtomicIntegerArray states;

  private final ReentrantLock hashing = new ReentrantLock();
  private final MessageDigest digest = Hashes.newSha256();
  private int hashedBlockCount;

  ChunkSealing(
      CipherSuite suite,
      DataKey key,
      ChunkSalt salt,
      int plainBytes,
      byte[] target,
      SecureRandom random,
      WallClock clock) {
    this.suite = suite;
    this.layout = ChunkLayout.of(suite);
    this.key = key;
    this.salt = salt;
    this.keys = new ChunkKeys(suite, key, salt);
    this.gcmKey = suite == CipherSuite.AES_256_GCM ? new SecretKeySpec(keys.gcmKey(), "AES") : null;
    this.plainBytes = plainBytes;
    this.random = random;
    this.clock = clock;
    Invariants.check(
        target.length == layout.sealedBytes(plainBytes),
        "seal chunk: expected=an array of its size, was=%s bytes",
        target.length);
    this.sealed = target;
    this.states = new AtomicIntegerArray(ChunkLayout.blockCount(plainBytes));
    System.arraycopy(keys.header(), 0, sealed, 0, ChunkLayout.HEADER_BYTES);
    digest.update(sealed, 0, ChunkLayout.HEADER_BYTES);
  }

  /** How many blocks there are to seal, 1 to 64. */
  public int blockCount() {
    return states.length();
  }

  /** The salt for the chunk's extents. */
  public ChunkSalt salt() {
    return salt;
  }

  /** Plaintext bytes of this block. */
  public int blockPlainBytes(int blockIndex) {
    return ChunkLayout.blockPlainBytes(blockIndex, plainBytes);
  }

  /** Seals {@link #blockPlainBytes} bytes of {@code plain} from {@code offset}. */
  public void sealBlock(int blockIndex, byte[] plain, int offset) {
    // Twice under one nonce would give the key away, so this is checked for good.
    Invariants.check(
        states.compareAndSet(blockIndex, OPEN, TAKEN), "block %s is sealed twice", blockIndex);
    int lengthBytes = blockPlainBytes(blockIndex);
    int start = layout.blockStart(blockIndex);
    int sealedBytes =
        switch (suite) {
          case FERNET -> sealFernet(blockIndex, plain, offset, lengthBytes, start);
          case AES_256_GCM -> sealGcm(blockIndex, plain, offset, lengthBytes, start);
        };
    Invariants.check(
        sealedBytes == layout.sealedBlockBytes(lengthBytes), "sealed block of %s", sealedBytes);
    states.set(blockIndex, SEALED);
    if (hashing.tryLock()) {
      try {
        hashReadyLocked();
      } finally {
        hashing.unlock();
      }
    }
  }

  /** The chunk, when every block is sealed. */
  public SealedChunk finish() {
    hashing.lock();
    try {
      hashReadyLocked();
      Invariants.check(
          hashedBlockCount == blockCount(), "chunk finished at block %s", hashedBlockCount);
      return new SealedChunk(ChunkId.of(digest.digest()), salt, key.id(), plainBytes, sealed);
    } finally {
      hashing.unlock();
    }
  }

  private int sealFernet(int blockIndex, byte[] plain, int offset, int lengthBytes, int start) {
    byte[] iv = new byte[FernetEngine.IV_BYTES];
    random.nextBytes(iv);
    long nowS = clock.nowNs() / NS_PER_S;
    var engine = FernetEngine.take();
    try {
      byte[] blockKey = keys.fernetKey(blockIndex);
      return engine.encrypt(blockKey, nowS, iv, plain, offset, lengthBytes, sealed, start);
    } finally {
      engine.giveBack();
    }
  }

  private int sealGcm(int blockIndex, byte[] plain, int offset, int lengthBytes, int start) {
    byte[] nonce = ChunkKeys.gcmNonce(blockIndex);
    var engine = GcmEngine.take();
    try {
      return engine.seal(gcmKey, nonce, keys.header(), plain, offset, lengthBytes, sealed, start);
    } finally {
      engine.giveBack();
    }
  }

  private void hashReadyLocked() {
    while (hashedBlockCount < blockCount() && states.get(hashedBlockCount) == SEALED) {
      int start = layout.blockStart(hashedBlockCount);
      int end = start + layout.sealedBlockBytes(blockPlainBytes(hashedBlockCount));
      for (int at = start; at < end; at += EnginePool.PIECE_BYTES) {
        digest.update(sealed, at, Math.min(EnginePool.PIECE_BYTES, end - at));
      }
      hashedBlockCount++;
    }
  }
}
