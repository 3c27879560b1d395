package holdfast.client.fuse;

/** Linux's error numbers (errno-base.h, errno.h) that the mount itself gives or gets. */
final class Errno {
  /** None. */
  static final int OK = 0;

  static final int ENOENT = 2;
  static final int EINTR = 4;
  static final int EIO = 5;
  static final int EAGAIN = 11;
  static final int ENODEV = 19;
  static final int ENOSYS = 38;
  static final int ENOTCONN = 107;
  static final int ETIMEDOUT = 110;

  private Errno() {}
}
