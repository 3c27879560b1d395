package holdfast.client.fuse;

import holdfast.client.api.AbsentException;
import holdfast.client.api.CreatedFile;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.fuse.binding.LibFuse;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.Invariants;
import holdfast.util.MonotonicClock;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * libfuse's callbacks: each turns one request into one call of the file system and one reply. All
 * go through {@link RequestWrapper}, which answers whatever is thrown, so that no caller waits for
 * ever and none takes a failure for success. A late result (the watchdog has replied) is undone
 * where it left something open; what it has changed, {@link AbandonedCalls} sees to.
 */
final class Operations {
  // struct fuse_forget_data { uint64_t ino; uint64_t nlookup; }
  private static final int FORGET_BYTES = 16;

  private final LibFuse library;
  private final PoolFileSystem files;
  private final StructLayouts layouts;
  private final LookupCounts counts;
  private final FailureLog failures;
  private final RequestWrapper wrapper;
  private final XattrOperations xattrs;
  private final LockOperations locks;
  private final FileOperations fileOperations;
  private final AbandonedCalls abandoned;

  /** Whether the kernel needs directories opened; where it doesn't, it keeps their listings. */
  private final boolean opensDirectories;

  Operations(
      LibFuse library,
      PoolFileSystem files,
      StructLayouts layouts,
      LookupCounts counts,
      MonotonicClock clock,
      boolean opensDirectories) {
    this.library = library;
    this.files = files;
    this.layouts = layouts;
    this.counts = counts;
    this.opensDirectories = opensDirectories;
    failures = new FailureLog(clock);
    abandoned = new AbandonedCalls(files);
    wrapper = new RequestWrapper(library, layouts, clock, failures, abandoned);
    fileOperations = new FileOperations(library, files, layouts, wrapper, abandoned);
    xattrs = new XattrOperations(library, files, wrapper);
    locks = new LockOperations(library, files, layouts, wrapper);
  }

  LockOperations locks() {
    return locks;
  }

  XattrOperations xattrs() {
    return xattrs;
  }

  FileOperations files() {
    return fileOperations;
  }

  AbandonedCalls abandoned() {
    return abandoned;
  }

  /** From now on every request is refused with ENOTCONN: the file system is being closed. */
  void stop() {
    wrapper.stop();
  }

  boolean isStopped() {
    return wrapper.isStopped();
  }

  void lookup(long address, long parent, long name) {
    wrapper.handle(
        "lookup",
        address,
        parent,
        (worker, request) -> {
          try {
            replyEntry(worker, request, files.lookup(parent, name(name)));
          } catch (AbsentException e) {
            replyAbsent(worker, request, e);
          }
        });
  }

  /** The kernel keeps that the name isn't there. */
  private void replyAbsent(Worker worker, FuseRequest request, AbsentException absent) {
    if (absent.timeoutMs() == 0) {
      throw absent;
    }
    layouts.putAbsent(worker.entry, absent.timeoutMs());
    if (request.claim()) {
      library.fuse_reply_entry(request.address(), worker.entry);
    }
  }

  void forget(long address, long inode, long count) {
    try {
      forgetOne(inode, count);
    } catch (Throwable e) {
      failures.bug("forget", e);
    } finally {
      library.fuse_reply_none(address);
    }
  }

  void forgetMany(long address, long entryCount, long entries) {
    try {
      for (long i = 0; i < entryCount; i++) {
        long entry = entries + i * FORGET_BYTES;
        forgetOne(NativeMemory.getLong(entry), NativeMemory.getLong(entry + Long.BYTES));
      }
    } catch (Throwable e) {
      failures.bug("forget", e);
    } finally {
      library.fuse_reply_none(address);
    }
  }

  private void forgetOne(long inode, long count) {
    if (counts.subtract(inode, count) && !wrapper.isStopped()) {
      files.forget(inode);
    }
  }

  void getAttributes(long address, long inode, long fileInfo) {
    wrapper.handle(
        "getattr",
        address,
        inode,
        (worker, request) -> replyAttributes(worker, request, files.attributes(inode)));
  }

  void setAttributes(long address, long inode, long stat, int mask, long fileInfo) {
    wrapper.change(
        "setattr",
        address,
        inode,
        (worker, request) -> {
          var change = layouts.getChange(stat, mask);
          long handle = fileInfo == 0 ? PoolFileSystem.NO_HANDLE : layouts.getHandle(fileInfo);
          replyAttributes(worker, request, files.setAttributes(inode, change, handle));
        });
  }

  void readLink(long address, long inode) {
    wrapper.handle(
        "readlink",
        address,
        inode,
        (worker, request) -> {
          byte[] target = files.readLink(inode);
          checkCount(target.length, PoolFileSystem.TARGET_BYTES_MAX);
          replyBytes(worker, request, target, target.length);
        });
  }

  void makeNode(long address, long parent, long name, int mode, long rdev) {
    wrapper.change(
        "mknod",
        address,
        parent,
        (worker, request, caller) ->
            replyEntry(
                worker, request, files.makeNode(caller, parent, name(name), mode, (int) rdev)));
  }

  void makeDirectory(long address, long parent, long name, int mode) {
    wrapper.change(
        "mkdir",
        address,
        parent,
        (worker, request, caller) ->
            replyEntry(
                worker,
                request,
                files.makeDirectory(
                    caller, parent, name(name), mode & FileAttributes.PERMISSION_MASK)));
  }

  void unlink(long address, long parent, long name) {
    wrapper.change(
        "unlink",
        address,
        parent,
        (worker, request) -> {
          files.unlink(parent, name(name));
          request.reply(Errno.OK);
        });
  }

  void removeDirectory(long address, long parent, long name) {
    wrapper.change(
        "rmdir",
        address,
        parent,
        (worker, request) -> {
          files.removeDirectory(parent, name(name));
          request.reply(Errno.OK);
        });
  }

  void symbolicLink(long address, long target, long parent, long name) {
    wrapper.change(
        "symlink",
        address,
        parent,
        (worker, request, caller) -> {
          byte[] bytes = NativeMemory.getString(target);
          if (bytes.length > PoolFileSystem.TARGET_BYTES_MAX) {
            throw tooLong("symbolic link target", PoolFileSystem.TARGET_BYTES_MAX, bytes);
          }
          replyEntry(worker, request, files.symbolicLink(caller, parent, name(name), bytes));
        });
  }

  void rename(long address, long parent, long name, long newParent, long newName) {
    wrapper.handle(
        new FuseRequest.Call("rename", FuseRequest.Kind.CHANGE, parent, newParent),
        address,
        (worker, request) -> {
          files.rename(parent, name(name), newParent, name(newName), 0);
          request.reply(Errno.OK);
        });
  }

  void link(long address, long inode, long newParent, long newName) {
    wrapper.change(
        "link",
        address,
        inode,
        (worker, request) ->
            replyEntry(worker, request, files.link(inode, newParent, name(newName))));
  }

  void create(long address, long parent, long name, int mode, long fileInfo) {
    wrapper.change(
        "create",
        address,
        parent,
        (worker, request, caller) -> {
          int flags = layouts.getOpenFlags(fileInfo);
          CreatedFile created =
              files.create(
                  caller, parent, name(name), mode & FileAttributes.PERMISSION_MASK, flags);
          replyCreated(worker, request, fileInfo, created);
        });
  }

  void openDirectory(long address, long inode, long fileInfo) {
    wrapper.handle(
        "opendir",
        address,
        inode,
        (worker, request) -> {
          if (!opensDirectories) {
            request.reply(Errno.ENOSYS); // the kernel asks for no other and keeps listings
            return;
          }
          layouts.putHandle(fileInfo, PoolFileSystem.NO_HANDLE, false);
          if (request.claim()) {
            library.fuse_reply_open(request.address(), fileInfo);
          }
        });
  }

  void readDirectory(long address, long inode, long sizeBytes, long cookie, long fileInfo) {
    wrapper.handle(
        "readdir",
        address,
        inode,
        (worker, request) -> {
          int room = (int) Math.min(sizeBytes, worker.data.length);
          var out = ByteBuffer.wrap(worker.data, 0, room).order(ByteOrder.nativeOrder());
          files.readDirectory(
              inode,
              cookie,
              (name, entryInode, type, nextCookie) ->
                  DirectoryEntry.put(out, name, entryInode, type, nextCookie));
          replyBytes(worker, request, worker.data, out.position());
          files.listed(inode);
        });
  }

  void releaseDirectory(long address, long inode, long fileInfo) {
    wrapper.handle("releasedir", address, inode, (worker, request) -> request.reply(Errno.OK));
  }

  void fsyncDirectory(long address, long inode, int dataOnly, long fileInfo) {
    wrapper.handle(
        "fsyncdir",
        address,
        inode,
        (worker, request) -> {
          files.fsyncDirectory(inode, dataOnly != 0);
          request.reply(Errno.OK);
        });
  }

  void statistics(long address, long inode) {
    wrapper.handle(
        "statfs",
        address,
        inode,
        (worker, request) -> {
          layouts.putSpace(worker.statvfs, files.statistics());
          if (request.claim()) {
            library.fuse_reply_statfs(request.address(), worker.statvfs);
          }
        });
  }

  void access(long address, long inode, int mask) {
    wrapper.handle(
        new FuseRequest.Call("access", FuseRequest.Kind.FREE, inode),
        address,
        (worker, request, caller) -> {
          files.access(caller, inode, mask);
          request.reply(Errno.OK);
        });
  }

  private void replyEntry(Worker worker, FuseRequest request, FileAttributes attributes) {
    layouts.putEntry(worker.entry, attributes);
    counts.add(attributes.inode());
    if (!request.claim() || library.fuse_reply_entry(request.address(), worker.entry) != Errno.OK) {
      forgetOne(attributes.inode(), 1);
    }
  }

  private void replyCreated(
      Worker worker, FuseRequest request, long fileInfo, CreatedFile created) {
    long inode = created.attributes().inode();
    layouts.putEntry(worker.entry, created.attributes());
    layouts.putHandle(fileInfo, created.handle(), false);
    counts.add(inode);
    if (!request.claim()
        || library.fuse_reply_create(request.address(), worker.entry, fileInfo) != Errno.OK) {
      files.release(created.handle());
      forgetOne(inode, 1);
    }
  }

  private void replyAttributes(Worker worker, FuseRequest request, FileAttributes attributes) {
    layouts.putStat(worker.stat, attributes);
    if (request.claim()) {
      library.fuse_reply_attr(
          request.address(), worker.stat, layouts.attributeTimeoutS(attributes));
    }
  }

  private void replyBytes(Worker worker, FuseRequest request, byte[] source, int count) {
    NativeMemory.putBytes(worker.replyBuffer, source, 0, count);
    if (request.claim()) {
      library.fuse_reply_buf(request.address(), worker.replyBuffer, count);
    }
  }

  /** A wrong count would read or write memory that isn't ours. */
  static void checkCount(int count, int countMax) {
    Invariants.check(
        count >= 0 && count <= countMax,
        "check file system's count: expected=0 to %d, was=%d",
        countMax,
        count);
  }

  private static byte[] name(long address) {
    byte[] name = NativeMemory.getString(address);
    if (name.length > PoolFileSystem.NAME_BYTES_MAX) {
      throw tooLong("name", PoolFileSystem.NAME_BYTES_MAX, name);
    }
    return name;
  }

  private static HoldfastException tooLong(String what, int bytesMax, byte[] bytes) {
    return new HoldfastException(
        ErrorCode.NAME_TOO_LONG,
        "check " + what + ": expected=at most " + bytesMax + " bytes, was=" + bytes.length);
  }
}
