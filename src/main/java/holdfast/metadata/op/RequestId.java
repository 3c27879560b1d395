package holdfast.metadata.op;

import holdfast.model.ClientId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * Identifies an operation by client and sequence (Raft dissertation, 6.3): by it a retry gets the
 * first answer.
 *
 * @param client random, new for each client process and change of lineage
 * @param sequence counts the client's operations, without gaps; a retry keeps its number
 * @param answeredBelow all sequences below it are answered or abandoned and never sent again; the
 *     remembered results below it are dropped
 */
public record RequestId(ClientId client, long sequence, long answeredBelow) {
  /** Encoded size in bytes. */
  public static final int BYTES = 32;

  /**
   * A client may have this many operations in flight: a sequence that much below the client's
   * highest is refused as too old.
   */
  public static final int WINDOW = 256;

  /** Checks the order of the numbers. */
  public RequestId {
    Checks.check(
        answeredBelow >= 0 && sequence >= answeredBelow,
        "check sequence: expected=%s or more, was=%s",
        answeredBelow,
        sequence);
  }

  /** Appends {@value #BYTES} bytes. */
  public void write(ByteWriter out) {
    client.write(out);
    out.u64(sequence).u64(answeredBelow);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is none
   */
  public static RequestId read(ByteReader in) {
    return Checks.decoding(() -> new RequestId(ClientId.read(in), in.u64(), in.u64()));
  }
}
