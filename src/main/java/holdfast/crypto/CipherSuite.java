package holdfast.crypto;

import java.util.Optional;

/** The suites with which a pool's chunks may be sealed; one is chosen when the pool is created. */
public enum CipherSuite {
  /** Fernet tokens in binary form: AES-128-CBC and HMAC-SHA-256. */
  FERNET(1),
  /** AES-256-GCM. */
  AES_256_GCM(2);

  private final int wire;

  CipherSuite(int wire) {
    this.wire = wire;
  }

  /** The number in chunk headers and the pool file. */
  public int wire() {
    return wire;
  }

  /** The suite with this number. */
  public static Optional<CipherSuite> ofWire(int wire) {
    for (CipherSuite suite : values()) {
      if (suite.wire == wire) {
        return Optional.of(suite);
      }
    }
    return Optional.empty();
  }
}
