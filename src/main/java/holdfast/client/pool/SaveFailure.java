package holdfast.client.pool;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/**
 * Maps why data couldn't be saved to the few errnos that programs expect of write(2), fsync(2) and
 * close(2): ENOSPC, ETIMEDOUT, EROFS without a majority, ENOTCONN of a mount that ends, and EIO.
 * Programs take EAGAIN for a file that doesn't block and ENOTCONN for a mount that is gone.
 */
public final class SaveFailure {
  private SaveFailure() {}

  /** Whether the pool, or enough of it, just doesn't answer: it may do so later. */
  public static boolean isPoolAway(HoldfastException why) {
    return switch (of(why).code()) {
      case TIMED_OUT, READ_ONLY, NO_QUORUM -> true;
      default -> false;
    };
  }

  /**
   * The failure for which unsaved data was abandoned: its code isn't one of those after which all
   * is still here.
   */
  public static HoldfastException asLoss(HoldfastException why) {
    return isPoolAway(why)
        ? new HoldfastException(ErrorCode.STORE_FAILED, "gave up: " + why.getMessage(), why)
        : of(why);
  }

  /** The same failure with a code that these calls may have. */
  public static HoldfastException of(HoldfastException why) {
    ErrorCode code =
        switch (why.code()) {
          case BUSY, NOT_READY, NOT_LEADER, UNREACHABLE, STALE_EPOCH -> ErrorCode.TIMED_OUT;
          case NO_SPACE, TIMED_OUT, READ_ONLY, NO_QUORUM, SHUTTING_DOWN, TOO_LARGE -> why.code();
          case NO_SESSION, BAD_HANDLE -> why.code();
          default ->
              why.code().errno() == ErrorCode.STORE_FAILED.errno()
                  ? why.code()
                  : ErrorCode.STORE_FAILED;
        };
    return code == why.code() ? why : new HoldfastException(code, why.getMessage(), why);
  }
}
