package holdfast.consensus;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * A leader's linearizable reads without a log entry (dissertation, 6.4): at once under a lease,
 * else after a round of heartbeats that a quorum has answered.
 *
 * <p>The lease: a voter that answers a heartbeat gives no vote for a minimum election timeout from
 * when it received it, which is after the leader sent it. A quorum's answers thus keep every other
 * election from succeeding until the earliest of those sending times + {@code leaseMs}, which is
 * shorter by the margin for clocks that run unevenly. An election that the leader itself asks for
 * passes by this rule, at any later time (the request may be in flight for long): so from then on
 * there is no lease in this term.
 */
final class Reads {
  private record Waiting(long id, long index, long round) {}

  private final CoreState core;
  private final Deque<Waiting> waiting = new ArrayDeque<>();
  private final List<Long> early = new ArrayList<>();
  private boolean isLeaseVoid;

  Reads(CoreState core) {
    this.core = core;
  }

  void voidLease() {
    isLeaseVoid = true;
  }

  /**
   * Until when this leader may answer alone (dissertation, 6.4.1); a time long past if it may not.
   */
  long leaseUntilMs(Quorum quorum) {
    if (isLeaseVoid) {
      return Long.MIN_VALUE;
    }
    long sentMs = quorum.heartbeatSentMs();
    if (sentMs == Long.MIN_VALUE) {
      return sentMs;
    }
    long extraMs = core.has(Fault.LEASE_TOO_LONG) ? 5L * core.config.electionTimeoutMaxMs() : 0;
    return sentMs + core.config.leaseMs() + extraMs;
  }

  /**
   * Begins a read (dissertation, 6.4). True if a round of heartbeats should go out at once.
   *
   * @param ownTermCommitted until an entry of the own term is committed, the commit index may lack
   *     entries that were acknowledged by a leader before
   */
  boolean begin(long id, boolean ownTermCommitted, Quorum quorum, long lastRound) {
    if (waiting.size() + early.size() >= core.config.waitingReadsMax()) {
      core.out.add(new Effect.ReadRejected(id, Rejection.BUSY, core.leader));
      return false;
    }
    if (!ownTermCommitted && !core.has(Fault.READ_BEFORE_OWN_TERM)) {
      early.add(id);
      return false;
    }
    if (core.nowMs < leaseUntilMs(quorum)) {
      core.out.add(new Effect.ReadReady(id, core.commitIndex));
      return false;
    }
    long round = core.has(Fault.READ_BY_OLDER_ROUND) ? lastRound : lastRound + 1;
    waiting.add(new Waiting(id, core.commitIndex, round));
    return quorum.answeredRound() >= lastRound;
  }

  /** The reads that came before an entry of the own term was committed. */
  List<Long> drainEarly() {
    List<Long> drained = new ArrayList<>(early);
    early.clear();
    return drained;
  }

  /** Answers what a quorum has confirmed. True if what still waits needs another round now. */
  boolean release(Quorum quorum, long lastRound) {
    long answered = quorum.answeredRound();
    while (!waiting.isEmpty() && waiting.getFirst().round() <= answered) {
      Waiting next = waiting.removeFirst();
      core.out.add(new Effect.ReadReady(next.id(), next.index()));
    }
    return !waiting.isEmpty() && answered >= lastRound;
  }

  void rejectAll(Rejection reason) {
    for (long id : early) {
      core.out.add(new Effect.ReadRejected(id, reason, core.leader));
    }
    for (Waiting next : waiting) {
      core.out.add(new Effect.ReadRejected(next.id(), reason, core.leader));
    }
    early.clear();
    waiting.clear();
  }
}
