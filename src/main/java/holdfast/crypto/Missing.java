package holdfast.crypto;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.security.GeneralSecurityException;

/** What every Java runtime must have, and this one doesn't, or a call that can't fail and did. */
public final class Missing {
  private Missing() {}

  public static HoldfastException in(String algorithm, GeneralSecurityException cause) {
    return new HoldfastException(
        ErrorCode.INTERNAL,
        "run algorithm: expected=" + algorithm + " works in this Java runtime, was=" + cause,
        cause);
  }
}
