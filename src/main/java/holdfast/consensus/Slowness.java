package holdfast.consensus;

import holdfast.util.RecentMax;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Measures how slow this endpoint and what it hears have been lately: a disk that takes its time, a
 * process that comes late, heartbeats that do. By as much an election waits longer before it counts
 * as failed, and a silence before it counts as a death. <i>Event: a write takes 1.2 s; each
 * candidate campaigned again before its own vote was on disk, and no election ever ended.</i>
 *
 * <p>Only how long others are waited for depends on it, never what is promised to them: a voter
 * refuses its vote for the same time whatever was measured, since leases rest on that.
 */
final class Slowness {
  /**
   * An election has two writes one after the other, the candidate's and a voter's; and some air.
   */
  private static final int WRITES_PER_ELECTION = 3;

  /** Writes that are timed at once; of more the last ones aren't. */
  private static final int TIMED_MAX = 64;

  private record Write(long ticket, long sinceMs) {}

  private final CoreState core;
  private final Deque<Write> writes = new ArrayDeque<>();
  private final RecentMax writeMs;
  private final RecentMax lateMs;
  private final RecentMax silenceMs;
  private long lastTickMs;

  Slowness(CoreState core) {
    this.core = core;
    writeMs = new RecentMax(core.config.measuredForMs());
    lateMs = new RecentMax(core.config.measuredForMs());
    silenceMs = new RecentMax(core.config.measuredForMs());
    lastTickMs = core.nowMs;
  }

  /** Term and vote are handed out to be forced, under this ticket. */
  void writeBegun(long ticket) {
    if (writes.size() < TIMED_MAX) {
      writes.add(new Write(ticket, core.nowMs));
    }
  }

  /** All up to this ticket is written. */
  void written(long ticket) {
    while (!writes.isEmpty() && writes.getFirst().ticket() <= ticket) {
      writeMs.add(core.nowMs, core.nowMs - writes.removeFirst().sinceMs());
    }
  }

  /** By how much this process is late now: its last tick should have been followed by another. */
  long lateMs() {
    return Math.max(0, core.nowMs - lastTickMs - core.config.heartbeatMs());
  }

  /** A tick; returns the time since the last one. */
  long tick() {
    note(lateMs, lateMs());
    long passedMs = core.nowMs - lastTickMs;
    lastTickMs = core.nowMs;
    return passedMs;
  }

  /** Who was waited for was heard after so long, our own lateness not counted. */
  void heardAfter(long silentMs) {
    note(silenceMs, silentMs - core.config.heartbeatMs());
  }

  /** What is longer than any patience is a sleep or an outage, and says nothing of what follows. */
  private void note(RecentMax longest, long ms) {
    if (ms > 0 && ms <= core.config.wideningMaxMs()) {
      longest.add(core.nowMs, ms);
    }
  }

  /** How long a forced write takes here: the longest lately, one that isn't done included. */
  long writeMs() {
    long sinceMs = writes.isEmpty() ? core.nowMs : writes.getFirst().sinceMs();
    return Math.max(writeMs.value(core.nowMs), core.nowMs - sinceMs);
  }

  /** By how much longer silence may last here before it counts. */
  long patienceMs() {
    return bounded(lateMs.value(core.nowMs) + silenceMs.value(core.nowMs));
  }

  /**
   * By how much longer an election may take.
   *
   * @param othersWriteMs how long a forced write takes at the slowest of its voters, as they say
   */
  long electionMs(long othersWriteMs) {
    long slowestMs = Math.min(core.config.wideningMaxMs(), Math.max(writeMs(), othersWriteMs));
    return bounded(patienceMs() + WRITES_PER_ELECTION * slowestMs);
  }

  private long bounded(long ms) {
    return Math.min(core.config.wideningMaxMs(), ms);
  }
}
