package holdfast.metadata.op;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * A lock on bytes of a file, as it is requested or granted.
 *
 * @param first the first byte, 0 or more
 * @param last the last byte, included; {@link Long#MAX_VALUE} for all that follow
 * @param owner who has it, among those of its client: the kernel's number for a process or an open
 *     file description
 * @param pid the process that asked, on its own machine; for information only
 */
public record FileLock(
    LockFamily family, LockMode mode, long first, long last, long owner, int pid) {
  /** Checks the range. */
  public FileLock {
    Checks.check(
        first >= 0 && last >= first, "check lock: expected=a range, was=%s to %s", first, last);
  }

  /** A lock of the whole file; with {@link LockMode#NONE} all that the owner has there. */
  public static FileLock whole(LockFamily family, LockMode mode, long owner, int pid) {
    return new FileLock(family, mode, 0, Long.MAX_VALUE, owner, pid);
  }

  /** What releases it. */
  public FileLock toRelease() {
    return new FileLock(family, LockMode.NONE, first, last, owner, 0);
  }

  /** The same on other bytes. */
  public FileLock on(long newFirst, long newLast) {
    return new FileLock(family, mode, newFirst, newLast, owner, pid);
  }

  public boolean overlaps(FileLock other) {
    return first <= other.last && other.first <= last;
  }

  /** Whether both can't be held by different owners. */
  public boolean conflicts(FileLock other) {
    boolean isExclusive = mode == LockMode.EXCLUSIVE || other.mode == LockMode.EXCLUSIVE;
    boolean isNone = mode == LockMode.NONE || other.mode == LockMode.NONE;
    return isExclusive && !isNone && overlaps(other);
  }

  void write(ByteWriter out) {
    out.u8(family.wire()).u8(mode.wire()).u64(first).u64(last).u64(owner).u32(pid);
  }

  static FileLock read(ByteReader in) {
    return new FileLock(
        LockFamily.ofWire(in.u8()),
        LockMode.ofWire(in.u8()),
        in.u64(),
        in.u64(),
        in.u64(),
        in.u32());
  }
}
