package holdfast.crypto.seal;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.Fernet;
import holdfast.util.Invariants;

/**
 * The size arithmetic of sealed chunks of one suite: a header of 32 bytes, then blocks of 64 KiB of
 * plaintext each, all full but the last. Immutable, any thread.
 */
public final class ChunkLayout {
  /** Bytes before the first block. */
  public static final int HEADER_BYTES = 32;

  /** Plaintext bytes of a full block. */
  public static final int BLOCK_PLAIN_BYTES = 65_536;

  /** Blocks in a chunk at most. */
  public static final int BLOCK_COUNT_MAX = 64;

  /** Plaintext bytes in a chunk at most: 4 MiB. */
  public static final int CHUNK_PLAIN_BYTES_MAX = BLOCK_COUNT_MAX * BLOCK_PLAIN_BYTES;

  /** Sealed bytes of a chunk at most, whatever its suite. */
  public static final int CHUNK_SEALED_BYTES_MAX =
      HEADER_BYTES + BLOCK_COUNT_MAX * (BLOCK_PLAIN_BYTES + 16 + Fernet.OVERHEAD_BYTES);

  static final int GCM_TAG_BYTES = 16;

  private final CipherSuite suite;

  private ChunkLayout(CipherSuite suite) {
    this.suite = suite;
  }

  /** The layout of chunks sealed with this suite. */
  public static ChunkLayout of(CipherSuite suite) {
    return new ChunkLayout(suite);
  }

  /** A range of blocks, {@code first} included, {@code end} not. */
  public record Blocks(int first, int end) {
    /** How many. */
    public int count() {
      return end - first;
    }
  }

  /** A range of sealed bytes inside a chunk. */
  public record Bytes(int offset, int lengthBytes) {}

  /** Sealed size in bytes of one block of {@code plainBytes} (1 to 65,536). */
  public int sealedBlockBytes(int plainBytes) {
    checkRange(plainBytes, BLOCK_PLAIN_BYTES);
    return switch (suite) {
      case FERNET -> Fernet.tokenBytes(plainBytes);
      case AES_256_GCM -> plainBytes + GCM_TAG_BYTES;
    };
  }

  /** Where block {@code blockIndex} (0 to 64) starts in the sealed chunk, if it is there. */
  public int blockStart(int blockIndex) {
    Invariants.check(
        blockIndex >= 0 && blockIndex <= BLOCK_COUNT_MAX, "block index %s of a chunk", blockIndex);
    return HEADER_BYTES + blockIndex * sealedBlockBytes(BLOCK_PLAIN_BYTES);
  }

  /** Number of blocks of a chunk of {@code plainBytes} (1 to 4 MiB). */
  public static int blockCount(int plainBytes) {
    checkRange(plainBytes, CHUNK_PLAIN_BYTES_MAX);
    return (plainBytes + BLOCK_PLAIN_BYTES - 1) / BLOCK_PLAIN_BYTES;
  }

  /** Plaintext bytes of block {@code blockIndex} of a chunk of {@code plainBytes}. */
  public static int blockPlainBytes(int blockIndex, int plainBytes) {
    Invariants.check(
        blockIndex >= 0 && blockIndex < blockCount(plainBytes), "block %s of chunk", blockIndex);
    return Math.min(BLOCK_PLAIN_BYTES, plainBytes - blockIndex * BLOCK_PLAIN_BYTES);
  }

  /** Sealed size in bytes of a chunk of {@code plainBytes} (1 to 4 MiB). */
  public int sealedBytes(int plainBytes) {
    int last = blockCount(plainBytes) - 1;
    return blockStart(last) + sealedBlockBytes(blockPlainBytes(last, plainBytes));
  }

  /** The blocks that hold {@code lengthBytes} (1 or more) of plaintext from {@code plainOffset}. */
  public static Blocks blocksFor(int plainOffset, int lengthBytes) {
    Invariants.check(
        plainOffset >= 0 && lengthBytes > 0 && lengthBytes <= CHUNK_PLAIN_BYTES_MAX - plainOffset,
        "plain range %s+%s of a chunk",
        plainOffset,
        lengthBytes);
    int last = (plainOffset + lengthBytes - 1) / BLOCK_PLAIN_BYTES;
    return new Blocks(plainOffset / BLOCK_PLAIN_BYTES, last + 1);
  }

  /**
   * The sealed bytes of a block range in a chunk of {@code chunkSealedBytes}: cut at the chunk's
   * end, which only its last block may reach.
   *
   * @throws IllegalArgumentException if no byte of the first block is in the chunk
   */
  public Bytes sealedRange(Blocks blocks, int chunkSealedBytes) {
    int start = blockStart(blocks.first());
    int end = Math.min(blockStart(blocks.end()), chunkSealedBytes);
    if (start >= end) {
      throw new IllegalArgumentException(
          "find blocks: expected=inside " + chunkSealedBytes + " sealed bytes, was=" + blocks);
    }
    return new Bytes(start, end - start);
  }

  private static void checkRange(int plainBytes, int maxBytes) {
    Invariants.check(
        plainBytes > 0 && plainBytes <= maxBytes,
        "plaintext of %s bytes, expected 1 to %s",
        plainBytes,
        maxBytes);
  }
}
