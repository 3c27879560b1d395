package holdfast.metadata;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/** An operation or query the state does not allow; thrown before anything has changed. */
final class Refusal extends HoldfastException {
  private static final long serialVersionUID = 1L;

  Refusal(ErrorCode code, String message) {
    super(code, message);
  }

  /** Refusals are part of normal work: no stack trace. */
  @Override
  public Throwable fillInStackTrace() {
    return this;
  }
}
