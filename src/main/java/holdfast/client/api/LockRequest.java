package holdfast.client.api;

import holdfast.metadata.op.LockMode;

/**
 * A lock of fcntl(2) or flock(2), as a program asks for it or was granted it.
 *
 * @param isFlock whether it is flock(2)'s, on the whole file; else fcntl(2)'s, on a range
 * @param mode what it lets others do; {@link LockMode#NONE} releases what is locked there
 * @param first the first byte, 0 or more
 * @param last the last byte, included; {@link Long#MAX_VALUE} for all that follow
 * @param owner the kernel's number for who has it: a process, or an open file description
 * @param pid the process; 0 if it is on another mount
 */
public record LockRequest(
    boolean isFlock, LockMode mode, long first, long last, long owner, int pid) {
  /** What releases it. */
  public LockRequest toRelease() {
    return new LockRequest(isFlock, LockMode.NONE, first, last, owner, pid);
  }
}
