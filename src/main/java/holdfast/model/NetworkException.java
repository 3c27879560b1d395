package holdfast.model;

/** A connection, a session or an address failed. */
public final class NetworkException extends HoldfastException {
  private static final long serialVersionUID = 1L;

  /** {@code message} has the form {@code verb object: expected=..., was=..., path/peer=...}. */
  public NetworkException(ErrorCode code, String message) {
    super(code, message);
  }

  /** As above, with what caused it. */
  public NetworkException(ErrorCode code, String message, Throwable cause) {
    super(code, message, cause);
  }
}
