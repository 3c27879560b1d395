package holdfast.client.fuse;

import holdfast.client.fuse.binding.FuseCalls;
import java.util.ArrayList;
import java.util.List;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * The struct fuse_lowlevel_ops of libfuse 2.9: an array of function pointers. What is not set stays
 * NULL, and libfuse answers ENOSYS (ioctl, for one). Keeps a strong reference to every callback:
 * C's pointers keep none. Must outlive the session.
 */
final class OperationTable {
  /**
   * In the struct's order: init destroy lookup forget getattr setattr readlink mknod mkdir unlink
   * rmdir symlink rename link open read write flush release fsync opendir readdir releasedir
   * fsyncdir statfs setxattr getxattr listxattr removexattr access create getlk setlk bmap ioctl
   * poll write_buf retrieve_reply forget_multi flock fallocate.
   */
  private enum Slot {
    INIT,
    DESTROY,
    LOOKUP,
    FORGET,
    GETATTR,
    SETATTR,
    READLINK,
    MKNOD,
    MKDIR,
    UNLINK,
    RMDIR,
    SYMLINK,
    RENAME,
    LINK,
    OPEN,
    READ,
    WRITE,
    FLUSH,
    RELEASE,
    FSYNC,
    OPENDIR,
    READDIR,
    RELEASEDIR,
    FSYNCDIR,
    STATFS,
    SETXATTR,
    GETXATTR,
    LISTXATTR,
    REMOVEXATTR,
    ACCESS,
    CREATE,
    GETLK,
    SETLK,
    BMAP,
    IOCTL,
    POLL,
    WRITE_BUF,
    RETRIEVE_REPLY,
    FORGET_MULTI,
    FLOCK,
    FALLOCATE
  }

  /** The struct's size in bytes. */
  static final long BYTES = (long) Long.BYTES * Slot.values().length;

  private final LockOperations locks;
  private final List<Object> callbacks = new ArrayList<>();
  private final long address = NativeMemory.allocate(BYTES);

  /** {@code ready} is called when kernel and libfuse have agreed. */
  OperationTable(Operations to, Runnable ready) {
    XattrOperations xattrs = to.xattrs();
    FileOperations files = to.files();
    locks = to.locks();
    locks.attach(function(FuseCalls.Inode.class, locks::interrupted));
    set(Slot.INIT, FuseCalls.Init.class, (userData, connection) -> ready.run());
    set(Slot.LOOKUP, FuseCalls.InodeAnd.class, to::lookup);
    set(Slot.FORGET, FuseCalls.InodeAnd.class, to::forget);
    set(Slot.GETATTR, FuseCalls.InodeAnd.class, to::getAttributes);
    set(Slot.SETATTR, FuseCalls.SetAttributes.class, to::setAttributes);
    set(Slot.READLINK, FuseCalls.Inode.class, to::readLink);
    set(Slot.MKNOD, FuseCalls.NameModeAnd.class, to::makeNode);
    set(Slot.MKDIR, FuseCalls.NameMode.class, to::makeDirectory);
    set(Slot.UNLINK, FuseCalls.InodeAnd.class, to::unlink);
    set(Slot.RMDIR, FuseCalls.InodeAnd.class, to::removeDirectory);
    set(Slot.SYMLINK, FuseCalls.Three.class, to::symbolicLink);
    set(Slot.RENAME, FuseCalls.Four.class, to::rename);
    set(Slot.LINK, FuseCalls.Three.class, to::link);
    set(Slot.OPEN, FuseCalls.InodeAnd.class, files::open);
    set(Slot.READ, FuseCalls.Four.class, files::read);
    set(Slot.WRITE, FuseCalls.Write.class, files::write);
    set(Slot.FLUSH, FuseCalls.InodeAnd.class, files::flush);
    set(Slot.RELEASE, FuseCalls.InodeAnd.class, files::release);
    set(Slot.FSYNC, FuseCalls.Sync.class, files::fsync);
    set(Slot.OPENDIR, FuseCalls.InodeAnd.class, to::openDirectory);
    set(Slot.READDIR, FuseCalls.Four.class, to::readDirectory);
    set(Slot.RELEASEDIR, FuseCalls.InodeAnd.class, to::releaseDirectory);
    set(Slot.FSYNCDIR, FuseCalls.Sync.class, to::fsyncDirectory);
    set(Slot.STATFS, FuseCalls.Inode.class, to::statistics);
    set(Slot.SETXATTR, FuseCalls.SetXattr.class, xattrs::set);
    set(Slot.GETXATTR, FuseCalls.Three.class, xattrs::get);
    set(Slot.LISTXATTR, FuseCalls.InodeAnd.class, xattrs::list);
    set(Slot.REMOVEXATTR, FuseCalls.InodeAnd.class, xattrs::remove);
    set(Slot.ACCESS, FuseCalls.Mask.class, to::access);
    set(Slot.CREATE, FuseCalls.NameModeAnd.class, to::create);
    set(Slot.GETLK, FuseCalls.Three.class, locks::get);
    set(Slot.SETLK, FuseCalls.SetLock.class, locks::set);
    set(Slot.FLOCK, FuseCalls.Flock.class, locks::flock);
    set(Slot.FALLOCATE, FuseCalls.Allocate.class, files::allocate);
    set(Slot.FORGET_MULTI, FuseCalls.InodeAnd.class, to::forgetMany);
  }

  /** The address of the struct. */
  long address() {
    return address;
  }

  /** No callback comes any more: requests that still wait for an answer get theirs. */
  void end() {
    locks.close();
  }

  /** Gives the struct back when the session is destroyed. */
  void free() {
    NativeMemory.free(address);
    callbacks.clear();
  }

  private <T> void set(Slot slot, Class<T> shape, T callback) {
    NativeMemory.putLong(address + (long) Long.BYTES * slot.ordinal(), function(shape, callback));
  }

  private <T> long function(Class<T> shape, T callback) {
    Pointer function =
        Runtime.getSystemRuntime().getClosureManager().getClosurePointer(shape, callback);
    callbacks.add(callback);
    return function.address();
  }
}
