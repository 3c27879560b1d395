package holdfast.client.fuse;

import holdfast.client.fuse.binding.LibFuse;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One request of the kernel, and the guard that it is answered once: whoever wins {@link #claim}
 * may send the one reply, whoever loses must not touch the request's address again (libfuse has
 * freed it). Its own thread and the watchdog compete.
 */
final class FuseRequest {
  private final AtomicBoolean claimed = new AtomicBoolean();
  private volatile boolean isParked;
  private final LibFuse library;
  private final long address;
  private final String operation;
  private final long inode;
  private final long startNs;

  FuseRequest(LibFuse library, long address, String operation, long inode, long startNs) {
    this.library = library;
    this.address = address;
    this.operation = operation;
    this.inode = inode;
    this.startNs = startNs;
  }

  /** True exactly once: the caller replies. */
  boolean claim() {
    return claimed.compareAndSet(false, true);
  }

  boolean isClaimed() {
    return claimed.get();
  }

  /** Undoes a claim: the request only had to stay valid for a moment. */
  void unclaim() {
    claimed.set(false);
  }

  /** Its thread goes on to others; another thread answers it. */
  void park() {
    isParked = true;
  }

  boolean isParked() {
    return isParked;
  }

  /** The request itself, for whoever has claimed it. */
  long address() {
    return address;
  }

  long startNs() {
    return startNs;
  }

  /** Replies an errno (0: success without a value) unless a reply was sent. */
  boolean reply(int errno) {
    if (!claim()) {
      return false;
    }
    library.fuse_reply_err(address, errno);
    return true;
  }

  @Override
  public String toString() {
    return operation + " inode=" + inode;
  }
}
