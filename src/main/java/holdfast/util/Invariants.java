package holdfast.util;

/** Checks that stay on in production: a failed one is a bug in the program, never a bad input. */
public final class Invariants {
  private Invariants() {}

  /** A broken invariant: the program's state can't be trusted; the node logs it and stops. */
  public static final class Violation extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    Violation(String message) {
      super(message);
    }
  }

  /** Throws {@link Violation} with {@code String.format(message, args)} unless it holds. */
  public static void check(boolean condition, String message, Object... args) {
    if (!condition) {
      throw new Violation(String.format(message, args));
    }
  }
}
