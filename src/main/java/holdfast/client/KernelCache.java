package holdfast.client;

/**
 * What the kernel keeps of this file system, to be taken back. Blocks until the kernel has let go;
 * it may wait for a lock that a call of the same kernel holds, so never call it from within a call
 * of the file system. Any thread. What the kernel doesn't know is no error.
 */
public interface KernelCache {
  /** Nothing is kept. */
  KernelCache NONE =
      new KernelCache() {
        @Override
        public void forgetInode(long inode, boolean content) {}

        @Override
        public void forgetEntry(long directory, byte[] name) {}
      };

  /**
   * Attributes of the inode are asked for again; with {@code content} its pages are dropped too.
   */
  void forgetInode(long inode, boolean content);

  /** The name, or that it isn't there, is looked up again. */
  void forgetEntry(long directory, byte[] name);
}
