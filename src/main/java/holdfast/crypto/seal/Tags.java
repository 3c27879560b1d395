package holdfast.crypto.seal;

import holdfast.crypto.DataKey;
import holdfast.crypto.Hashes;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.SealId;
import holdfast.util.ByteWriter;
import java.util.Arrays;

/**
 * Computes the 16-byte tags with which clients bind directory entries and file contents, so that a
 * peer can't attach a name or an extent elsewhere unseen. Thread-safe.
 */
public final class Tags {
  /** Size in bytes of an entry tag and of a file tag. */
  public static final int BYTES = 16;

  private static final byte[] ENTRY = Hashes.ascii("entry");
  private static final byte[] FILE = Hashes.ascii("file");

  private final DataKey key;

  /** Tags under this key. */
  public Tags(DataKey key) {
    this.key = key;
  }

  /**
   * The tag of a directory entry.
   *
   * @param type the inode's type as the metadata numbers it, 0 to 255
   */
  public byte[] entryTag(SealId parent, byte[] sealedName, SealId child, int type) {
    var in = new ByteWriter().raw(ENTRY).raw(parent.toBytes()).v(sealedName);
    in.raw(child.toBytes()).u8(type);
    return Arrays.copyOf(Hashes.hmac(key.metaKey(), in.toBytes()), BYTES);
  }

  /** The tag of a file's content at one version. */
  public byte[] fileTag(SealId file, long version, long sizeBytes, ExtentSum sum) {
    var in = new ByteWriter().raw(FILE).raw(file.toBytes()).u64(version).u64(sizeBytes);
    return Arrays.copyOf(Hashes.hmac(key.metaKey(), in.raw(sum.toBytes()).toBytes()), BYTES);
  }

  /**
   * What one extent adds to its file's {@link ExtentSum}.
   *
   * @param keyReference 0 to 65,535
   * @param chunkOffset offset of the extent's first byte in the chunk's plaintext
   */
  public ExtentSum extentTerm(
      SealId file,
      long fileOffset,
      int lengthBytes,
      ChunkId chunk,
      ChunkSalt salt,
      int keyReference,
      int chunkOffset) {
    var in = new ByteWriter().raw(file.toBytes()).u64(fileOffset).u32(lengthBytes);
    in.raw(chunk.toBytes()).raw(salt.toBytes()).u16(keyReference).u32(chunkOffset);
    return ExtentSum.of(Hashes.hmac(key.extentKey(), in.toBytes()));
  }

  /** Compares two tags without telling by its duration where they differ. */
  public static boolean equal(byte[] tag, byte[] other) {
    return Hashes.equal(tag, other);
  }
}
