package holdfast.client.api;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/** NOT_FOUND of a lookup whose answer the kernel may cache, and for how long. */
public final class AbsentException extends HoldfastException {
  private static final long serialVersionUID = 1L;

  private final long timeoutMs;

  public AbsentException(HoldfastException why, long timeoutMs) {
    super(ErrorCode.NOT_FOUND, why.getMessage(), why);
    this.timeoutMs = timeoutMs;
  }

  /** In milliseconds; 0: it is to be looked up again each time. */
  public long timeoutMs() {
    return timeoutMs;
  }
}
