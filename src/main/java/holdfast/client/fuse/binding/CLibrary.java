package holdfast.client.fuse.binding;

/** The functions of the C library that are called, by their C names. Pointers are longs. */
public interface CLibrary {
  int geteuid();

  int getegid();

  int statvfs(long path, long buffer);
}
