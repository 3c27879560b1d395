package holdfast.storage;

import holdfast.model.LogId;
import holdfast.model.NodeId;
import java.util.List;
import java.util.Optional;

/**
 * What a voter must never forget: the log it is in, the term it has seen, the vote it gave in it.
 *
 * @param vote empty if none was given in this term
 * @param committedIndex everything up to here is committed; a lower bound
 * @param promised who may have ended the log by this voter's vote
 */
public record HardState(
    LogId logId, long term, Optional<Vote> vote, long committedIndex, List<Vote> promised) {
  /** Nothing is known to be committed. */
  public HardState(LogId logId, long term, Optional<Vote> vote) {
    this(logId, term, vote, 0, List.of());
  }

  /** Freezes the list. */
  public HardState {
    promised = List.copyOf(promised);
  }

  /** The same of a log that ends at this index: a loss is told once, not at every start. */
  HardState committedUpTo(long lastIndex) {
    return new HardState(logId, term, vote, Math.min(committedIndex, lastIndex), promised);
  }

  /** An endpoint that was voted for: a node and its incarnation. */
  public record Vote(NodeId node, long incarnation) {}
}
