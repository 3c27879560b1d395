package holdfast.client.fuse;

import holdfast.client.api.Caller;
import holdfast.client.fuse.binding.LibFuse;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.MonotonicClock;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/**
 * The one wrapper of all callbacks that owe a reply: whatever happens inside, one is sent. Makes
 * the request known to the watchdog while it is worked on.
 */
final class RequestWrapper {
  private static final Logger LOG = System.getLogger("holdfast.client.fuse");

  private final LibFuse library;
  private final StructLayouts layouts;
  private final MonotonicClock clock;
  private final FailureLog failures;
  private final AbandonedCalls abandoned;
  private volatile boolean stopped;

  RequestWrapper(
      LibFuse library,
      StructLayouts layouts,
      MonotonicClock clock,
      FailureLog failures,
      AbandonedCalls abandoned) {
    this.library = library;
    this.layouts = layouts;
    this.clock = clock;
    this.failures = failures;
    this.abandoned = abandoned;
  }

  /** Calls the file system and replies once; what it throws is replied by the wrapper. */
  @FunctionalInterface
  interface Body {
    void run(Worker worker, FuseRequest request);
  }

  /** The same for a request whose caller matters. */
  @FunctionalInterface
  interface CallersBody {
    void run(Worker worker, FuseRequest request, Caller caller);
  }

  /** From now on every request is refused with ENOTCONN: the file system is being closed. */
  void stop() {
    stopped = true;
  }

  boolean isStopped() {
    return stopped;
  }

  /** A request after which nothing stays. */
  void handle(String operation, long address, long inode, Body body) {
    handle(new FuseRequest.Call(operation, FuseRequest.Kind.FREE, inode), address, body);
  }

  /** A request that changes the inode, or what is in the directory. */
  void change(String operation, long address, long inode, Body body) {
    handle(new FuseRequest.Call(operation, FuseRequest.Kind.CHANGE, inode), address, body);
  }

  void change(String operation, long address, long inode, CallersBody body) {
    handle(new FuseRequest.Call(operation, FuseRequest.Kind.CHANGE, inode), address, body);
  }

  void handle(FuseRequest.Call call, long address, Body body) {
    handle(call, address, (worker, request, caller) -> body.run(worker, request));
  }

  void handle(FuseRequest.Call call, long address, CallersBody body) {
    FuseRequest request = null;
    try {
      // Before the watchdog knows of the request: the context lies in its memory, which a reply
      // frees.
      Caller caller = layouts.getCaller(library.fuse_req_ctx(address));
      request = new FuseRequest(library, address, call, caller.pid(), clock.nowNs());
      run(request, caller, body);
    } catch (Throwable e) {
      answer(e, request, call.operation(), address);
    }
  }

  private void run(FuseRequest request, Caller caller, CallersBody body) {
    if (stopped) {
      throw new HoldfastException(
          ErrorCode.SHUTTING_DOWN, request + ": expected=a mount in use, was=unmounting");
    }
    Worker worker = Worker.CURRENT.get();
    worker.current = request;
    try {
      if (abandoned.awaitTurn(request)) {
        body.run(worker, request, caller);
      }
      if (!request.isParked() && request.reply(Errno.EIO)) {
        LOG.log(Level.ERROR, "fuse {0}: expected=a reply, was=none; answered EIO", request);
      }
    } catch (Throwable e) {
      // Here already: a worker that is not working counts as one that has replied.
      request.reply(errno(e));
      throw e;
    } finally {
      end(worker, request);
    }
  }

  private void end(Worker worker, FuseRequest request) {
    try {
      request.leave();
      if (request.isAbandoned() || request.hasWaited()) {
        abandoned.ended(request, stopped);
      }
    } finally {
      worker.current = null;
    }
  }

  /** Replies first, then logs: logging may fail too. */
  private void answer(Throwable e, FuseRequest request, String operation, long address) {
    if (request == null) {
      library.fuse_reply_err(address, Errno.EIO);
    } else {
      request.reply(errno(e));
    }
    if (!(e instanceof HoldfastException failure) || failure.code() == ErrorCode.INTERNAL) {
      failures.bug(operation, e);
    } else if (LOG.isLoggable(Level.DEBUG)) {
      LOG.log(Level.DEBUG, "fuse {0}: {1}", request, e.getMessage());
    }
  }

  private static int errno(Throwable e) {
    return e instanceof HoldfastException failure ? failure.code().errno() : Errno.EIO;
  }
}
