package holdfast.peer.view;

import holdfast.peer.PeerNode;

/**
 * Bugs that tests plant to prove that the checkers see them. Only a package-private constructor of
 * {@link PeerNode} takes any: decision 12 says why they live here.
 */
public enum PeerFault {
  /** A replica says that it wrote what it hasn't. */
  REPLICA_ACKNOWLEDGES_UNWRITTEN,
  /** One copy is enough, whatever the pool says. */
  ONE_COPY_IS_ENOUGH,
  /** A change is answered when it stands in the leader's log. */
  REPLY_BEFORE_COMMIT,
  /** A retry is applied again. */
  FORGET_ANSWERS,
  /** Reads are answered by whoever believes to lead, without asking the others. */
  READ_WITHOUT_QUORUM,
  /** A peer takes itself for the owner it was under its first map. */
  REPAIR_BY_FIRST_MAP,
  /** The leader counts every peer as whole, whatever it said. */
  STATUS_TRUSTS_BLINDLY,
  /** A change is acknowledged before the other clients have confirmed it. */
  ACKNOWLEDGE_UNCONFIRMED,
  /** A new leader forgets that its predecessor may have granted leases. */
  FORGET_LEASES,
  /** The leader grants leases that are longer than the log says. */
  LEASE_NOT_IN_LOG,
  /** A file whose chunks are lost keeps naming them. */
  NO_REVERT,
  /** The clock stands still while the machine sleeps; planted in the simulated loops. */
  CLOCK_STANDS_STILL
}
