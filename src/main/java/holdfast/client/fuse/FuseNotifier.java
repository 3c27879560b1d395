package holdfast.client.fuse;

import holdfast.client.api.KernelCache;
import holdfast.client.fuse.binding.LibFuse;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Sends invalidations to the kernel over the mount's channel, until {@link #close}: the channel is
 * freed afterwards. Blocks as long as the kernel does; a mount that ends wakes it.
 */
final class FuseNotifier implements KernelCache {
  private static final Logger LOG = System.getLogger("holdfast.client.fuse");

  /** As an offset: only attributes are forgotten. */
  private static final long ATTRIBUTES_ONLY = -1;

  /** struct iovec: address, length. */
  private static final int VECTOR_BYTES = 16;

  /** struct fuse_out_header: length, code, unique; of a message that answers nothing. */
  private static final int HEADER_BYTES = 16;

  private static final int HEADER_CODE_AT = 4;

  /** FUSE_NOTIFY_INVAL_ENTRY and its struct: directory, length of the name, flags. */
  private static final int CODE_INVAL_ENTRY = 3;

  private static final int NAME_LENGTH_AT = HEADER_BYTES + 8;
  private static final int FLAGS_AT = HEADER_BYTES + 12;
  private static final int NAME_AT = HEADER_BYTES + 16;

  /** Linux 6.2 and later; older ones don't look at flags and drop the name. */
  private static final int FLAG_EXPIRE_ONLY = 1;

  private final LibFuse library;
  private final long channel;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean isClosed;

  FuseNotifier(LibFuse library, long channel) {
    this.library = library;
    this.channel = channel;
  }

  @Override
  public void forgetInode(long inode, boolean content) {
    lock.readLock().lock();
    try {
      if (!isClosed) {
        long offset = content ? 0 : ATTRIBUTES_ONLY;
        check("inode", inode, library.fuse_lowlevel_notify_inval_inode(channel, inode, offset, 0));
      }
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public void forgetEntry(long directory, byte[] name) {
    long text = NativeMemory.allocate(name.length + 1L);
    NativeMemory.putBytes(text, name, 0, name.length);
    lock.readLock().lock();
    try {
      if (!isClosed) {
        check(
            "name in",
            directory,
            library.fuse_lowlevel_notify_inval_entry(channel, directory, text, name.length));
      }
    } finally {
      lock.readLock().unlock();
      NativeMemory.free(text);
    }
  }

  /** Written out here because libfuse 2 knows no flags. */
  @Override
  public void expireEntry(long directory, byte[] name) {
    int messageBytes = NAME_AT + name.length + 1;
    long vector = NativeMemory.allocate(VECTOR_BYTES + messageBytes);
    long message = vector + VECTOR_BYTES;
    NativeMemory.putLong(vector, message);
    NativeMemory.putLong(vector + Long.BYTES, messageBytes);
    NativeMemory.putInt(message, messageBytes);
    NativeMemory.putInt(message + HEADER_CODE_AT, CODE_INVAL_ENTRY);
    NativeMemory.putLong(message + HEADER_BYTES, directory);
    NativeMemory.putInt(message + NAME_LENGTH_AT, name.length);
    NativeMemory.putInt(message + FLAGS_AT, FLAG_EXPIRE_ONLY);
    NativeMemory.putBytes(message + NAME_AT, name, 0, name.length);
    lock.readLock().lock();
    try {
      if (!isClosed) {
        check("name in", directory, library.fuse_chan_send(channel, vector, 1));
      }
    } finally {
      lock.readLock().unlock();
      NativeMemory.free(vector);
    }
  }

  private static void check(String what, long inode, int result) {
    // The kernel doesn't know it, or the mount has ended: nothing is kept.
    if (result != 0
        && result != -Errno.ENOENT
        && result != -Errno.ENOTCONN
        && result != -Errno.ENODEV) {
      LOG.log(Level.WARNING, "forget {0} {1}: expected=0, was={2}", what, inode, result);
    }
  }

  /** Waits for notifications in flight; later ones do nothing. */
  void close() {
    lock.writeLock().lock();
    try {
      isClosed = true;
    } finally {
      lock.writeLock().unlock();
    }
  }
}
