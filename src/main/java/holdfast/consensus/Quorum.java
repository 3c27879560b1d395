package holdfast.consensus;

import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.function.ToLongFunction;

/**
 * What a majority of the voters of the configuration in force has reached. Followers and old
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
    long[] values = new long[core.configuration().voters().size()];
    int filled = 0;
    for (Endpoint voter : core.configuration().voters()) {
      values[filled++] = voter.equals(core.self) ? own : of.applyAsLong(members.get(voter));
    }
    Arrays.sort(values);
    return values[values.length - core.configuration().quorum()];
  }

  /** Written up to here. */
  long writtenIndex() {
    return reached(core.out.writtenIndex(), member -> member.matchIndex);
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
