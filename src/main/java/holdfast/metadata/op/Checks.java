package holdfast.metadata.op;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.ByteReader;
import java.util.function.Supplier;

/**
 * Checks on values that come from outside: a failed one is a malformed request, answered as such,
 * not a bug.
 */
public final class Checks {
  private Checks() {}

  public static void check(boolean condition, String message, Object... args) {
    check(ErrorCode.INVALID, condition, message, args);
  }

  static void check(ErrorCode code, boolean condition, String message, Object... args) {
    if (!condition) {
      throw new HoldfastException(code, String.format(message, args));
    }
  }

  /** Runs a decoder whose values check themselves: what they refuse is malformed input. */
  public static <T> T decoding(Supplier<T> decoder) {
    try {
      return decoder.get();
    } catch (HoldfastException e) {
      throw new ByteReader.Malformed(e.getMessage());
    }
  }
}
