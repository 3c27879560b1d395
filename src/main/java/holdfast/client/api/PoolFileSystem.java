package holdfast.client.api;

import java.util.List;

/**
 * The pool's file system by inode: what a mount needs, without a word about FUSE.
 *
 * <p><b>Errors.</b> Every method throws {@link holdfast.model.HoldfastException}; its code decides
 * the errno a program sees. Nothing else is expected to be thrown (what is, becomes EIO).
 *
 * <p><b>Threads.</b> Every method may be called from many threads at once, and may block, but never
 * beyond the mount's deadline: a call that can't finish throws {@code TIMED_OUT} or {@code
 * UNREACHABLE}. Calls on one handle may overlap. No method keeps an array it was given, nor an
 * array's content, after it returned.
 *
 * <p><b>Names</b> are raw bytes, 1 to {@value #NAME_BYTES_MAX}, never containing 0 or '/', and
 * never "." or "..", in no particular encoding. The mount has checked them.
 *
 * <p><b>Permissions</b> are checked by the kernel ({@code default_permissions}) before a call: the
 * implementation checks none, except in {@link #access}.
 *
 * <p><b>Visibility.</b> What returned here is seen by the next call of any thread on this file
 * system. What other clients see and when is the implementation's matter.
 */
public interface PoolFileSystem extends AutoCloseable {
  /** The root directory's inode number. Always there. */
  long ROOT_INODE = 1;

  /** Stands for "no handle" where one is optional. */
  long NO_HANDLE = -1;

  /** The longest name, in bytes. */
  int NAME_BYTES_MAX = 255;

  /** The longest symbolic link target, in bytes. */
  int TARGET_BYTES_MAX = 4_095;

  /** The most bytes one {@link #read} or {@link #write} of a mount carries: libfuse 2's ceiling. */
  int TRANSFER_BYTES_MAX = 131_072;

  /** Invalidations of what the kernel caches of this file system go to this cache from now on. */
  default void attach(KernelCache cache) {}

  /**
   * When something of the work for this thread's call moved last, on the clock that this file
   * system was made with: who watches over calls gives it that much more time. Any thread.
   *
   * @return a time long past where nothing is known
   */
  default long movedNs(Thread thread) {
    return Long.MIN_VALUE / 2;
  }

  /**
   * A call that changes the inode, or something in that directory, has ended whose caller was told
   * before that it failed: what the kernel knows may be wrong. Does not wait until it has
   * forgotten.
   */
  default void changedUnseen(long inode) {}

  /** The attributes of an inode; an unlinked one that is still open has them too. */
  FileAttributes attributes(long inode);

  /**
   * Changes what {@code change} names, all or nothing, and returns the attributes afterwards. A
   * larger size makes a hole; a smaller one cuts, and never brings old bytes back when grown again.
   * {@code handle} is the open file through which the change came (ftruncate), or {@link
   * #NO_HANDLE}.
   */
  FileAttributes setAttributes(long inode, AttributeChange change, long handle);

  /** Finds a name; {@code NOT_FOUND} (an {@link AbsentException}, maybe) if there is none. */
  FileAttributes lookup(long parent, byte[] name);

  /**
   * The kernel has forgotten the inode: what is cached for it may be dropped. A hint, never a need:
   * a lookup on another thread may just have returned the same inode, and open handles stay good.
   */
  void forget(long inode);

  /**
   * Creates a regular file and opens it. If the name is taken it opens what is there, cut to
   * nothing with O_TRUNC; with O_EXCL that is {@code EXISTS}. {@code mode} is permission bits, the
   * caller's umask applied already; {@code openFlags} as for {@link #open}. The file's owner is the
   * caller; its group too, unless the parent has its set-group-id bit, then the parent's (the same
   * in every method that makes an inode; a directory inherits the bit).
   */
  CreatedFile create(Caller caller, long parent, byte[] name, int mode, int openFlags);

  /** Creates a directory; mode as in {@link #create}. */
  FileAttributes makeDirectory(Caller caller, long parent, byte[] name, int mode);

  /**
   * Creates a special file or an unopened regular one: {@code mode} has a type ({@link
   * FileAttributes#TYPE_MASK}) and permission bits; {@code rdev} counts for devices only.
   */
  FileAttributes makeNode(Caller caller, long parent, byte[] name, int mode, int rdev);

  /** Creates a symbolic link with a target of 1 to {@value #TARGET_BYTES_MAX} bytes. */
  FileAttributes symbolicLink(Caller caller, long parent, byte[] name, byte[] target);

  /** A symbolic link's target; {@code INVALID} if the inode is none. */
  byte[] readLink(long inode);

  /**
   * Removes a name that isn't a directory's. The inode lives on while another name or an open
   * handle of this file system has it open.
   */
  void unlink(long parent, byte[] name);

  /** Removes an empty directory; {@code NOT_EMPTY}, {@code NOT_DIRECTORY}. */
  void removeDirectory(long parent, byte[] name);

  /** Flag of {@link #rename}: fail with {@code EXISTS} if the new name is taken. */
  int RENAME_NO_REPLACE = 1;

  /** Flag of {@link #rename}: swap the two names. */
  int RENAME_EXCHANGE = 2;

  /**
   * Renames atomically, replacing what has the new name (a directory only by a directory, and only
   * when empty). Two names of one inode: nothing happens. {@code flags}: 0 or one of the {@code
   * RENAME_} flags; {@code INVALID} for any other and for moving a directory into itself.
   */
  void rename(long parent, byte[] name, long newParent, byte[] newName, int flags);

  /** Gives an inode that is no directory one more name; {@code UNSUPPORTED} if it can't. */
  FileAttributes link(long inode, long newParent, byte[] newName);

  /**
   * Opens a regular file. {@code openFlags} are those of Linux's open(2); O_CREAT, O_EXCL and
   * O_TRUNC never come (truncation comes as {@link #setAttributes}), and O_APPEND comes with each
   * write, as {@link #append}: it can be changed while the file is open.
   */
  OpenedFile open(long inode, int openFlags);

  /**
   * Reads {@code length} bytes (0 to {@value #TRANSFER_BYTES_MAX}) from {@code offset} into {@code
   * target}; returns how many it read: fewer only at the end of the file. {@code offset} is 0 to
   * 2<sup>63</sup>-1, also beyond the end.
   */
  int read(long handle, long offset, byte[] target, int targetOffset, int length);

  /**
   * Writes {@code length} bytes (0 to {@value #TRANSFER_BYTES_MAX}) of {@code source} at {@code
   * offset}; returns how many it accepted, always all. Durable only after {@link #fsync}; with the
   * pool after {@link #flush}. {@code TOO_LARGE} when the end would pass the largest file.
   */
  int write(long handle, long offset, byte[] source, int sourceOffset, int length);

  /**
   * As {@link #write}, at the file's end, and there in one piece whatever others append meanwhile.
   *
   * @param kernelEnd where the kernel takes the end to be, and has put the bytes in its cache
   */
  default int append(long handle, long kernelEnd, byte[] source, int sourceOffset, int length) {
    return write(handle, kernelEnd, source, sourceOffset, length);
  }

  /** Flag of {@link #allocate}: the size stays. */
  int ALLOCATE_KEEP_SIZE = 1;

  /** Flag of {@link #allocate}, with {@link #ALLOCATE_KEEP_SIZE}: the range becomes a hole. */
  int ALLOCATE_PUNCH_HOLE = 2;

  /** Flag of {@link #allocate}: the range reads as zeros. */
  int ALLOCATE_ZERO_RANGE = 16;

  /**
   * fallocate(2): without a flag the file is made to reach the end of the range, with zeros;
   * otherwise as the flags say. No space is reserved: {@code NO_SPACE} says that there is not
   * enough now. {@code UNSUPPORTED} for any other mode.
   */
  void allocate(long handle, int mode, long offset, long lengthBytes);

  /**
   * A close(2) of one of the handle's descriptors: what was written so far is with the pool on
   * return. Throws what has made something written lost, each time until an {@link #fsync} of this
   * handle reported it; once, if nothing was written through the handle. May come several times,
   * and not at all.
   */
  void flush(long handle);

  /**
   * A process has closed one of its descriptors of the file: all its record locks there are gone,
   * by whichever handle they were set. Where the pool can't be reached they are released later;
   * with the end of this client's session they are gone at the latest.
   *
   * @param owner the kernel's number for the process
   */
  void releaseLocks(long handle, long owner);

  /** A lock that keeps the wanted one from being set, or null. */
  LockRequest lockInTheWayOrNull(long inode, LockRequest wanted);

  /**
   * Sets a lock for its owner, in place of what it had on these bytes, or releases it. What was
   * written to the file here before is with the pool by then; with a lock, what others wrote before
   * they released theirs is what is read here from then on. {@code LOCKED} when another's is in the
   * way, {@code NO_LOCKS} when the file has too many. Locks are the pool's, for all mounts. They go
   * with the last close of the handle, and with this client's session; then the handle fails for
   * good.
   */
  void lock(long handle, LockRequest request);

  /**
   * Sets a lock as {@link #lock} does, as soon as it is free; returns at once. {@code NO_LOCKS}
   * when too many wait.
   */
  PendingLock lockWhenFree(long handle, LockRequest request, PendingLock.Listener listener);

  /**
   * What was written so far, through any handle, is forced to disk in the pool on return. Throws,
   * once, what has made something written lost, whichever call reported it before.
   */
  void fsync(long handle, boolean dataOnly);

  /** The last descriptor is gone: comes exactly once. A failure is logged only. */
  void release(long handle);

  /**
   * A part of the directory's listing has reached the kernel, which keeps it unless it is recalled
   * now. Does not wait for that.
   */
  default void listed(long directory) {}

  /**
   * Gives entries to {@code sink}, "." and ".." first, until there are no more or it is full.
   * {@code cookie} 0 starts over; any other was given to a sink for this inode, and goes on behind
   * that entry. Names that are there from start to end come exactly once, whatever else is added or
   * removed meanwhile.
   */
  void readDirectory(long directory, long cookie, DirectorySink sink);

  /** Forces the directory's entries to disk in the pool. */
  void fsyncDirectory(long directory, boolean dataOnly);

  /** The longest value of an extended attribute, in bytes. */
  int XATTR_VALUE_BYTES_MAX = 65_536;

  /** The longest listing of an inode's extended attributes, each name with a zero byte. */
  int XATTR_LIST_BYTES_MAX = 65_536;

  /** Flag of {@link #setXattr}: fail with {@code EXISTS} if the name is there. */
  int XATTR_CREATE = 1;

  /** Flag of {@link #setXattr}: fail with {@code NO_DATA} if it isn't. */
  int XATTR_REPLACE = 2;

  /**
   * An extended attribute's value, or null if there is none of that name. The kernel asks for
   * security.capability before every write: that must cost next to nothing. Names are raw bytes
   * with their namespace in front; {@code UNSUPPORTED} for a namespace there is not. What kinds of
   * file may have which namespaces the kernel has checked.
   */
  byte[] xattrOrNull(long inode, byte[] name);

  /** The names of an inode's extended attributes that this caller may know of. */
  List<byte[]> xattrNames(Caller caller, long inode);

  /**
   * Sets an extended attribute; {@code flags}: 0 or one of the {@code XATTR_} flags. {@code
   * ARGUMENT_TOO_LARGE} for the value, {@code NO_SPACE} when the inode has no room for it.
   */
  void setXattr(long inode, byte[] name, byte[] value, int flags);

  /** Removes an extended attribute; {@code NO_DATA} if there is none of that name. */
  void removeXattr(long inode, byte[] name);

  /** The pool's room; answered from memory where possible. */
  PoolSpace statistics();

  /**
   * Checks access(2): {@code mask} has bits 4 read, 2 write, 1 execute, or is 0 for existence;
   * {@code ACCESS_DENIED}. A mount with {@code default_permissions} hardly ever calls it.
   */
  void access(Caller caller, long inode, int mask);

  /** Writes out what is dirty, ends the session, releases everything. Comes once, last. */
  @Override
  void close();
}
