package holdfast.peer.state;

import holdfast.consensus.Endpoint;
import holdfast.consensus.RaftCore;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.peer.view.Replies;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Asks peers that follow another log how this peer's log relates to theirs. Loop thread. */
final class LogComparison {
  private static final long COMPARE_EVERY_NS = 1_000_000_000L;
  private static final long COMPARE_SILENCE_NS = 2_000_000_000L;
  private static final int COMPARED_MAX = 1_024;

  /** Whose log it is. */
  interface Owner {
    /** The log that is followed here; empty while no other one may be followed. */
    Optional<RaftCore> core();

    /** Our log, as it was when that peer was asked, has ended before the one that it follows. */
    void onEnded(NodeId from, Ended ended);
  }

  /**
   * That our log has ended.
   *
   * @param next a log that goes on from it
   * @param isHeld whether that one holds all that is here
   * @param isByOurVote whether it ended by our vote, given since the last loss that is marked here:
   *     so nothing can have been forgotten of {@code next}, which began later
   */
  record Ended(LogId next, boolean isHeld, boolean isByOurVote) {}

  private final Loop loop;
  private final Transport transport;
  private final Owner owner;
  private final Map<NodeId, Long> comparedNs = new HashMap<>();

  LogComparison(Loop loop, Transport transport, Owner owner) {
    this.loop = loop;
    this.transport = transport;
    this.owner = owner;
  }

  /** Another peer follows this log: does it go on from ours? */
  void heard(NodeId from, LogId log) {
    Optional<RaftCore> own = owner.core().filter(core -> !core.logId().equals(log));
    if (own.isEmpty() || log.equals(LogId.NONE)) {
      return;
    }
    long nowNs = loop.nowNs();
    boolean isDue =
        nowNs - comparedNs.getOrDefault(from, nowNs - COMPARE_EVERY_NS) >= COMPARE_EVERY_NS;
    if (isDue && (comparedNs.size() < COMPARED_MAX || comparedNs.containsKey(from))) {
      comparedNs.put(from, nowNs);
      ask(from, own.get());
    }
  }

  private void ask(NodeId from, RaftCore core) {
    boolean isVoteKnown = core.isVoteKnown();
    long nonce = core.recovery().nonce();
    transport.request(
        from,
        held(core),
        null,
        COMPARE_SILENCE_NS,
        Replies.handler(
            (reply, none) -> {
              // An answer about a log that was left since might lead back to an earlier one.
              boolean isOfOurs = owner.core().filter(now -> now == core).isPresent();
              if (reply instanceof Reply.Compared compared && isOfOurs) {
                report(from, compared, isVoteKnown && core.recovery().nonce() == nonce);
              }
            },
            why -> {}));
  }

  private void report(NodeId from, Reply.Compared compared, boolean isVoteOurs) {
    boolean isByOurVote = isVoteOurs && compared.isByAsker();
    switch (compared.relation()) {
      case SAME, UNKNOWN -> {}
      case HELD -> owner.onEnded(from, new Ended(compared.log(), true, isByOurVote));
      case LACKING -> owner.onEnded(from, new Ended(compared.log(), false, isByOurVote));
    }
  }

  /** What is here of a log. */
  static Request.CompareLog held(RaftCore core) {
    return new Request.CompareLog(
        core.logId(),
        core.lastIndex(),
        core.lastTerm(),
        core.commitIndex(),
        core.term(),
        core.votedFor().map(Endpoint::node).orElse(null));
  }
}
