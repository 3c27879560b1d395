package holdfast.metadata.op;

import holdfast.model.SealId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * The attributes of an inode: all that is known of it besides its content.
 *
 * @param inode the number, positive; 1 is the root
 * @param sealId what everything sealed for this inode binds to, for life
 * @param mode permission, set-id and sticky bits only: 0 to 07777
 * @param rdev the device number of a device node, else 0
 * @param linkCount names that lead here; for a directory 2 and its subdirectories
 * @param sizeBytes a file's length; a directory's number of entries; a symbolic link's target
 *     length
 * @param allocatedBytes bytes that extents cover
 * @param mtimeNs last change of content, ns since 1970
 * @param ctimeNs last change of content or attributes, ns since 1970
 * @param atimeNs last access as set by a client, ns since 1970
 * @param version of the content: a file's goes up with each commit and when it is reverted, a
 *     directory's with each change of an entry; changes of attributes leave it
 * @param fileTag the author's tag over version, size and extents; {@link Tag#ZERO} before the first
 *     content
 * @param xattrCount how many extended attributes it has: of an inode without, nobody needs to ask
 */
public record Attributes(
    long inode,
    SealId sealId,
    FileType type,
    int mode,
    int uid,
    int gid,
    int rdev,
    int linkCount,
    long sizeBytes,
    long allocatedBytes,
    long mtimeNs,
    long ctimeNs,
    long atimeNs,
    long version,
    Tag fileTag,
    int xattrCount) {

  /** Encoded size in bytes. */
  public static final int BYTES = 109;

  /** Most extended attributes of an inode: their names fill 64 KiB before. */
  public static final int XATTR_COUNT_MAX = 0xFFFF;

  /** The root directory's inode number, in every pool. */
  public static final long ROOT_INODE = 1;

  /** Permission, set-id and sticky bits. */
  public static final int MODE_MASK = 07777;

  /**
   * A file's version is that of its content in the low bits, and above them how often it was
   * reverted: so it only goes up, though content comes back.
   */
  public static final int CONTENT_VERSION_BITS = 48;

  private static final long REVERTS_MAX = Long.MAX_VALUE >>> CONTENT_VERSION_BITS;

  /** Checks the mode's range. */
  public Attributes {
    checkMode(mode);
    Checks.check(
        xattrCount >= 0 && xattrCount <= XATTR_COUNT_MAX,
        "check xattr count: expected=0 to %s, was=%s",
        XATTR_COUNT_MAX,
        xattrCount);
  }

  static void checkMode(int mode) {
    Checks.check(
        (mode & ~MODE_MASK) == 0,
        "check mode: expected=0 to 07777, was=0%s",
        Integer.toOctalString(mode));
  }

  /** The part of a version that a file's tag is made with. */
  public static long contentVersion(long version) {
    return version & (1L << CONTENT_VERSION_BITS) - 1;
  }

  /** How often a file with this version got an earlier content again. */
  public static long revertCount(long version) {
    return version >>> CONTENT_VERSION_BITS;
  }

  /** A file's version when it gets the content again that it had as {@code restored}. */
  public static long versionAfterRevert(long version, long restored) {
    long revertCount = revertCount(version);
    return revertCount >= REVERTS_MAX
        ? version + 1
        : (revertCount + 1) << CONTENT_VERSION_BITS | contentVersion(restored);
  }

  /** The same with so many names. */
  public Attributes withLinkCount(int count) {
    return new Attributes(
        inode,
        sealId,
        type,
        mode,
        uid,
        gid,
        rdev,
        count,
        sizeBytes,
        allocatedBytes,
        mtimeNs,
        ctimeNs,
        atimeNs,
        version,
        fileTag,
        xattrCount);
  }

  /** The same after a change of mode, owner or times. */
  public Attributes after(Operation.SetAttributes set) {
    int mask = set.mask();
    return new Attributes(
        inode,
        sealId,
        type,
        (mask & Operation.SetAttributes.MODE) != 0 ? set.mode() : mode,
        (mask & Operation.SetAttributes.UID) != 0 ? set.uid() : uid,
        (mask & Operation.SetAttributes.GID) != 0 ? set.gid() : gid,
        rdev,
        linkCount,
        sizeBytes,
        allocatedBytes,
        (mask & Operation.SetAttributes.MTIME) != 0 ? set.mtimeNs() : mtimeNs,
        Math.max(ctimeNs, set.timeNs()),
        (mask & Operation.SetAttributes.ATIME) != 0 ? set.atimeNs() : atimeNs,
        version,
        fileTag,
        xattrCount);
  }

  /** {@code st_mode} as Linux has it: type and permission bits. */
  public int statMode() {
    return type.modeBits() | mode;
  }

  /** Appends {@value #BYTES} bytes. */
  public void write(ByteWriter out) {
    out.u64(inode);
    sealId.write(out);
    out.u8(type.wire()).u16(mode).u32(uid).u32(gid).u32(rdev).u32(linkCount);
    out.u64(sizeBytes).u64(allocatedBytes).u64(mtimeNs).u64(ctimeNs).u64(atimeNs).u64(version);
    fileTag.write(out);
    out.u16(xattrCount);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is none
   */
  public static Attributes read(ByteReader in) {
    return Checks.decoding(
        () ->
            new Attributes(
                in.u64(),
                SealId.read(in),
                FileType.ofWire(in.u8()),
                in.u16(),
                in.u32(),
                in.u32(),
                in.u32(),
                in.u32(),
                in.u64(),
                in.u64(),
                in.u64(),
                in.u64(),
                in.u64(),
                in.u64(),
                Tag.read(in),
                in.u16()));
  }
}
