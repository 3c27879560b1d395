package holdfast.client.names;

import holdfast.client.api.Caller;
import holdfast.client.api.ClientOptions;
import holdfast.client.api.FileAttributes;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileType;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/** Maps inodes to what stat(2) shows on this mount: owner, numbers, and timeouts for the kernel. */
public final class StatMapper {
  private static final int BLOCK_BYTES = 512;

  private final ClientOptions.Owner ownerOrNull;

  /** {@code ownerOrNull} owns everything; null shows owners as stored. */
  public StatMapper(ClientOptions.Owner ownerOrNull) {
    this.ownerOrNull = ownerOrNull;
  }

  /** To be asked for again each time. */
  FileAttributes shown(Attributes a) {
    return shown(a, 0, 0);
  }

  /** To be kept for so long, in ms. */
  FileAttributes shown(Attributes a, long attributesMs, long entryMs) {
    return new FileAttributes(
        a.inode(),
        a.statMode(),
        a.linkCount(),
        ownerOrNull == null ? a.uid() : ownerOrNull.uid(),
        ownerOrNull == null ? a.gid() : ownerOrNull.gid(),
        a.rdev(),
        a.sizeBytes(),
        (a.allocatedBytes() + BLOCK_BYTES - 1) / BLOCK_BYTES,
        a.atimeNs(),
        a.mtimeNs(),
        a.ctimeNs(),
        attributesMs,
        entryMs);
  }

  /** The type that mknod(2) wants. */
  public static FileType nodeType(int mode) {
    return switch (mode & FileAttributes.TYPE_MASK) {
      case 0, FileAttributes.REGULAR -> FileType.FILE;
      case FileAttributes.PIPE -> FileType.FIFO;
      case FileAttributes.SOCKET -> FileType.SOCKET;
      case FileAttributes.CHARACTER_DEVICE -> FileType.CHAR_DEVICE;
      case FileAttributes.BLOCK_DEVICE -> FileType.BLOCK_DEVICE;
      default ->
          throw new HoldfastException(
              ErrorCode.INVALID, "make node: expected=a type, was=0" + Integer.toOctalString(mode));
    };
  }

  /** An inode that a caller makes: the caller's own, unless all are shown as one owner's. */
  NamespaceAuthority.Wanted wanted(
      Caller caller, FileType type, int mode, int rdev, byte[] targetOrNull) {
    int uid = ownerOrNull == null ? caller.uid() : ownerOrNull.uid();
    int gid = ownerOrNull == null ? caller.gid() : ownerOrNull.gid();
    // The namespace gives a set-group-id directory's group to what is made in it.
    return new NamespaceAuthority.Wanted(
        type, mode & Attributes.MODE_MASK, uid, gid, rdev, targetOrNull);
  }
}
