package holdfast.storage;

import holdfast.consensus.Recovery;

/**
 * Receives word that something that may have been acknowledged is lost, before anything is done
 * about it.
 */
@FunctionalInterface
interface LossListener {
  /**
   * Called before a damaged log is cut, and at once when a write or force of the log failed. When
   * it returns, this start and the next one know of the loss ({@link Recovery}, forced). Called on
   * the thread of the failing call; may block on the disk; never throws.
   *
   * @param isVoteLost whether the term or the vote may be lost too
   */
  void lost(Recovery.Cause cause, boolean isVoteLost, String why);
}
