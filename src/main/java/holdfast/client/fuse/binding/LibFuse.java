package holdfast.client.fuse.binding;

/**
 * The functions of libfuse 2.9 that are called, by their C names. Pointers and size_t are longs.
 * The replies return 0 or a negative errno; each frees its request, which must never be used again.
 */
public interface LibFuse {
  long fuse_mount(long mountPoint, long arguments);

  void fuse_unmount(long mountPoint, long channel);

  void fuse_opt_free_args(long arguments);

  long fuse_lowlevel_new(long arguments, long operations, long operationsBytes, long userData);

  void fuse_session_add_chan(long session, long channel);

  void fuse_session_destroy(long session);

  long fuse_chan_bufsize(long channel);

  int fuse_chan_recv(long channelHolder, long buffer, long bufferBytes);

  int fuse_chan_send(long channel, long vector, long vectorCount);

  void fuse_session_process(long session, long buffer, long lengthBytes, long channel);

  long fuse_req_ctx(long request);

  int fuse_reply_err(long request, int errno);

  void fuse_reply_none(long request);

  int fuse_reply_entry(long request, long entry);

  int fuse_reply_create(long request, long entry, long fileInfo);

  int fuse_reply_attr(long request, long stat, double timeoutS);

  int fuse_reply_open(long request, long fileInfo);

  int fuse_reply_write(long request, long count);

  int fuse_reply_buf(long request, long buffer, long sizeBytes);

  int fuse_reply_xattr(long request, long count);

  int fuse_reply_statfs(long request, long statvfs);

  int fuse_reply_lock(long request, long flock);

  void fuse_req_interrupt_func(long request, long function, long data);

  int fuse_lowlevel_notify_inval_inode(long channel, long inode, long offset, long lengthBytes);

  int fuse_lowlevel_notify_inval_entry(long channel, long parent, long name, long nameBytes);
}
