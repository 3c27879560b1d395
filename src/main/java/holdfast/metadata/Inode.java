package holdfast.metadata;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Checks;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.SealId;
import holdfast.util.ByteReader;
import java.util.ArrayList;
import java.util.List;

/**
 * The record of an inode, unpacked from the tree: read, changed and packed again within one step.
 * One thread.
 */
final class Inode {
  /** A file with no more extents than this carries them in its record. */
  static final int INLINE_EXTENTS_MAX = 4;

  private static final int TYPE_BITS = 7;
  private static final int HAS_TAG = 8;
  private static final int FULLY_ALLOCATED = 16;
  private static final int HAS_XATTRS = 64;

  final long number;
  final FileType type;
  final SealId sealId;
  int mode;
  int uid;
  int gid;
  int rdev;
  int linkCount;
  long sizeBytes;
  long allocatedBytes;
  long mtimeNs;
  long ctimeNs;
  long atimeNs;
  long version;
  Tag fileTag = Tag.ZERO;

  /** Of a directory: the one above it; the root's is itself. */
  long parent;

  /** Of a file: how many extents it has, here or in records of their own. */
  int extentCount;

  /** Its extended attributes: how many, what listing them may need, names and values sealed. */
  int xattrCount;

  int xattrListBytes;
  int xattrBytes;

  /** The extents in the record; empty when they have records of their own. */
  private List<Extent> inlineExtents = List.of();

  private byte[] packed;
  private int packedExtentsAt;

  Inode(long number, FileType type, SealId sealId) {
    this.number = number;
    this.type = type;
    this.sealId = sealId;
  }

  boolean isDirectory() {
    return type == FileType.DIRECTORY;
  }

  boolean isFile() {
    return type == FileType.FILE;
  }

  boolean hasInlineExtents() {
    return extentCount <= INLINE_EXTENTS_MAX;
  }

  /** All extents of a file that has few. */
  List<Extent> inlineExtents() {
    if (packed != null) {
      var in = new RecordReader(packed);
      in.raw(packedExtentsAt);
      inlineExtents = readExtents(in);
    }
    return inlineExtents;
  }

  /** Sets the number of extents and, where they are few, the extents themselves. */
  void setExtents(int count, List<Extent> inline) {
    packed = null;
    extentCount = count;
    inlineExtents = inline;
  }

  /** Time and version of a directory whose entries changed. */
  void touchEntries(long timeNs, int entryCountChange) {
    mtimeNs = timeNs;
    ctimeNs = timeNs;
    version++;
    sizeBytes += entryCountChange;
  }

  /** Counts an extended attribute that came (1) or went (-1). */
  void countXattr(Xattr xattr, int sign) {
    xattrCount += sign;
    xattrListBytes += sign * xattr.name().listBytes();
    xattrBytes += sign * xattr.totalBytes();
  }

  Attributes attributes() {
    return new Attributes(
        number,
        sealId,
        type,
        mode,
        uid,
        gid,
        rdev,
        linkCount,
        sizeBytes,
        allocatedBytes,
        mtimeNs,
        ctimeNs,
        atimeNs,
        version,
        fileTag,
        xattrCount);
  }

  byte[] pack() {
    boolean hasTag = !fileTag.equals(Tag.ZERO);
    boolean fullyAllocated = allocatedBytes == sizeBytes;
    var out = new RecordWriter();
    int flags = (hasTag ? HAS_TAG : 0) | (fullyAllocated ? FULLY_ALLOCATED : 0);
    out.u8(type.wire() | flags | (xattrCount > 0 ? HAS_XATTRS : 0));
    out.varint(mode).varint(uid & 0xFFFF_FFFFL).varint(gid & 0xFFFF_FFFFL);
    out.varint(rdev & 0xFFFF_FFFFL).varint(linkCount).varint(sizeBytes);
    if (!fullyAllocated) {
      out.varint(allocatedBytes);
    }
    out.u64(mtimeNs).signed(ctimeNs - mtimeNs).signed(atimeNs - mtimeNs).varint(version);
    out.u64(sealId.high()).u64(sealId.low());
    if (hasTag) {
      out.u64(fileTag.high()).u64(fileTag.low());
    }
    if (xattrCount > 0) {
      out.varint(xattrCount).varint(xattrListBytes).varint(xattrBytes);
    }
    if (isDirectory()) {
      out.u64(parent);
    }
    if (isFile()) {
      out.varint(extentCount);
      if (packed != null) {
        out.raw(packed, packedExtentsAt, packed.length - packedExtentsAt);
      } else {
        for (Extent extent : inlineExtents) {
          out.varint(extent.fileOffset());
          packExtent(out, extent);
        }
      }
    }
    return out.toBytes();
  }

  static Inode unpack(long number, byte[] record) {
    var in = new RecordReader(record);
    int flags = in.u8();
    var type = FileType.ofWire(flags & TYPE_BITS);
    int mode = in.varint(Attributes.MODE_MASK);
    int uid = (int) in.varint();
    int gid = (int) in.varint();
    int rdev = (int) in.varint();
    int linkCount = in.varint(Integer.MAX_VALUE);
    long sizeBytes = in.varint();
    long allocatedBytes = (flags & FULLY_ALLOCATED) != 0 ? sizeBytes : in.varint();
    long mtimeNs = in.u64();
    long ctimeNs = mtimeNs + in.signed();
    long atimeNs = mtimeNs + in.signed();
    long version = in.varint();
    var inode = new Inode(number, type, new SealId(in.u64(), in.u64()));
    inode.mode = mode;
    inode.uid = uid;
    inode.gid = gid;
    inode.rdev = rdev;
    inode.linkCount = linkCount;
    inode.sizeBytes = sizeBytes;
    inode.allocatedBytes = allocatedBytes;
    inode.mtimeNs = mtimeNs;
    inode.ctimeNs = ctimeNs;
    inode.atimeNs = atimeNs;
    inode.version = version;
    if ((flags & HAS_TAG) != 0) {
      inode.fileTag = new Tag(in.u64(), in.u64());
    }
    if ((flags & HAS_XATTRS) != 0) {
      inode.xattrCount = in.varint(Attributes.XATTR_COUNT_MAX);
      inode.xattrListBytes = in.varint(XattrStep.LIST_MAX_BYTES);
      inode.xattrBytes = in.varint(XattrStep.INODE_MAX_BYTES);
    }
    if (inode.isDirectory()) {
      inode.parent = in.u64();
    }
    if (inode.isFile()) {
      inode.extentCount = in.varint(Integer.MAX_VALUE);
      inode.packed = record;
      inode.packedExtentsAt = in.position();
    } else {
      in.end();
    }
    return inode;
  }

  private List<Extent> readExtents(RecordReader in) {
    int count = hasInlineExtents() ? extentCount : 0;
    var extents = new ArrayList<Extent>(count);
    for (int i = 0; i < count; i++) {
      extents.add(unpackExtent(in.varint(), in));
    }
    in.end();
    return List.copyOf(extents);
  }

  /** The fields of an extent but its file offset. */
  static void packExtent(RecordWriter out, Extent extent) {
    var chunk = extent.chunk();
    out.varint(extent.lengthBytes());
    out.u64(chunk.a()).u64(chunk.b()).u64(chunk.c()).u64(chunk.d());
    out.u64(extent.salt().high()).u64(extent.salt().low());
    out.varint(extent.keyReference()).varint(extent.chunkOffset());
  }

  static Extent unpackExtent(long fileOffset, RecordReader in) {
    int lengthBytes = in.varint(Extent.CHUNK_PLAIN_MAX_BYTES);
    var chunk = new ChunkId(in.u64(), in.u64(), in.u64(), in.u64());
    var salt = new ChunkSalt(in.u64(), in.u64());
    int keyReference = in.varint(0xFFFF);
    int chunkOffset = in.varint(Extent.CHUNK_PLAIN_MAX_BYTES);
    return Checks.decoding(
        () -> new Extent(fileOffset, lengthBytes, chunk, salt, keyReference, chunkOffset));
  }

  static byte[] packExtent(Extent extent) {
    var out = new RecordWriter();
    packExtent(out, extent);
    return out.toBytes();
  }

  /** An extent's record of its own. */
  static Extent unpackExtent(long fileOffset, byte[] record) {
    var in = new RecordReader(record);
    var extent = unpackExtent(fileOffset, in);
    in.end();
    return extent;
  }

  /** Checks what {@link #unpack} leaves for later. */
  void checkInlineExtents() {
    if (isFile()) {
      long end = 0;
      for (Extent extent : inlineExtents()) {
        if (extent.fileOffset() < end) {
          throw new ByteReader.Malformed("read extents: expected=ascending, inode=" + number);
        }
        end = extent.fileEnd();
      }
    }
  }
}
