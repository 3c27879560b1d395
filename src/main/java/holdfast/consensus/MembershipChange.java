package holdfast.consensus;

/** One step from a configuration to the next. At most one voter comes or goes in a step. */
public sealed interface MembershipChange {
  /** Whom it concerns. */
  Endpoint endpoint();

  /** Takes a node in without a vote; replaces an older incarnation that has no vote either. */
  record AddFollower(Endpoint endpoint) implements MembershipChange {}

  /** Gives a vote to a follower that has caught up. */
  record Promote(Endpoint endpoint) implements MembershipChange {}

  /** Takes a voter's vote; it goes on receiving the log. */
  record Demote(Endpoint endpoint) implements MembershipChange {}

  /** Drops a voter or follower altogether: gone for good, or an incarnation that is no more. */
  record Remove(Endpoint endpoint) implements MembershipChange {}
}
