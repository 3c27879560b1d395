package holdfast.crypto.seal;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.DataKey;
import holdfast.crypto.Hashes;
import holdfast.model.ChunkSalt;
import holdfast.util.ByteWriter;

/** Derives header and keys of one chunk: a pure function of suite, data key and salt. */
final class ChunkKeys {
  static final int GCM_NONCE_BYTES = 12;
  private static final byte[] MAGIC = Hashes.ascii("HFK1");
  private static final int RESERVED_BYTES = 3;

  private final byte[] header;
  private final byte[] prk;

  ChunkKeys(CipherSuite suite, DataKey key, ChunkSalt salt) {
    header =
        new ByteWriter(ChunkLayout.HEADER_BYTES)
            .raw(MAGIC)
            .u8(suite.wire())
            .raw(new byte[RESERVED_BYTES])
            .u64(key.id())
            .raw(salt.toBytes())
            .toBytes();
    prk = Hashes.extract(salt.toBytes(), key.chunkKey());
  }

  /** The 32 header bytes. Not a copy. */
  byte[] header() {
    return header;
  }

  byte[] fernetKey(int blockIndex) {
    return Hashes.expand(prk, "block", header, new ByteWriter(4).u32(blockIndex).toBytes());
  }

  byte[] gcmKey() {
    return Hashes.expand(prk, "gcm", header);
  }

  static byte[] gcmNonce(int blockIndex) {
    return new ByteWriter(GCM_NONCE_BYTES).u64(0).u32(blockIndex).toBytes();
  }
}
