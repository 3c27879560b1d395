package holdfast.consensus;

/** Why a proposal, a read or a membership change was refused. */
public enum Rejection {
  /** Ask the leader, if one is known. */
  NOT_LEADER,
  /** A bound is reached (log size, uncommitted bytes, waiting reads): try again later. */
  BUSY,
  /** Leadership is being handed over: try again at the next leader. */
  TRANSFERRING,
  /** The configuration before this one isn't committed yet. */
  CHANGE_PENDING,
  /** A new leader changes the configuration only once it has committed an entry of its own term. */
  NO_COMMIT_IN_TERM,
  /** Too few voters of the new configuration were heard from lately: it couldn't be committed. */
  NO_QUORUM,
  /** The follower is too far behind to get a vote. */
  NOT_CAUGHT_UP,
  /** It makes no sense: unknown endpoint, too many voters, the leader's own vote. */
  INVALID,
  /** The payload exceeds {@link LogEntry#PAYLOAD_BYTES_MAX}. */
  TOO_LARGE,
  /** The store failed: this core does nothing any more. */
  STOPPED
}
