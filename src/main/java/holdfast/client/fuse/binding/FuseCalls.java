package holdfast.client.fuse.binding;

import jnr.ffi.annotations.Delegate;

/** The shapes of libfuse's callbacks: all return nothing, all begin with the request but one. */
public final class FuseCalls {
  private FuseCalls() {}

  /** init(userdata, connection): no request, no reply. */
  public interface Init {
    @Delegate
    void call(long userData, long connection);
  }

  /** (request, inode): readlink, statfs; and (request, data): a signal came. */
  public interface Inode {
    @Delegate
    void call(long request, long inode);
  }

  /**
   * (request, inode, x): x is a name, a file info, a count, a size or a mask's address-sized
   * number.
   */
  public interface InodeAnd {
    @Delegate
    void call(long request, long inode, long argument);
  }

  /** (request, inode, mask): access. */
  public interface Mask {
    @Delegate
    void call(long request, long inode, int mask);
  }

  /** (request, parent, name, mode): mkdir. */
  public interface NameMode {
    @Delegate
    void call(long request, long parent, long name, int mode);
  }

  /** (request, parent, name, mode, rdev or file info): mknod, create. */
  public interface NameModeAnd {
    @Delegate
    void call(long request, long parent, long name, int mode, long argument);
  }

  /** (request, a, b, c): symlink, link, getxattr, getlk. */
  public interface Three {
    @Delegate
    void call(long request, long first, long second, long third);
  }

  /** (request, a, b, c, d): rename, read, readdir. */
  public interface Four {
    @Delegate
    void call(long request, long first, long second, long third, long fourth);
  }

  /** (request, inode, buffer, size, offset, file info): write. */
  public interface Write {
    @Delegate
    void call(long request, long inode, long buffer, long sizeBytes, long offset, long fileInfo);
  }

  /** (request, inode, name, value, size, flags): setxattr. */
  public interface SetXattr {
    @Delegate
    void call(long request, long inode, long name, long value, long sizeBytes, int flags);
  }

  /** (request, inode, mode, offset, length, file info): fallocate. */
  public interface Allocate {
    @Delegate
    void call(long request, long inode, int mode, long offset, long lengthBytes, long fileInfo);
  }

  /** (request, inode, file info, struct flock, may wait): setlk. */
  public interface SetLock {
    @Delegate
    void call(long request, long inode, long fileInfo, long flock, int mayWait);
  }

  /** (request, inode, file info, operation): flock. */
  public interface Flock {
    @Delegate
    void call(long request, long inode, long fileInfo, int operation);
  }

  /** (request, inode, datasync, file info): fsync, fsyncdir. */
  public interface Sync {
    @Delegate
    void call(long request, long inode, int dataOnly, long fileInfo);
  }

  /** (request, inode, stat, to set, file info or 0): setattr. */
  public interface SetAttributes {
    @Delegate
    void call(long request, long inode, long stat, int mask, long fileInfo);
  }
}
