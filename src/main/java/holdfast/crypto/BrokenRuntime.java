package holdfast.crypto;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.security.GeneralSecurityException;

/**
 * Reports that this Java runtime lacks an algorithm that every one must have, or that a call failed
 * that can't.
 */
public final class BrokenRuntime {
  private BrokenRuntime() {}

  public static HoldfastException during(String algorithm, GeneralSecurityException cause) {
    return new HoldfastException(
        ErrorCode.INTERNAL,
        "run algorithm: expected=" + algorithm + " works in this Java runtime, was=" + cause,
        cause);
  }
}
