package holdfast.client.fuse.binding;

import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;

/**
 * The C library's functions on files, by their C names, for tests that need exact errnos. It is
 * here because classes that jnr-ffi generates at run time implement it: only this package is
 * exported.
 */
public interface FileCalls {
  int open(String path, int flags, int mode);

  int close(int fd);

  long pread(int fd, @Out byte[] target, long lengthBytes, long offset);

  long pwrite(int fd, @In byte[] source, long lengthBytes, long offset);

  long read(int fd, @Out byte[] target, long lengthBytes);

  long write(int fd, @In byte[] source, long lengthBytes);

  long lseek(int fd, long offset, int whence);

  int ftruncate(int fd, long sizeBytes);

  int truncate(String path, long sizeBytes);

  int rename(String from, String to);

  int link(String from, String to);

  int unlink(String path);

  int mkdir(String path, int mode);

  int rmdir(String path);

  int symlink(String target, String path);

  long readlink(String path, @Out byte[] target, long lengthBytes);

  int chmod(String path, int mode);

  int fchmod(int fd, int mode);

  int utimensat(int directoryFd, String path, @In byte[] times, int flags);

  int futimens(int fd, @In byte[] times);

  int statx(int directoryFd, String path, int flags, int mask, @Out byte[] target);

  long getdents64(int fd, @Out byte[] target, long lengthBytes);

  int fsync(int fd);

  int fdatasync(int fd);
}
