package holdfast.consensus;

/**
 * Deliberate bugs that tests switch on in the core, to prove that the simulator's checkers see
 * them; a node always runs with none. Nothing outside this package can set one, and the public
 * constructor sets none: decision 12 says why they live here.
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
  KEEP_MATCH_OF_RECOVERING,
  /** Who has just started gives its vote at once. */
  VOTE_JUST_STARTED,
  /** Gives a vote though a leader was heard a moment ago. */
  VOTE_THOUGH_LEADER_HEARD,
  /** Goes on reading under a lease when a successor was asked to stand. */
  KEEP_LEASE_OF_SUCCEEDED,
  /** Who loses its vote hears of it at once. */
  SEND_DEMOTION_AT_ONCE,
  /** Entries of earlier terms are committed by counting copies. */
  COUNT_OLDER_TERMS,
  /** A force of an earlier term's entries counts though none of the own term is forced. */
  COUNT_FORCED_OLDER_TERMS,
  /** A read is answered by a round of heartbeats that began before it. */
  READ_BY_OLDER_ROUND,
  /** A damaged folder counts as one that lost what wasn't forced. */
  DAMAGE_AS_POWER_CUT,
  /** Who may have lost its vote votes and acknowledges at once. */
  VOTE_AFTER_LOST_VOTE,
  /** A configuration counts as soon as it is written. */
  COUNT_UNFORCED_CONFIGURATION,
  /** A configuration of an older term counts though no entry of the own term is forced. */
  COUNT_CONFIGURATION_OF_OLDER_TERM,
  /** Somebody leads without the vote of who may have ended the log. */
  LEAD_WITHOUT_FOUNDER,
  /** A log ends though a member without a vote holds more of it. */
  END_WITHOUT_ASKING,
  /** A loss is made good as soon as a leader knows of it. */
  RECOVERED_WHEN_KNOWN
}
