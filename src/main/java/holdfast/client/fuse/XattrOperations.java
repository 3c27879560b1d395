package holdfast.client.fuse;

import holdfast.client.api.PoolFileSystem;
import holdfast.client.fuse.binding.LibFuse;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.List;

/** The callbacks for extended attributes, under the rules of {@link Operations}. */
final class XattrOperations {
  private final LibFuse library;
  private final PoolFileSystem files;
  private final RequestWrapper wrapper;

  XattrOperations(LibFuse library, PoolFileSystem files, RequestWrapper wrapper) {
    this.library = library;
    this.files = files;
    this.wrapper = wrapper;
  }

  void set(long address, long inode, long name, long value, long sizeBytes, int flags) {
    wrapper.change(
        "setxattr",
        address,
        inode,
        (worker, request) -> {
          if (sizeBytes > PoolFileSystem.XATTR_VALUE_BYTES_MAX) {
            throw new HoldfastException(
                ErrorCode.ARGUMENT_TOO_LARGE,
                "set xattr: expected=at most 65536 bytes, was=" + sizeBytes);
          }
          byte[] bytes = new byte[(int) sizeBytes];
          NativeMemory.getBytes(value, bytes, 0, bytes.length);
          files.setXattr(inode, name(name), bytes, flags);
          request.reply(Errno.OK);
        });
  }

  void get(long address, long inode, long name, long sizeBytes) {
    wrapper.handle(
        "getxattr",
        address,
        inode,
        (worker, request) -> {
          byte[] value = files.xattrOrNull(inode, name(name));
          if (value == null) {
            // No exception: the kernel asks for one that is absent before every write.
            request.reply(ErrorCode.NO_DATA.errno());
          } else {
            Operations.checkCount(value.length, PoolFileSystem.XATTR_VALUE_BYTES_MAX);
            NativeMemory.putBytes(worker.replyBuffer, value, 0, value.length);
            reply(worker, request, value.length, sizeBytes);
          }
        });
  }

  void list(long address, long inode, long sizeBytes) {
    wrapper.handle(
        new FuseRequest.Call("listxattr", FuseRequest.Kind.FREE, inode),
        address,
        (worker, request, caller) ->
            reply(worker, request, putNames(worker, files.xattrNames(caller, inode)), sizeBytes));
  }

  /** Puts the names into the reply's buffer, each with a zero byte; how long that is. */
  private static int putNames(Worker worker, List<byte[]> names) {
    int at = 0;
    for (byte[] name : names) {
      Operations.checkCount(at + name.length + 1, PoolFileSystem.XATTR_LIST_BYTES_MAX);
      NativeMemory.putBytes(worker.replyBuffer + at, name, 0, name.length);
      at += name.length;
      NativeMemory.putZero(worker.replyBuffer + at++);
    }
    return at;
  }

  void remove(long address, long inode, long name) {
    wrapper.change(
        "removexattr",
        address,
        inode,
        (worker, request) -> {
          files.removeXattr(inode, name(name));
          request.reply(Errno.OK);
        });
  }

  /** The size alone when no room was given; what is in the reply's buffer when it fits. */
  private void reply(Worker worker, FuseRequest request, int count, long sizeBytes) {
    if (sizeBytes != 0 && count > sizeBytes) {
      request.reply(ErrorCode.RANGE.errno());
    } else if (request.claim()) {
      if (sizeBytes == 0) {
        library.fuse_reply_xattr(request.address(), count);
      } else {
        library.fuse_reply_buf(request.address(), worker.replyBuffer, count);
      }
    }
  }

  private static byte[] name(long address) {
    byte[] name = NativeMemory.getString(address);
    if (name.length == 0 || name.length > PoolFileSystem.NAME_BYTES_MAX) {
      throw new HoldfastException(
          ErrorCode.RANGE, "check xattr name: expected=1 to 255 bytes, was=" + name.length);
    }
    return name;
  }
}
