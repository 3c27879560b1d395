package holdfast.client.fuse;

import holdfast.client.fuse.binding.LibFuse;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;

/**
 * One request of the kernel, and the guard that it is answered once: whoever wins {@link #claim} or
 * {@link #abandon} may send the one reply, whoever loses must not touch the request's address again
 * (libfuse has freed it). Its own thread and the watchdog compete.
 */
final class FuseRequest {
  private enum State {
    OPEN,
    PARKED,
    CLAIMED,
    ABANDONED
  }

  /** What an abandoned call means for those after it. */
  enum Kind {
    /** Nothing. */
    FREE,
    /** Something changes of which the kernel has no answer. */
    CHANGE,
    /** Locks of a file change. */
    LOCK,
    /** A close: what was written is saved and locks are released, whoever waits for it. */
    CLOSE;

    /** Whether the kernel relies on the answer to keep some other call away. */
    boolean isOrdered() {
      return this != FREE;
    }

    /**
     * Whether it waits for an earlier one on the same inode. Not a change for a close: what it
     * saves is written already, and may be much.
     */
    boolean comesBehind(Kind earlier) {
      return switch (this) {
        case FREE -> false;
        case CHANGE -> earlier == CHANGE;
        case CLOSE -> earlier == CHANGE || earlier == LOCK;
        case LOCK -> earlier != FREE; // the kernel uses the numbers of dead owners again
      };
    }

    boolean isChange() {
      return this == CHANGE;
    }

    /** Whether it is done though it was abandoned before it began. */
    boolean isDoneAnyway() {
      return this == CLOSE;
    }
  }

  /**
   * What the kernel asks.
   *
   * @param otherInode the second of two directories; else as {@code inode}
   */
  record Call(String operation, Kind kind, long inode, long otherInode) {
    Call(String operation, Kind kind, long inode) {
      this(operation, kind, inode, inode);
    }

    long[] inodes() {
      return inode == otherInode ? new long[] {inode} : new long[] {inode, otherInode};
    }

    /** Whether it changes an inode that the other is about, too. */
    boolean isChangeBeside(Call other) {
      return kind.isChange()
          && LongStream.of(inodes()).anyMatch(id -> id == other.inode || id == other.otherInode);
    }
  }

  private final AtomicReference<State> state = new AtomicReference<>(State.OPEN);
  private volatile boolean isParked;
  private volatile long turn;
  private final LibFuse library;
  private final long address;
  private final Call call;
  private final int callerThread;
  private final long startNs;

  /**
   * @param callerThread the thread that waits for the answer, by its number in this process's pid
   *     namespace; 0 if it has none there, or nobody waits
   */
  FuseRequest(LibFuse library, long address, Call call, int callerThread, long startNs) {
    this.library = library;
    this.address = address;
    this.call = call;
    this.callerThread = callerThread;
    this.startNs = startNs;
  }

  /** True exactly once: the caller replies. */
  boolean claim() {
    return state.compareAndSet(State.OPEN, State.CLAIMED)
        || state.compareAndSet(State.PARKED, State.CLAIMED);
  }

  /**
   * As {@link #claim}, for who replies while the request's own thread still works on it: never once
   * that has left it parked.
   */
  boolean abandon() {
    return state.compareAndSet(State.OPEN, State.ABANDONED);
  }

  boolean isClaimed() {
    State now = state.get();
    return now == State.CLAIMED || now == State.ABANDONED;
  }

  /** Whether its caller has gone on, and knows nothing of what the call does yet. */
  boolean isAbandoned() {
    return state.get() == State.ABANDONED;
  }

  /** Undoes a claim: the request only had to stay valid for a moment. */
  void unclaim() {
    state.compareAndSet(State.CLAIMED, State.OPEN);
  }

  /** Its thread will go on to others; another thread answers it. */
  void park() {
    isParked = true;
  }

  boolean isParked() {
    return isParked;
  }

  /** Its thread goes on to others now. */
  void leave() {
    if (isParked) {
      state.compareAndSet(State.OPEN, State.PARKED);
    }
  }

  /** The request itself, for whoever has claimed it. */
  long address() {
    return address;
  }

  Call call() {
    return call;
  }

  /** Its place among those that wait for abandoned calls; 0: it hadn't to. */
  long turn() {
    return turn;
  }

  boolean hasWaited() {
    return turn != 0;
  }

  void takeTurn(long number) {
    turn = number;
  }

  int callerThread() {
    return callerThread;
  }

  long startNs() {
    return startNs;
  }

  /** Replies an errno (0: success without a value) unless a reply was sent. */
  boolean reply(int errno) {
    if (!claim()) {
      return false;
    }
    send(errno);
    return true;
  }

  /** Replies an errno without a claim: for whoever has it. */
  void send(int errno) {
    library.fuse_reply_err(address, errno);
  }

  @Override
  public String toString() {
    return call.operation + " inode=" + call.inode;
  }
}
