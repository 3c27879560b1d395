package holdfast.model;

/** The other side sent what the protocol does not allow. */
public final class ProtocolException extends HoldfastException {
  private static final long serialVersionUID = 1L;

  /** {@code message} has the form {@code verb object: expected=..., was=..., path/peer=...}. */
  public ProtocolException(ErrorCode code, String message) {
    super(code, message);
  }

  /** As above, with what caused it. */
  public ProtocolException(ErrorCode code, String message, Throwable cause) {
    super(code, message, cause);
  }
}
