package holdfast.model;

import holdfast.util.ByteReader;

/** Names one operation log (lineage): random, made when the log is founded. */
public record LogId(long high, long low) implements Bits128<LogId> {
  /** None: where no log has begun. */
  public static final LogId NONE = new LogId(0, 0);

  /** Reads exactly {@value #BYTES} bytes. */
  public static LogId of(byte[] bytes) {
    return Bits128.of(bytes, LogId::new);
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static LogId read(ByteReader in) {
    return Bits128.read(in, LogId::new);
  }

  @Override
  public String toString() {
    return hex();
  }
}
