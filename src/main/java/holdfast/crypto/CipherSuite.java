package holdfast.crypto;

import java.util.Optional;

/** What a pool's chunks are sealed with; chosen when the pool is created. */
public enum CipherSuite {
  /** Fernet tokens in binary form: AES-128-CBC and HMAC-SHA-256. */
  FERNET(1, "fernet"),
  /** AES-256-GCM. */
  AES_256_GCM(2, "aes-256-gcm");

  private final int wire;
  private final String text;

  CipherSuite(int wire, String text) {
    this.wire = wire;
    this.text = text;
  }

  /** The number in chunk headers and the pool file. */
  public int wire() {
    return wire;
  }

  /** The name users write. */
  public String text() {
    return text;
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

  /** The suite with this name. */
  public static Optional<CipherSuite> ofText(String text) {
    for (CipherSuite suite : values()) {
      if (suite.text.equals(text)) {
        return Optional.of(suite);
      }
    }
    return Optional.empty();
  }
}
