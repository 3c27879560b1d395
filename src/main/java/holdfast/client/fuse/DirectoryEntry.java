package holdfast.client.fuse;

import java.nio.ByteBuffer;

/**
 * Writes entries of the kernel's struct fuse_dirent: u64 ino, u64 off, u32 namelen, u32 type, the
 * name.
 */
final class DirectoryEntry {
  private static final int HEADER_BYTES = 24;
  private static final int STEP_BYTES = 8;
  private static final int TYPE_SHIFT = 12;

  private DirectoryEntry() {}

  /** Appends an entry; false, and nothing done, when it doesn't fit. */
  static boolean put(ByteBuffer out, byte[] name, long inode, int type, long nextCookie) {
    int bytes = HEADER_BYTES + name.length;
    int padding = -bytes & (STEP_BYTES - 1);
    if (bytes + padding > out.remaining()) {
      return false;
    }
    out.putLong(inode).putLong(nextCookie).putInt(name.length).putInt(type >>> TYPE_SHIFT);
    out.put(name);
    for (int i = 0; i < padding; i++) {
      out.put((byte) 0);
    }
    return true;
  }
}
