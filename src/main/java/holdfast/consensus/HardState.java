package holdfast.consensus;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a voter must never forget: its term and whom it voted for in it (dissertation, 3.8). Forced
 * before use.
 *
 * @param committedIndex everything up to here is committed; a lower bound, written anew whenever a
 *     configuration is
 * @param promised who may have ended the log by this voter's vote, since it last heard a leader
 */
public record HardState(
    long term, Optional<Endpoint> votedFor, long committedIndex, List<Endpoint> promised) {
  /** Most that may have ended the log; beyond it a voter elects nobody else to do so. */
  public static final int PROMISED_MAX = 4;

  /** Before the first term. */
  public static final HardState INITIAL = new HardState(0, Optional.empty());

  /** Nothing is known to be committed. */
  public HardState(long term, Optional<Endpoint> votedFor) {
    this(term, votedFor, 0);
  }

  /** Nobody can have ended the log. */
  public HardState(long term, Optional<Endpoint> votedFor, long committedIndex) {
    this(term, votedFor, committedIndex, List.of());
  }

  /** Freezes the list. */
  public HardState {
    promised = List.copyOf(promised);
    Invariants.check(
        promised.size() <= PROMISED_MAX,
        "a voter remembers at most %s, was=%s",
        PROMISED_MAX,
        promised);
  }

  /** Reads a u32 count and the endpoints. */
  static List<Endpoint> readPromised(ByteReader in) {
    List<Endpoint> promised = new ArrayList<>();
    for (int left = in.count(PROMISED_MAX); left > 0; left--) {
      promised.add(Endpoint.read(in));
    }
    return promised;
  }

  static void writePromised(List<Endpoint> promised, ByteWriter out) {
    out.u32(promised.size());
    promised.forEach(endpoint -> endpoint.write(out));
  }
}
