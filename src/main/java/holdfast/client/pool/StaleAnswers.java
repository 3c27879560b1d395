package holdfast.client.pool;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Query;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/**
 * Accepts or refuses answers of a peer that can't reach a majority: its state may be older than
 * what this client has changed or seen. Content that it has is good, if perhaps not the newest; an
 * absence says nothing where the state is older. <i>Event: a file is created and the leader dies;
 * the other peer, which hasn't applied that, is asked about the inode; treated as removed, what was
 * written to it was dropped, and fsync(2) succeeded.</i> Loop only.
 */
final class StaleAnswers {
  /** How far the pool's log was applied in the newest answer to this client. */
  private long seenIndex;

  /** What was seen may be of a log that has ended: the next one goes on from further back. */
  private boolean isIndeterminate;

  /** A leader has answered from, or changed, the state of this index. */
  void seen(long index) {
    seenIndex = isIndeterminate ? index : Math.max(seenIndex, index);
    isIndeterminate = false;
  }

  /** All sessions end with a log. */
  void sessionBegun() {
    isIndeterminate = true;
  }

  /**
   * Throws NO_QUORUM if this can't be believed: another peer, or a leader, is to be asked.
   *
   * @param index how far the log was applied in the state that the stale answer was read from
   */
  void check(Query query, Answer answer, long index) {
    boolean isAbsent =
        answer instanceof Answer.Failed failed && failed.code() == ErrorCode.NOT_FOUND;
    // An inode is known from an answer or a change; it may be from another log, further back.
    boolean isOlder = index < seenIndex || !(query instanceof Query.Lookup);
    if (isAbsent && isOlder) {
      throw new HoldfastException(
          ErrorCode.NO_QUORUM,
          ("ask pool: expected=a leader's answer, was=only an older state's (entry %d; this client"
                  + " has seen %d) that doesn't know it; start the peers that are missing")
              .formatted(index, seenIndex));
    }
  }
}
