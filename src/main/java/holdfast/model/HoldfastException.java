package holdfast.model;

/** A failure with a code that the wire, the mount and the command line understand. */
public class HoldfastException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  /** {@code message} has the form {@code verb object: expected=..., was=..., path/peer=...}. */
  public HoldfastException(ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  /** As above, with what caused it. */
  public HoldfastException(ErrorCode code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** What kind of failure it is. */
  public ErrorCode code() {
    return code;
  }
}
