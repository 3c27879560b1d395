package holdfast.client.file;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.DataKey;
import holdfast.crypto.seal.ChunkLayout;
import holdfast.crypto.seal.ChunkOpener;
import holdfast.crypto.seal.ChunkSealer;
import holdfast.crypto.seal.ExtentSum;
import holdfast.crypto.seal.NameSealer;
import holdfast.crypto.seal.SaltSource;
import holdfast.crypto.seal.SealedChunk;
import holdfast.crypto.seal.Tags;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.SealedTarget;
import holdfast.metadata.op.Tag;
import holdfast.metadata.op.XattrName;
import holdfast.metadata.op.XattrValue;
import holdfast.model.ChunkSalt;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.util.WallClock;
import java.security.SecureRandom;
import java.util.List;

/** The {@link Sealing} under the pool's one data key. Any thread. */
public final class KeySealing implements Sealing {
  /** The one key reference there is until keys are rotated. */
  private static final int KEY_REFERENCE = 0;

  private final CipherSuite suite;
  private final DataKey key;
  private final ChunkLayout layout;
  private final ChunkSealer chunks;
  private final NameSealer names;
  private final Tags tags;

  /** Seals with this key; salts must come from one source for each process. */
  public KeySealing(
      CipherSuite suite, DataKey key, SaltSource salts, SecureRandom random, WallClock clock) {
    this.suite = suite;
    this.key = key;
    layout = ChunkLayout.of(suite);
    chunks = new ChunkSealer(suite, key, salts, random, clock);
    names = new NameSealer(key);
    tags = new Tags(key);
  }

  @Override
  public EntryName name(SealId directory, byte[] name) {
    return new EntryName(names.sealName(directory, name));
  }

  @Override
  public byte[] openName(SealId directory, EntryName name) {
    return names.openName(directory, name.sealed());
  }

  @Override
  public SealedTarget target(SealId link, byte[] target) {
    return new SealedTarget(names.sealTarget(link, target), target.length);
  }

  @Override
  public byte[] openTarget(SealId link, SealedTarget target) {
    return names.openTarget(link, target.sealed());
  }

  @Override
  public XattrName xattrName(SealId inode, byte[] name) {
    return new XattrName(names.sealAttributeName(inode, name));
  }

  @Override
  public byte[] openXattrName(SealId inode, XattrName name) {
    return names.openAttributeName(inode, name.sealed());
  }

  @Override
  public XattrValue xattrValue(SealId inode, XattrName name, byte[] value) {
    return new XattrValue(names.sealAttributeValue(inode, name.sealed(), value));
  }

  @Override
  public byte[] openXattrValue(SealId inode, XattrName name, XattrValue value) {
    return names.openAttributeValue(inode, name.sealed(), value.sealed());
  }

  @Override
  public Tag entryTag(SealId parent, EntryName name, SealId child, FileType type) {
    return Tag.of(tags.entryTag(parent, name.sealed(), child, type.wire()));
  }

  @Override
  public Tag fileTag(SealId file, long version, long sizeBytes, ExtentSum sum) {
    return Tag.of(tags.fileTag(file, version, sizeBytes, sum));
  }

  @Override
  public ExtentSum sum(SealId file, ExtentSum before, List<Extent> removed, List<Extent> added) {
    ExtentSum sum = before;
    for (Extent extent : removed) {
      sum = sum.minus(term(file, extent));
    }
    for (Extent extent : added) {
      sum = sum.plus(term(file, extent));
    }
    return sum;
  }

  private ExtentSum term(SealId file, Extent e) {
    return tags.extentTerm(
        file,
        e.fileOffset(),
        e.lengthBytes(),
        e.chunk(),
        e.salt(),
        e.keyReference(),
        e.chunkOffset());
  }

  @Override
  public int sealedBytes(int plainBytes) {
    return layout.sealedBytes(plainBytes);
  }

  @Override
  public Sealed seal(List<byte[]> blocks, int plainBytes, byte[] target) {
    SealedChunk sealed = chunks.seal(blocks, plainBytes, target);
    return new Sealed(sealed.id(), sealed.salt(), KEY_REFERENCE, sealed.sealed());
  }

  @Override
  public int sealedStart(int blockIndex) {
    return layout.blockStart(blockIndex);
  }

  @Override
  public int sealedBlockBytes() {
    return layout.sealedBlockBytes(ChunkLayout.BLOCK_PLAIN_BYTES);
  }

  @Override
  public Opener opener(ChunkSalt salt, int keyReference) {
    if (keyReference != KEY_REFERENCE) {
      throw new HoldfastException(
          ErrorCode.SEAL_BROKEN, "open chunk: expected=key reference 0, was=" + keyReference);
    }
    var opener = new ChunkOpener(suite, key, salt);
    return opener::openBlock;
  }
}
