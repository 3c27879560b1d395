package holdfast.consensus;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Counts the votes of one election and decides what they amount to: won, won only if every voter
 * agrees, or open. Apart from {@link Elections}, so that the rule stands without messages and
 * timers. A vote is <i>whole</i> if its voter lacks nothing that it ever acknowledged.
 *
 * <p>Every committed entry was written at a majority of a configuration. A plain majority of whole
 * votes meets each such majority, as in Raft. With fewer whole votes the same holds as long as the
 * whole ones alone meet every majority, in each configuration that may have committed something
 * that the newest doesn't know of: from the last one known to be committed to the newest. Where
 * they don't, an entry that was acknowledged may be in no log that votes; then every voter's vote
 * is needed, so that nobody else can have gone on, and the log ends. Whoever voted in it remembers
 * that, since others may know of configurations in which fewer votes would do.
 */
final class Ballot {
  /** How an election stands. */
  enum Outcome {
    OPEN,
    /** The winner has all that was committed. */
    WON,
    /** Everybody voted, but something that was committed may be lost. */
    WON_BY_ALL
  }

  private final Map<Endpoint, Recovery.Cause> votes = new HashMap<>();

  void clear() {
    votes.clear();
  }

  void add(Endpoint voter, Recovery.Cause recovering) {
    votes.put(voter, recovering);
  }

  /** Whether a damaged, older or copied folder votes among these. */
  boolean hasDamage() {
    return votes.containsValue(Recovery.Cause.DAMAGE);
  }

  boolean hasAll(Collection<Endpoint> members) {
    return votes.keySet().containsAll(members);
  }

  /**
   * What the votes amount to.
   *
   * @param open the configurations from the last one known to be committed to the newest
   */
  Outcome outcome(List<Configuration> open) {
    Configuration newest = open.getLast();
    if (wholeCount(newest.voters()) >= newest.quorum()) {
      return Outcome.WON;
    }
    boolean byAll = false;
    for (Configuration configuration : open) {
      if (!isMetByWhole(configuration)) {
        if (configuration.voters().isEmpty()
            || !votes.keySet().containsAll(configuration.voters())) {
          return Outcome.OPEN;
        }
        byAll = true;
      }
    }
    return byAll ? Outcome.WON_BY_ALL : Outcome.WON;
  }

  /**
   * A majority voted, and every majority has one of the whole votes in it. Who lost no more than
   * what wasn't forced knows each configuration that it made count; a damaged or older folder
   * doesn't: its voter may have gone on in a smaller one, unknown to the whole votes, unless those
   * are a majority by themselves. <i>Event: a pair; A removed B, acknowledged alone, and its folder
   * was put back to when B had a vote.</i>
   */
  private boolean isMetByWhole(Configuration configuration) {
    List<Endpoint> voters = configuration.voters();
    long voted = voters.stream().filter(votes::containsKey).count();
    long whole = wholeCount(voters);
    if (voters.stream().anyMatch(v -> votes.get(v) == Recovery.Cause.DAMAGE)) {
      return whole >= configuration.quorum();
    }
    int others = voters.size() - configuration.quorum();
    return voted >= configuration.quorum() && whole > others;
  }

  private long wholeCount(Collection<Endpoint> voters) {
    return voters.stream().filter(v -> votes.get(v) == Recovery.Cause.NONE).count();
  }
}
