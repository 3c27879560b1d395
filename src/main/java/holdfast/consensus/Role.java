package holdfast.consensus;

/** The part an endpoint plays at the moment. Without a vote it is a {@link #FOLLOWER} for ever. */
public enum Role {
  FOLLOWER,
  /** Asks whether an election could succeed, without disturbing anybody. */
  PRE_CANDIDATE,
  CANDIDATE,
  LEADER,
  /**
   * It was elected by every voter and ended the log to begin another: it takes no part any more.
   */
  ENDED,
  /** Its store failed: it takes no part any more and never sends again. */
  STOPPED
}
