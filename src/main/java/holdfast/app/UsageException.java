package holdfast.app;

/**
 * Reports that the user asked for something that can't be: exit code 2 and one line that says what
 * to do.
 */
final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UsageException(String message) {
    super(message);
  }
}
