package holdfast.consensus;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/** What a snapshot stands for: the state after this entry, and the configuration at that point. */
public record SnapshotMeta(long index, long term, Configuration configuration) {
  /** No snapshot: the empty state before entry 1. */
  public static final SnapshotMeta NONE = new SnapshotMeta(0, 0, Configuration.EMPTY);

  /** Refuses negative numbers as malformed. */
  public SnapshotMeta {
    if (index < 0 || term < 0) {
      throw new ByteReader.Malformed(
          "read snapshot meta: expected=index and term >= 0, was=" + index + " and " + term);
    }
  }

  /** Reads index u64, term u64, configuration. */
  public static SnapshotMeta read(ByteReader in) {
    return new SnapshotMeta(in.u64(), in.u64(), Configuration.read(in));
  }

  /** Appends what {@link #read} takes. */
  public void write(ByteWriter out) {
    out.u64(index).u64(term);
    configuration.write(out);
  }
}
