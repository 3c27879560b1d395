package holdfast.consensus;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Optional;

/**
 * What a voter must never forget: its term and whom it voted for in it. Forced before use.
 *
 * @param committedIndex everything up to here is committed; a lower bound, told anew whenever a
 *     configuration is
 */
public record HardState(long term, Optional<Endpoint> votedFor, long committedIndex) {
  /** Before the first term. */
  public static final HardState INITIAL = new HardState(0, Optional.empty());

  /** Nothing is known to be committed. */
  public HardState(long term, Optional<Endpoint> votedFor) {
    this(term, votedFor, 0);
  }

  /** Reads term u64, committed index u64, a boolean, and the endpoint if there is one. */
  public static HardState read(ByteReader in) {
    long term = in.u64();
    long committedIndex = in.u64();
    Optional<Endpoint> vote = in.bool() ? Optional.of(Endpoint.read(in)) : Optional.empty();
    return new HardState(term, vote, committedIndex);
  }

  /** Appends what {@link #read} takes. */
  public void write(ByteWriter out) {
    out.u64(term).u64(committedIndex).bool(votedFor.isPresent());
    votedFor.ifPresent(endpoint -> endpoint.write(out));
  }
}
