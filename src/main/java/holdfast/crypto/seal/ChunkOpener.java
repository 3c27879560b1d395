package holdfast.crypto.seal;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.DataKey;
import holdfast.crypto.FernetEngine;
import holdfast.crypto.GcmEngine;
import holdfast.model.ChunkSalt;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.ByteReader;
import java.util.Arrays;
import javax.crypto.spec.SecretKeySpec;

/**
 * Opens blocks of one chunk. Header and keys are made from suite, key and salt as the extent names
 * them, never from bytes a peer sent; so a block of another chunk, or from another place of this
 * one, doesn't open. Thread-safe.
 */
public final class ChunkOpener {
  private final CipherSuite suite;
  private final ChunkLayout layout;
  private final ChunkKeys keys;
  private final SecretKeySpec gcmKey;

  /** An opener for the chunk that was sealed with these. */
  public ChunkOpener(CipherSuite suite, DataKey key, ChunkSalt salt) {
    this.suite = suite;
    this.layout = ChunkLayout.of(suite);
    this.keys = new ChunkKeys(suite, key, salt);
    this.gcmKey = suite == CipherSuite.AES_256_GCM ? new SecretKeySpec(keys.gcmKey(), "AES") : null;
  }

  /**
   * Opens one block.
   *
   * @return its plaintext, 1 to 65,536 bytes
   * @throws HoldfastException SEAL_BROKEN if it isn't block {@code blockIndex} of this chunk
   */
  public byte[] openBlock(int blockIndex, byte[] sealed, int offset, int lengthBytes) {
    byte[] plain = new byte[Math.min(lengthBytes, ChunkLayout.BLOCK_PLAIN_BYTES + 16)];
    int plainBytes = open(blockIndex, sealed, offset, lengthBytes, plain, 0);
    return plainBytes == plain.length ? plain : Arrays.copyOf(plain, plainBytes);
  }

  /**
   * Opens consecutive blocks, as {@link ChunkLayout#sealedRange} cuts them out: all full but the
   * last one, which is full unless it is the chunk's last.
   *
   * @return their plaintext
   * @throws HoldfastException SEAL_BROKEN if one of them isn't that block of this chunk
   */
  public byte[] openBlocks(int firstBlock, byte[] sealed, int offset, int lengthBytes) {
    int fullBytes = layout.sealedBlockBytes(ChunkLayout.BLOCK_PLAIN_BYTES);
    int count = (lengthBytes + fullBytes - 1) / fullBytes;
    if (count < 1 || firstBlock + count > ChunkLayout.BLOCK_COUNT_MAX) {
      throw broken(firstBlock, lengthBytes);
    }
    // 16 more: a decrypting cipher may write its padding before it knows that it is padding.
    byte[] plain = new byte[count * ChunkLayout.BLOCK_PLAIN_BYTES + 16];
    int at = 0;
    for (int i = 0; i < count; i++) {
      int start = i * fullBytes;
      int blockBytes = Math.min(fullBytes, lengthBytes - start);
      at += open(firstBlock + i, sealed, offset + start, blockBytes, plain, at);
    }
    return Arrays.copyOf(plain, at);
  }

  private int open(
      int blockIndex, byte[] sealed, int offset, int lengthBytes, byte[] out, int outOffset) {
    if (blockIndex < 0
        || blockIndex >= ChunkLayout.BLOCK_COUNT_MAX
        || lengthBytes > layout.sealedBlockBytes(ChunkLayout.BLOCK_PLAIN_BYTES)
        || lengthBytes <= ChunkLayout.GCM_TAG_BYTES) {
      throw broken(blockIndex, lengthBytes);
    }
    int plainBytes =
        switch (suite) {
          case FERNET -> openFernet(blockIndex, sealed, offset, lengthBytes, out, outOffset);
          case AES_256_GCM -> openGcm(blockIndex, sealed, offset, lengthBytes, out, outOffset);
        };
    if (plainBytes < 1 || plainBytes > ChunkLayout.BLOCK_PLAIN_BYTES) {
      throw broken(blockIndex, lengthBytes);
    }
    return plainBytes;
  }

  private int openFernet(
      int blockIndex, byte[] sealed, int offset, int lengthBytes, byte[] out, int outOffset) {
    byte[] blockKey = keys.fernetKey(blockIndex);
    var engine = FernetEngine.acquire();
    try {
      return engine.decrypt(blockKey, sealed, offset, lengthBytes, out, outOffset);
    } finally {
      engine.release();
    }
  }

  private int openGcm(
      int blockIndex, byte[] sealed, int offset, int lengthBytes, byte[] out, int outOffset) {
    byte[] nonce = ChunkKeys.gcmNonce(blockIndex);
    var engine = GcmEngine.acquire();
    try {
      return engine.open(gcmKey, nonce, keys.header(), sealed, offset, lengthBytes, out, outOffset);
    } finally {
      engine.release();
    }
  }

  private HoldfastException broken(int blockIndex, int lengthBytes) {
    var in = new ByteReader(keys.header(), ChunkLayout.HEADER_BYTES - ChunkSalt.BYTES, 16);
    return new HoldfastException(
        ErrorCode.SEAL_BROKEN,
        "open block: expected=block "
            + blockIndex
            + " of the chunk with salt "
            + new ChunkSalt(in.u64(), in.u64())
            + ", was="
            + lengthBytes
            + " bytes that don't open under its key");
  }
}
