package holdfast.model;

/**
 * Every way an operation of the pool can fail: one table for the wire, the mount and the documents.
 * {@link #wire} numbers are never reused; {@link #errno} is Linux's.
 */
public enum ErrorCode {
  NOT_FOUND(1, 2, Retry.NEVER),
  EXISTS(2, 17, Retry.NEVER),
  NOT_DIRECTORY(3, 20, Retry.NEVER),
  IS_DIRECTORY(4, 21, Retry.NEVER),
  NOT_EMPTY(5, 39, Retry.NEVER),
  NAME_TOO_LONG(6, 36, Retry.NEVER),
  INVALID(7, 22, Retry.NEVER),
  ACCESS_DENIED(8, 13, Retry.NEVER),
  NOT_PERMITTED(9, 1, Retry.NEVER),
  NO_SPACE(10, 28, Retry.NEVER),
  /** The mount or the pool takes no changes now. */
  READ_ONLY(11, 30, Retry.NEVER),
  /** The content commit was made from a version that is no longer the newest. */
  STALE_VERSION(12, 116, Retry.NEVER),
  /** The upload's epoch is too old: upload again. */
  STALE_EPOCH(13, 110, Retry.SAME_PEER),
  NOT_LEADER(14, 5, Retry.OTHER_PEER),
  /** No majority of voters can be reached: no change is possible, reads are stale. */
  NO_QUORUM(15, 30, Retry.AFTER_BACKOFF),
  CHUNK_MISSING(16, 5, Retry.OTHER_PEER),
  CHUNK_CORRUPT(17, 5, Retry.OTHER_PEER),
  BUSY(18, 110, Retry.AFTER_BACKOFF),
  TIMED_OUT(19, 110, Retry.OTHER_PEER),
  UNREACHABLE(20, 107, Retry.OTHER_PEER),
  /** The peer's own disk failed. */
  STORE_FAILED(21, 5, Retry.OTHER_PEER),
  /** The peer has not joined the pool's log yet. */
  NOT_READY(22, 110, Retry.OTHER_PEER),
  /** The other side may not talk to us, or we not to it. */
  REFUSED(23, 13, Retry.NEVER),
  /** This home holds another data key than the pool's. */
  DATA_KEY_DIFFERS(24, 126, Retry.NEVER),
  MALFORMED(25, 71, Retry.NEVER),
  UNSUPPORTED(26, 95, Retry.NEVER),
  TOO_LARGE(27, 27, Retry.NEVER),
  SHUTTING_DOWN(28, 107, Retry.OTHER_PEER),
  /** A block or name did not open under its key. */
  SEAL_BROKEN(29, 5, Retry.OTHER_PEER),
  BAD_HANDLE(30, 9, Retry.NEVER),
  /** A bug: the text is for the log. */
  INTERNAL(31, 5, Retry.NEVER),
  /** The client's session has ended, or never began: what it held is gone, it opens a new one. */
  NO_SESSION(32, 5, Retry.NEVER),
  /** The inode has no extended attribute of that name. */
  NO_DATA(33, 61, Retry.NEVER),
  /** The result is larger than the room given for it. */
  RANGE(34, 34, Retry.NEVER),
  /** An extended attribute's value is larger than any may be. */
  ARGUMENT_TOO_LARGE(35, 7, Retry.NEVER),
  /** Another holds a lock that is in the way. */
  LOCKED(36, 11, Retry.NEVER),
  /** The file has as many locks as it may have, or too many calls wait for one. */
  NO_LOCKS(37, 37, Retry.NEVER),
  /** A signal ended the wait for a lock. */
  INTERRUPTED(38, 4, Retry.NEVER);

  /** Whether and where the same request may be tried again. */
  public enum Retry {
    NEVER,
    SAME_PEER,
    OTHER_PEER,
    AFTER_BACKOFF
  }

  private final int wire;
  private final int errno;
  private final Retry retry;

  ErrorCode(int wire, int errno, Retry retry) {
    this.wire = wire;
    this.errno = errno;
    this.retry = retry;
  }

  /** The number on the wire, 1 to 65,535. */
  public int wire() {
    return wire;
  }

  /** The positive errno a program on the mount sees. */
  public int errno() {
    return errno;
  }

  /** Whether and where to try again. */
  public Retry retry() {
    return retry;
  }

  /** The code with this wire number; an unknown one (a newer peer's) is {@link #INTERNAL}. */
  public static ErrorCode ofWire(int wire) {
    for (ErrorCode code : values()) {
      if (code.wire == wire) {
        return code;
      }
    }
    return INTERNAL;
  }
}
