package holdfast.model;

import holdfast.util.ByteReader;

/** Names one run of one process, so that a restart is told from silence: random. */
public record InstanceId(long high, long low) implements Bits128<InstanceId> {
  /** Reads the next {@value #BYTES} bytes. */
  public static InstanceId read(ByteReader in) {
    return Bits128.read(in, InstanceId::new);
  }

  @Override
  public String toString() {
    return hex();
  }
}
