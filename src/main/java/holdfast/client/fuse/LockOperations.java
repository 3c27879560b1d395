package holdfast.client.fuse;

import holdfast.client.LockRequest;
import holdfast.client.PendingLock;
import holdfast.client.PoolFileSystem;
import holdfast.client.fuse.binding.LibFuse;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/**
 * The callbacks for fcntl(2)'s and flock(2)'s locks, and for close(2), which releases them.
 * Otherwise as {@link Operations}, but a call that waits for a lock is parked: it has no thread and
 * no deadline, and a signal ends it.
 */
final class LockOperations {
  private static final int OK = 0;

  // flock(2): LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN.
  private static final int FLOCK_SHARED = 1;
  private static final int FLOCK_EXCLUSIVE = 2;
  private static final int FLOCK_DONT_WAIT = 4;
  private static final int FLOCK_NONE = 8;

  private final LibFuse library;
  private final PoolFileSystem files;
  private final StructLayouts layouts;
  private final RequestWrapper wrapper;
  private final ParkedRequests parked = new ParkedRequests();

  /** C's address of {@link #interrupted}. */
  private volatile long interruptedAddress;

  LockOperations(
      LibFuse library, PoolFileSystem files, StructLayouts layouts, RequestWrapper wrapper) {
    this.library = library;
    this.files = files;
    this.layouts = layouts;
    this.wrapper = wrapper;
  }

  void attach(long addressOfInterrupted) {
    interruptedAddress = addressOfInterrupted;
  }

  /** libfuse's fuse_interrupt_func_t: a signal came for a parked request. */
  void interrupted(long request, long id) {
    parked.interrupt(id);
  }

  /** Before the session is destroyed: whoever waits is refused. */
  void close() {
    parked.close();
  }

  void flush(long address, long inode, long fileInfo) {
    wrapper.handle(
        "flush",
        address,
        inode,
        (worker, request) -> {
          long handle = layouts.getHandle(fileInfo);
          long owner = layouts.getLockOwner(fileInfo);
          try {
            files.flush(handle);
          } finally {
            files.releaseLocks(handle, owner);
          }
          request.reply(OK);
        });
  }

  void get(long address, long inode, long fileInfo, long flock) {
    wrapper.handle(
        "getlk",
        address,
        inode,
        (worker, request) -> {
          var wanted = layouts.getLock(flock, layouts.getLockOwner(fileInfo));
          layouts.putLock(worker.flock, files.lockInTheWayOrNull(inode, wanted));
          if (request.claim()) {
            library.fuse_reply_lock(request.address(), worker.flock);
          }
        });
  }

  void set(long address, long inode, long fileInfo, long flock, int mayWait) {
    wrapper.handle(
        "setlk",
        address,
        inode,
        (worker, request) ->
            set(
                request,
                layouts.getHandle(fileInfo),
                layouts.getLock(flock, layouts.getLockOwner(fileInfo)),
                mayWait != 0));
  }

  void flock(long address, long inode, long fileInfo, int operation) {
    wrapper.handle(
        "flock",
        address,
        inode,
        (worker, request) -> {
          int type =
              switch (operation & ~FLOCK_DONT_WAIT) {
                case FLOCK_SHARED -> LockRequest.SHARED;
                case FLOCK_EXCLUSIVE -> LockRequest.EXCLUSIVE;
                case FLOCK_NONE -> LockRequest.NONE;
                default ->
                    throw new HoldfastException(
                        ErrorCode.INVALID, "flock: expected=a known operation, was=" + operation);
              };
          long owner = layouts.getLockOwner(fileInfo);
          set(
              request,
              layouts.getHandle(fileInfo),
              new LockRequest(true, type, 0, Long.MAX_VALUE, owner, 0),
              (operation & FLOCK_DONT_WAIT) == 0);
        });
  }

  private void set(FuseRequest request, long handle, LockRequest wanted, boolean mayWait) {
    try {
      files.lock(handle, wanted);
      request.reply(OK);
    } catch (HoldfastException e) {
      if (e.code() != ErrorCode.LOCKED || !mayWait) {
        throw e;
      }
      park(request, handle, wanted);
    }
  }

  private void park(FuseRequest request, long handle, LockRequest wanted) {
    long id = parked.add(request);
    // Before anything can answer the request: this call touches it.
    library.fuse_req_interrupt_func(request.address(), interruptedAddress, id);
    try {
      PendingLock pending =
          files.lockWhenFree(
              handle,
              wanted,
              failure -> parked.reply(id, failure == null ? OK : failure.code().errno()));
      parked.started(id, pending);
    } catch (RuntimeException e) {
      parked.remove(id);
      throw e;
    }
  }
}
