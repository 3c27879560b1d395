package holdfast.consensus;

import holdfast.util.Invariants;

/**
 * A mark that a store may lack something it once vouched for. It is durable, and stays until the
 * leader of a later term has brought the log to where it was ({@link Effect.Recovered}). Until then
 * this endpoint's votes say so, and count for little by themselves.
 *
 * @param nonce names this loss; random, 0 only in {@link #NONE}: an answer to an earlier loss never
 *     ends a later one
 * @param cause why something may be missing
 * @param isVoteLost whether the term or the vote may be missing too, not only entries
 */
public record Recovery(long nonce, Cause cause, boolean isVoteLost) {
  /** Nothing is missing. */
  public static final Recovery NONE = new Recovery(0, Cause.NONE, false);

  /** Why something may be missing. The order is that of the numbers on disk. */
  public enum Cause {
    /** Nothing is. */
    NONE,
    /** The machine went down, or a force failed: what wasn't forced may be gone, nothing else. */
    POWER_CUT,
    /** The folder is damaged, older than it was or a copy: forced entries may be gone as well. */
    DAMAGE
  }

  /** Refuses a loss without a nonce or a cause. */
  public Recovery {
    Invariants.check(
        (nonce == 0) == (cause == Cause.NONE) && (nonce != 0 || !isVoteLost),
        "recovery has a nonce and a cause or neither, was=%s and %s",
        nonce,
        cause);
  }

  /** Whether something may be missing. */
  public boolean isNeeded() {
    return nonce != 0;
  }

  /** Both losses in one, under this one's nonce. */
  public Recovery and(Cause otherCause, boolean isOtherVoteLost) {
    Cause worse = cause.compareTo(otherCause) >= 0 ? cause : otherCause;
    return new Recovery(nonce, worse, isVoteLost || isOtherVoteLost);
  }
}
