package holdfast.consensus;

import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.function.ToLongFunction;

/**
 * Computes what a majority of the voters of the configuration in force has reached. The one place
 * that counts acknowledgements, for commits, forces, reads and leases alike. Followers and old
 * incarnations never count: progress is kept by endpoint, and only voters' is looked at.
 */
final class Quorum {
  private final CoreState core;
  private final Map<Endpoint, Progress> members;

  Quorum(CoreState core, Map<Endpoint, Progress> members) {
    this.core = core;
    this.members = members;
  }

  /** The highest value that a majority of voters has reached. */
  private long reached(long own, ToLongFunction<Progress> of) {
    if (core.has(Fault.COUNT_ANYBODY)) {
      Collection<Progress> all = members.values();
      long[] values = new long[all.size() + 1];
      int filled = 0;
      values[filled++] = own;
      for (Progress member : all) {
        values[filled++] = of.applyAsLong(member);
      }
      Arrays.sort(values);
      return values[Math.max(0, values.length - core.configuration().quorum())];
    }
    return reached(core.configuration(), own, of);
  }

  private long reached(Configuration configuration, long own, ToLongFunction<Progress> of) {
    long[] values = new long[configuration.voters().size()];
    int filled = 0;
    for (Endpoint voter : configuration.voters()) {
      Progress member = members.get(voter);
      values[filled++] =
          voter.equals(core.self) ? own : member == null ? 0 : of.applyAsLong(member);
    }
    Arrays.sort(values);
    return values[values.length - configuration.quorum()];
  }

  /**
   * Written up to here. Until the newest configuration is forced at its own majority the one before
   * it counts, and for what stands before the newest only. <i>Event: a leader alone with a dead
   * partner counts an entry by a configuration that only it has, loses power and both; its
   * partner's vote elects it, and another entry takes the place.</i>
   */
  long writtenIndex() {
    long own = core.out.writtenIndex();
    long index = core.log.configurationIndex();
    if (isInForce(index)) {
      return reached(own, member -> member.matchIndex);
    }
    Configuration older = core.log.configurationBefore();
    long byOlder = older.voters().isEmpty() ? 0 : reached(older, own, member -> member.matchIndex);
    return Math.min(byOlder, index - 1);
  }

  /**
   * Whether nobody can lead any more who doesn't know the newest configuration, whatever a power
   * cut takes. A forced entry of an older term isn't enough: who lost all behind it votes for a log
   * of a term in between. <i>Event: of four voters one gets the entry that takes the fourth's vote,
   * and leads again later; its new partner forces that entry, and both lose power and what was
   * acknowledged behind it. The fourth has an entry of a term in between, and is elected by three
   * votes of four, two of them whole.</i>
   */
  private boolean isInForce(long index) {
    long forced = forcedIndex();
    boolean isOfOwnTerm =
        core.log.termAt(forced) == core.term || core.has(Fault.COUNT_CONFIGURATION_OF_OLDER_TERM);
    return index <= core.committedFloor()
        || forced >= index && isOfOwnTerm
        || core.has(Fault.COUNT_UNFORCED_CONFIGURATION);
  }

  /** Forced up to here. */
  long forcedIndex() {
    return reached(core.forcedIndex, member -> member.forcedIndex);
  }

  /** The last round of heartbeats that was answered. */
  long answeredRound() {
    return reached(Long.MAX_VALUE, member -> member.answeredRound);
  }

  /** When the last answered heartbeat was sent, in our own time; MIN_VALUE if none was. */
  long heartbeatSentMs() {
    return reached(
        core.nowMs, member -> member.hasAnsweredHeartbeat ? member.answeredSentMs : Long.MIN_VALUE);
  }

  /** When anything was heard last. */
  long heardMs() {
    return reached(core.nowMs, member -> member.heardMs);
  }
}
