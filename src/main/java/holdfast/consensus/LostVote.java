package holdfast.consensus;

import holdfast.consensus.RaftMessage.TermReply;
import holdfast.consensus.RaftMessage.TermRequest;
import java.util.HashSet;
import java.util.Set;

/**
 * An endpoint that may have lost its term or vote neither votes nor acknowledges until every other
 * voter of the configurations that may be in force has said which term it is in: whomever it may
 * have voted for is among them. It goes on one above the highest. <i>Event: it voted for C in term
 * 5, forgot, and would acknowledge to A of term 4.</i>
 */
final class LostVote {
  private final CoreState core;
  private final Set<Endpoint> answered = new HashSet<>();

  /** Asked beyond our own configurations: somebody who sends to us as if to a member. */
  private final Set<Endpoint> others = new HashSet<>();

  private long highestTerm;
  private long askedMs = Long.MIN_VALUE / 2;

  LostVote(CoreState core) {
    this.core = core;
  }

  /** One that has lost its log knows no voters: whoever sends first is asked. */
  void tick() {
    if (core.isVoteKnown()) {
      return;
    }
    Set<Endpoint> missing = missing();
    boolean isAnybodyKnown = core.configuration().voters().size() + others.size() > 0;
    if (missing.isEmpty() && isAnybodyKnown) {
      core.voteKnown(Math.max(highestTerm, core.term) + 1);
    } else if (core.nowMs - askedMs >= 2L * core.config.heartbeatMs()) {
      askedMs = core.nowMs;
      missing.forEach(
          voter -> core.out.send(new TermRequest(core.to(voter), core.recovery.nonce())));
    }
  }

  private Set<Endpoint> missing() {
    Set<Endpoint> missing = new HashSet<>(others);
    core.openConfigurations().forEach(configuration -> missing.addAll(configuration.voters()));
    missing.remove(core.self);
    missing.removeAll(answered);
    return missing;
  }

  /** Somebody takes this endpoint for a member: it may be a candidate that was voted for. */
  void onOther(Endpoint from) {
    if (others.size() < Configuration.VOTERS_MAX) {
      others.add(from);
    }
  }

  /** Says our term; one that is not sure of its own says what it knows. */
  void onRequest(TermRequest request) {
    core.out.send(new TermReply(core.to(request.header().from()), request.nonce()));
  }

  void onReply(TermReply reply) {
    if (!core.isVoteKnown() && reply.nonce() == core.recovery.nonce()) {
      answered.add(reply.header().from());
      highestTerm = Math.max(highestTerm, reply.header().term());
      tick();
    }
  }
}
