package holdfast.client.api;

/**
 * The kernel's cache of this file system, as its invalidations reach it: the mount implements it.
 * Blocks until the kernel has dropped the entry; it may wait for a lock that a call of the same
 * kernel has, so never call it from within a call of the file system. Any thread. What the kernel
 * doesn't know is no error.
 */
public interface KernelCache {
  /** Nothing is kept. */
  KernelCache NONE =
      new KernelCache() {
        @Override
        public void forgetInode(long inode, boolean content) {}

        @Override
        public void forgetEntry(long directory, byte[] name) {}

        @Override
        public void expireEntry(long directory, byte[] name) {}
      };

  /**
   * Attributes of the inode are asked for again; with {@code content} its pages are dropped too.
   */
  void forgetInode(long inode, boolean content);

  /** The name, or that it isn't there, has changed and is looked up again. */
  void forgetEntry(long directory, byte[] name);

  /**
   * The name may have changed and is looked up again. Programs that work in a directory of that
   * name know until then where they are, which {@link #forgetEntry} would take from them.
   */
  void expireEntry(long directory, byte[] name);
}
