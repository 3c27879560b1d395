package holdfast.consensus;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Arrays;

/**
 * One entry of the operation log. The payload is shared, never copied: nobody may change it after
 * it was handed over.
 */
public record LogEntry(long index, long term, Kind kind, byte[] payload) {
  /** Most bytes one payload may have. */
  public static final int PAYLOAD_BYTES_MAX = 128 * 1_024;

  /** Bytes an encoded entry has besides its payload. */
  public static final int OVERHEAD_BYTES = 8 + 8 + 1 + 4;

  private static final byte[] EMPTY = new byte[0];

  /** What an entry is for. */
  public enum Kind {
    /** The first entry of a leader's term: commits what came before it. Empty. */
    NOOP,
    /** An operation: bytes the consensus core doesn't look into. */
    COMMAND,
    /** A {@link Configuration}, in force from the moment it stands in a log. */
    CONFIGURATION
  }

  /** Refuses impossible values as malformed: entries come off wires and disks. */
  public LogEntry {
    if (index <= 0 || term <= 0 || payload.length > PAYLOAD_BYTES_MAX) {
      throw new ByteReader.Malformed(
          "read log entry: expected=index and term > 0 and payload of at most "
              + PAYLOAD_BYTES_MAX
              + " bytes, was="
              + index
              + ", "
              + term
              + " and "
              + payload.length);
    }
  }

  static LogEntry noop(long index, long term) {
    return new LogEntry(index, term, Kind.NOOP, EMPTY);
  }

  static LogEntry configuration(long index, long term, Configuration configuration) {
    return new LogEntry(index, term, Kind.CONFIGURATION, configuration.toBytes());
  }

  /** Reads one entry: index u64, term u64, kind u8, payload as u32 length and bytes. */
  public static LogEntry read(ByteReader in) {
    long index = in.u64();
    long term = in.u64();
    int kind = in.u8();
    if (kind >= Kind.values().length) {
      throw new ByteReader.Malformed("read entry kind: expected=0 to 2, was=" + kind);
    }
    return new LogEntry(index, term, Kind.values()[kind], in.blob(PAYLOAD_BYTES_MAX));
  }

  /** Appends the entry in the form that {@link #read} takes. */
  public void write(ByteWriter out) {
    out.u64(index).u64(term).u8(kind.ordinal()).blob(payload);
  }

  /** Encoded size in bytes. */
  public int sizeBytes() {
    return OVERHEAD_BYTES + payload.length;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LogEntry that
        && index == that.index
        && term == that.term
        && kind == that.kind
        && Arrays.equals(payload, that.payload);
  }

  @Override
  public int hashCode() {
    return Long.hashCode(index * 31 + term) * 31 + Arrays.hashCode(payload);
  }

  @Override
  public String toString() {
    return index + "." + term + " " + kind + "[" + payload.length + "]";
  }
}
