package holdfast.client.file;

import holdfast.crypto.seal.ExtentSum;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.SealedTarget;
import holdfast.metadata.op.Tag;
import holdfast.metadata.op.XattrName;
import holdfast.metadata.op.XattrValue;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.SealId;
import java.util.List;

/** Seals and opens what this client stores: the one place that knows both keys and records. */
public interface Sealing {
  /** Plaintext bytes of a full block. */
  int BLOCK_BYTES = 64 << 10;

  EntryName name(SealId directory, byte[] name);

  /** The name's bytes; SEAL_BROKEN if it doesn't open. */
  byte[] openName(SealId directory, EntryName name);

  SealedTarget target(SealId link, byte[] target);

  byte[] openTarget(SealId link, SealedTarget target);

  XattrName xattrName(SealId inode, byte[] name);

  byte[] openXattrName(SealId inode, XattrName name);

  /** Binds the value to the inode and the name. */
  XattrValue xattrValue(SealId inode, XattrName name, byte[] value);

  /** The value's bytes; SEAL_BROKEN if it isn't this inode's under this name. */
  byte[] openXattrValue(SealId inode, XattrName name, XattrValue value);

  Tag entryTag(SealId parent, EntryName name, SealId child, FileType type);

  /** The tag of a file whose extents' terms have this sum. */
  Tag fileTag(SealId file, long version, long sizeBytes, ExtentSum sum);

  /** The sum after some extents of the file went and others came. */
  ExtentSum sum(SealId file, ExtentSum before, List<Extent> removed, List<Extent> added);

  /** Size of a sealed chunk of 1 byte to 4 MiB. */
  int sealedBytes(int plainBytes);

  /**
   * Seals a chunk on the calling thread.
   *
   * @param blocks its plaintext, all blocks full but the last
   * @param plainBytes how much that is, 1 byte to 4 MiB
   * @param target {@link #sealedBytes} long; afterwards it is the chunk and isn't to be changed
   *     while anybody sends it
   */
  Sealed seal(List<byte[]> blocks, int plainBytes, byte[] target);

  /** First sealed byte of a block. */
  int sealedStart(int blockIndex);

  /** Sealed bytes of a full block. */
  int sealedBlockBytes();

  /**
   * Opens blocks of one chunk, under the key from the extent.
   *
   * @throws holdfast.model.HoldfastException SEAL_BROKEN for a key there is not
   */
  Opener opener(ChunkSalt salt, int keyReference);

  /** Opens blocks of one chunk. Any thread. */
  interface Opener {
    /**
     * The block's bytes.
     *
     * @throws holdfast.model.HoldfastException SEAL_BROKEN
     */
    byte[] open(int blockIndex, byte[] sealed, int offset, int lengthBytes);
  }

  /** A sealed chunk and what its extents need. */
  record Sealed(ChunkId chunk, ChunkSalt salt, int keyReference, byte[] sealed) {}
}
