package holdfast.client.api;

/**
 * A lock as a program asks for it, or has it.
 *
 * @param isFlock whether it is flock(2)'s, on the whole file; else fcntl(2)'s, on a range
 * @param type {@link #SHARED}, {@link #EXCLUSIVE} or {@link #NONE}
 * @param first the first byte, 0 or more
 * @param last the last byte, included; {@link Long#MAX_VALUE} for all that follow
 * @param owner the kernel's number for who has it: a process, or an open file description
 * @param pid the process; 0 if it is on another mount
 */
public record LockRequest(boolean isFlock, int type, long first, long last, long owner, int pid) {
  /** F_RDLCK: others may have shared locks on the same bytes. */
  public static final int SHARED = 0;

  /** F_WRLCK: nobody else has a lock there. */
  public static final int EXCLUSIVE = 1;

  /** F_UNLCK: what is locked there is released. */
  public static final int NONE = 2;

  /** What releases it. */
  public LockRequest toRelease() {
    return new LockRequest(isFlock, NONE, first, last, owner, pid);
  }
}
