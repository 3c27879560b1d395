package holdfast.client.fuse;

import holdfast.client.api.PoolFileSystem;

/**
 * The buffers and structs that one thread of the request loop reuses from request to request. All
 * but {@link #current} is for its own thread.
 */
final class Worker {
  /** The worker of a thread of the request loop: callbacks come on the thread that received. */
  static final ThreadLocal<Worker> CURRENT = new ThreadLocal<>();

  /** Content on its way between the kernel and the file system; directory entries too. */
  final byte[] data = new byte[PoolFileSystem.TRANSFER_BYTES_MAX];

  final long receiveBuffer;
  final long receiveBytes;
  final long channelHolder = NativeMemory.allocate(Long.BYTES);
  final long replyBuffer = NativeMemory.allocate(PoolFileSystem.TRANSFER_BYTES_MAX);
  final long entry;
  final long stat;
  final long statvfs;
  final long flock = NativeMemory.allocate(StructLayouts.FLOCK_BYTES);

  /** Whose worker this is. */
  final Thread thread = Thread.currentThread();

  /** The request being worked on, or null. The watchdog reads it. */
  volatile FuseRequest current;

  /** The calling thread's. */
  Worker(StructLayouts layouts, long receiveBytes) {
    this.receiveBytes = receiveBytes;
    receiveBuffer = NativeMemory.allocate(receiveBytes);
    entry = NativeMemory.allocate(layouts.entryBytes());
    stat = NativeMemory.allocate(layouts.statBytes());
    statvfs = NativeMemory.allocate(layouts.statvfsBytes());
  }

  /** Gives the native memory back; the worker's thread calls it last. */
  void free() {
    NativeMemory.free(receiveBuffer);
    NativeMemory.free(channelHolder);
    NativeMemory.free(replyBuffer);
    NativeMemory.free(entry);
    NativeMemory.free(stat);
    NativeMemory.free(statvfs);
    NativeMemory.free(flock);
  }
}
