package holdfast.model;

/** A disk, a file or its format failed. */
public final class StorageException extends HoldfastException {
  private static final long serialVersionUID = 1L;

  /** {@code message} has the form {@code verb object: expected=..., was=..., path/peer=...}. */
  public StorageException(ErrorCode code, String message) {
    super(code, message);
  }

  /** As above, with what caused it. */
  public StorageException(ErrorCode code, String message, Throwable cause) {
    super(code, message, cause);
  }
}
