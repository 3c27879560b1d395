package holdfast.consensus;

/**
 * Bugs that tests plant to prove that the checkers see them. Nothing outside this package can set
 * one, and the public constructor sets none.
 */
enum Fault {
  /** Messages go before the writes they promise. */
  ACKNOWLEDGE_BEFORE_WRITE,
  /** The vote is not written down. */
  VOTE_NOT_PERSISTED,
  /** A second vote in the same term. */
  VOTE_TWICE,
  /** Votes without a look at the candidate's log. */
  VOTE_FOR_SHORTER_LOG,
  /** Counts acknowledgements of followers and old incarnations. */
  COUNT_ANYBODY,
  /** Lease from when a heartbeat's answer came, and longer than an election timeout. */
  LEASE_TOO_LONG,
  /** Reads answer before an entry of the own term is committed. */
  READ_BEFORE_OWN_TERM,
  /** The configuration changes before an entry of the own term is committed. */
  CHANGE_BEFORE_OWN_TERM,
  /** Appends without a check of the entry before. */
  SKIP_PREVIOUS_CHECK,
  /** The vote of who may have lost its log's end counts like any other. */
  COUNT_RECOVERING,
  /** A leader elected by every vote goes on in the old log. */
  GO_ON_IN_OLD_LOG,
  /** Any heartbeat ends a recovery, whatever loss it speaks of. */
  RECOVER_BY_ANY_HEARTBEAT,
  /** What a recovering follower acknowledged before still counts. */
  KEEP_MATCH_OF_RECOVERING
}
