package holdfast.client;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** The directories that are open here. Any thread. */
final class Directories {
  /** Most open at once. */
  private static final int HANDLES_MAX = 65_536;

  private final Tree tree;
  private final AtomicLong nextHandle = new AtomicLong(1);
  private final ConcurrentHashMap<Long, DirectoryHandle> handles = new ConcurrentHashMap<>();

  Directories(Tree tree) {
    this.tree = tree;
  }

  long open(long inode) {
    if (handles.size() >= HANDLES_MAX) {
      throw new HoldfastException(
          ErrorCode.BUSY, "open directory: expected=at most " + HANDLES_MAX + " open ones");
    }
    long handle = nextHandle.getAndIncrement();
    handles.put(handle, new DirectoryHandle(inode, tree));
    return handle;
  }

  void read(long handle, long cookie, DirectorySink sink, long deadlineNs) {
    DirectoryHandle open = handles.get(handle);
    if (open == null) {
      throw new HoldfastException(
          ErrorCode.BAD_HANDLE, "read directory: expected=an open handle, was=" + handle);
    }
    open.read(cookie, sink, deadlineNs);
  }

  void close(long handle) {
    handles.remove(handle);
  }
}
