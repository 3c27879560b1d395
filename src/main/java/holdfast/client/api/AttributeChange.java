package holdfast.client.api;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Operation;

/**
 * The attributes that one setattr changes: only the fields whose bit is in {@code mask} count.
 *
 * @param mask bits of this class
 * @param mode new permission bits; a type in it is ignored
 * @param uid new owner
 * @param gid new group
 * @param sizeBytes new size, 0 or more
 * @param atimeNs new access time, ns since 1970 ({@link #ATIME} without {@link #ATIME_NOW})
 * @param mtimeNs new content change time (likewise)
 */
public record AttributeChange(
    int mask, int mode, int uid, int gid, long sizeBytes, long atimeNs, long mtimeNs) {
  public static final int MODE = 1;
  public static final int UID = 1 << 1;
  public static final int GID = 1 << 2;
  public static final int SIZE = 1 << 3;
  public static final int ATIME = 1 << 4;
  public static final int MTIME = 1 << 5;

  /** With {@link #ATIME}: the present time instead of {@code atimeNs}. */
  public static final int ATIME_NOW = 1 << 7;

  /** With {@link #MTIME}: the present time instead of {@code mtimeNs}. */
  public static final int MTIME_NOW = 1 << 8;

  /** Whether all these bits are in the mask. */
  public boolean has(int bits) {
    return (mask & bits) == bits;
  }

  /** All of it but the size, as one operation. */
  public Operation.SetAttributes operation(long inode, long nowNs) {
    int wanted = 0;
    wanted |= has(MODE) ? Operation.SetAttributes.MODE : 0;
    wanted |= has(UID) ? Operation.SetAttributes.UID : 0;
    wanted |= has(GID) ? Operation.SetAttributes.GID : 0;
    wanted |= has(MTIME) ? Operation.SetAttributes.MTIME : 0;
    wanted |= has(ATIME) ? Operation.SetAttributes.ATIME : 0;
    return new Operation.SetAttributes(
        inode,
        wanted,
        mode & Attributes.MODE_MASK,
        uid,
        gid,
        has(MTIME_NOW) ? nowNs : mtimeNs,
        has(ATIME_NOW) ? nowNs : atimeNs,
        nowNs);
  }
}
