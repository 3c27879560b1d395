package holdfast.client.fuse;

import holdfast.client.api.OpenedFile;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.fuse.binding.LibFuse;

/** The callbacks for open files, under the rules of {@link Operations}. */
final class FileOperations {
  private final LibFuse library;
  private final PoolFileSystem files;
  private final StructLayouts layouts;
  private final RequestWrapper wrapper;
  private final AbandonedCalls abandoned;
  private final PageWrites pageWrites = new PageWrites();

  FileOperations(
      LibFuse library,
      PoolFileSystem files,
      StructLayouts layouts,
      RequestWrapper wrapper,
      AbandonedCalls abandoned) {
    this.library = library;
    this.files = files;
    this.layouts = layouts;
    this.wrapper = wrapper;
    this.abandoned = abandoned;
  }

  PageWrites pageWrites() {
    return pageWrites;
  }

  void open(long address, long inode, long fileInfo) {
    wrapper.handle(
        "open",
        address,
        inode,
        (worker, request) -> {
          OpenedFile opened = files.open(inode, layouts.getOpenFlags(fileInfo));
          layouts.putHandle(fileInfo, opened.handle(), opened.keepPages());
          if (!request.claim()
              || library.fuse_reply_open(request.address(), fileInfo) != Errno.OK) {
            files.release(opened.handle());
          }
        });
  }

  void read(long address, long inode, long sizeBytes, long offset, long fileInfo) {
    wrapper.handle(
        "read",
        address,
        inode,
        (worker, request) -> {
          int length = (int) Math.min(sizeBytes, worker.data.length);
          int count = files.read(layouts.getHandle(fileInfo), offset, worker.data, 0, length);
          Operations.checkCount(count, length);
          NativeMemory.putBytes(worker.replyBuffer, worker.data, 0, count);
          if (request.claim()) {
            library.fuse_reply_buf(request.address(), worker.replyBuffer, count);
          }
        });
  }

  void write(long address, long inode, long buffer, long sizeBytes, long offset, long fileInfo) {
    wrapper.change(
        "write",
        address,
        inode,
        (worker, request) -> {
          int length = (int) Math.min(sizeBytes, worker.data.length);
          NativeMemory.getBytes(buffer, worker.data, 0, length);
          int count = write(fileInfo, offset, worker.data, length);
          Operations.checkCount(count, length);
          if (request.claim()) {
            library.fuse_reply_write(request.address(), count);
          }
        });
  }

  private int write(long fileInfo, long offset, byte[] data, int length) {
    long handle = layouts.getHandle(fileInfo);
    if (layouts.isPageWrite(fileInfo)) {
      return pageWrites.count(() -> files.write(handle, offset, data, 0, length));
    }
    return layouts.isAppend(fileInfo)
        ? files.append(handle, offset, data, 0, length)
        : files.write(handle, offset, data, 0, length);
  }

  void allocate(long address, long inode, int mode, long offset, long lengthBytes, long fileInfo) {
    wrapper.change(
        "fallocate",
        address,
        inode,
        (worker, request) -> {
          files.allocate(layouts.getHandle(fileInfo), mode, offset, lengthBytes);
          request.reply(Errno.OK);
        });
  }

  /** close(2), of any descriptor: it releases the process's locks too. */
  void flush(long address, long inode, long fileInfo) {
    wrapper.handle(
        new FuseRequest.Call("flush", FuseRequest.Kind.CLOSE, inode),
        address,
        (worker, request) -> {
          long handle = layouts.getHandle(fileInfo);
          long owner = layouts.getLockOwner(fileInfo);
          try {
            files.flush(handle);
          } finally {
            files.releaseLocks(handle, owner);
          }
          request.reply(Errno.OK);
        });
  }

  void release(long address, long inode, long fileInfo) {
    wrapper.handle(
        "release",
        address,
        inode,
        (worker, request) -> {
          long handle = layouts.getHandle(fileInfo);
          if (!abandoned.releaseLater(inode, handle)) {
            files.release(handle);
          }
          request.reply(Errno.OK);
        });
  }

  void fsync(long address, long inode, int dataOnly, long fileInfo) {
    wrapper.handle(
        "fsync",
        address,
        inode,
        (worker, request) -> {
          files.fsync(layouts.getHandle(fileInfo), dataOnly != 0);
          request.reply(Errno.OK);
        });
  }
}
