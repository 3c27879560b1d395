package holdfast.client.fuse;

import holdfast.client.fuse.binding.CLibrary;
import java.nio.file.Path;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;

/** Calls the few functions of the C library that Java has no equal for. */
final class LibC {
  /** errno of a mount whose process is gone: "Transport endpoint is not connected". */
  static final int ENOTCONN = 107;

  private static final int STATVFS_BYTES_MAX = 256;

  private static final class Holder {
    private static final CLibrary FUNCTIONS =
        LibraryLoader.create(CLibrary.class).failImmediately().load("libc.so.6");
  }

  private LibC() {}

  /** The effective user, unsigned 32 bits. */
  static int effectiveUser() {
    return Holder.FUNCTIONS.geteuid();
  }

  /** The effective group, unsigned 32 bits. */
  static int effectiveGroup() {
    return Holder.FUNCTIONS.getegid();
  }

  /**
   * 0 if the file system at this path answers, else the errno. statfs is what a kernel never
   * answers from its caches. Blocks as long as the answer takes.
   */
  static int statisticsErrno(Path path) {
    long address = NativeMemory.allocatePath(path.toString());
    long buffer = NativeMemory.allocate(STATVFS_BYTES_MAX);
    try {
      return Holder.FUNCTIONS.statvfs(address, buffer) == 0
          ? 0
          : Runtime.getSystemRuntime().getLastError();
    } finally {
      NativeMemory.free(buffer);
      NativeMemory.free(address);
    }
  }
}
