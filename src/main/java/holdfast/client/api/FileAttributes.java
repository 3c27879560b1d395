package holdfast.client.api;

/**
 * An inode's attributes as stat(2) shows them.
 *
 * @param inode its number, not 0
 * @param mode type and permission bits, as Linux's st_mode
 * @param linkCount names that lead to it (directories: 2 + subdirectories); 0 when unlinked
 * @param uid owner, unsigned 32 bits
 * @param gid group, unsigned 32 bits
 * @param rdev device number of a device file, as Linux encodes it in 32 bits
 * @param sizeBytes size, 0 or more
 * @param blockCount units of 512 bytes that it takes
 * @param atimeNs access time, ns since 1970, negative before
 * @param mtimeNs content change time
 * @param ctimeNs attribute change time
 * @param attributeTimeoutMs how long a kernel may keep these attributes without asking
 * @param entryTimeoutMs how long it may keep the name it found them by
 */
public record FileAttributes(
    long inode,
    int mode,
    int linkCount,
    int uid,
    int gid,
    int rdev,
    long sizeBytes,
    long blockCount,
    long atimeNs,
    long mtimeNs,
    long ctimeNs,
    long attributeTimeoutMs,
    long entryTimeoutMs) {
  /** The type's bits in a mode. */
  public static final int TYPE_MASK = 0170000;

  public static final int SOCKET = 0140000;
  public static final int SYMBOLIC_LINK = 0120000;
  public static final int REGULAR = 0100000;
  public static final int BLOCK_DEVICE = 0060000;
  public static final int DIRECTORY = 0040000;
  public static final int CHARACTER_DEVICE = 0020000;
  public static final int PIPE = 0010000;

  /** The permission bits in a mode, set-id and sticky bits included. */
  public static final int PERMISSION_MASK = 07777;

  /** The type's bits. */
  public int type() {
    return mode & TYPE_MASK;
  }

  /** Whether it is a directory. */
  public boolean isDirectory() {
    return type() == DIRECTORY;
  }
}
