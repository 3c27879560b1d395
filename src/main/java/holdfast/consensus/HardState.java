package holdfast.consensus;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Optional;

/** What a voter must never forget: its term and whom it voted for in it. Forced before use. */
public record HardState(long term, Optional<Endpoint> votedFor) {
  /** Before the first term. */
  public static final HardState INITIAL = new HardState(0, Optional.empty());

  /** Reads term u64, a boolean, and the endpoint if there is one. */
  public static HardState read(ByteReader in) {
    long term = in.u64();
    return new HardState(term, in.bool() ? Optional.of(Endpoint.read(in)) : Optional.empty());
  }

  /** Appends what {@link #read} takes. */
  public void write(ByteWriter out) {
    out.u64(term).bool(votedFor.isPresent());
    votedFor.ifPresent(endpoint -> endpoint.write(out));
  }
}
