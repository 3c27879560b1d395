package holdfast.client.fuse;

import holdfast.client.api.LockRequest;
import holdfast.client.api.PendingLock;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.fuse.binding.LibFuse;
import holdfast.metadata.op.LockMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.lang.System.Logger.Level;

/**
 * The callbacks for fcntl(2)'s and flock(2)'s locks. As {@link Operations}, but a call that waits
 * for a lock is parked: it has no thread and no deadline, and a signal ends it.
 */
final class LockOperations {
  private static final System.Logger LOG = System.getLogger("holdfast.client.fuse");

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
        new FuseRequest.Call("setlk", FuseRequest.Kind.LOCK, inode),
        address,
        (worker, request) ->
            set(
                request,
                layouts.getHandle(fileInfo),
                layouts.getLock(flock, layouts.getLockOwner(fileInfo)),
                mayWait != 0));
  }

  void flock(long address, long inode, long fileInfo, int operation) {
    wrapper.handle(
        new FuseRequest.Call("flock", FuseRequest.Kind.LOCK, inode),
        address,
        (worker, request) -> {
          LockMode mode =
              switch (operation & ~FLOCK_DONT_WAIT) {
                case FLOCK_SHARED -> LockMode.SHARED;
                case FLOCK_EXCLUSIVE -> LockMode.EXCLUSIVE;
                case FLOCK_NONE -> LockMode.NONE;
                default ->
                    throw new HoldfastException(
                        ErrorCode.INVALID, "flock: expected=a known operation, was=" + operation);
              };
          long owner = layouts.getLockOwner(fileInfo);
          set(
              request,
              layouts.getHandle(fileInfo),
              new LockRequest(true, mode, 0, Long.MAX_VALUE, owner, 0),
              (operation & FLOCK_DONT_WAIT) == 0);
        });
  }

  private void set(FuseRequest request, long handle, LockRequest wanted, boolean mayWait) {
    try {
      files.lock(handle, wanted);
      if (!request.reply(Errno.OK)) {
        unlock(handle, wanted);
      }
    } catch (HoldfastException e) {
      if (e.code() != ErrorCode.LOCKED || !mayWait) {
        throw e;
      }
      park(request, handle, wanted);
    }
  }

  /** The grant came too late for its answer: no program knows of it. */
  private void unlock(long handle, LockRequest granted) {
    files.lock(handle, granted.toRelease());
  }

  private void park(FuseRequest request, long handle, LockRequest wanted) {
    if (!request.claim()) {
      return; // the watchdog has answered it: libfuse has freed it
    }
    long id;
    try {
      id = parked.add(request);
      // While nothing can answer the request: this call touches it.
      library.fuse_req_interrupt_func(request.address(), interruptedAddress, id);
    } finally {
      request.unclaim();
    }
    try {
      PendingLock pending =
          files.lockWhenFree(handle, wanted, failure -> ended(id, handle, wanted, failure));
      parked.started(id, pending);
    } catch (RuntimeException | Error e) {
      parked.remove(id);
      throw e;
    }
  }

  private void ended(long id, long handle, LockRequest wanted, HoldfastException failureOrNull) {
    boolean isAnswered =
        parked.reply(id, failureOrNull == null ? Errno.OK : failureOrNull.code().errno());
    if (isAnswered || failureOrNull != null || wrapper.isStopped()) {
      return;
    }
    try {
      unlock(handle, wanted);
    } catch (HoldfastException e) {
      LOG.log(Level.WARNING, "release lock that came too late: {0}", e.getMessage());
    }
  }
}
