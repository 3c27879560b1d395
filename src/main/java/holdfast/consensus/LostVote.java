package holdfast.consensus;

import holdfast.consensus.RaftMessage.TermReply;
import holdfast.consensus.RaftMessage.TermRequest;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * An endpoint that may have lost its term or vote neither votes nor acknowledges until every other
 * voter of the configurations that may be in force has said which term it is in: whomever it may
 * have voted for is among them. It goes on one above the highest. <i>Event: it voted for C in term
 * 5, forgot, and would acknowledge to A of term 4.</i>
 */
final class LostVote {
  /** So many are asked beyond our own configurations; with more the vote stays lost. */
  private static final int OTHERS_MAX = 64;

  private final CoreState core;
  private final Set<Endpoint> answered = new HashSet<>();

  /**
   * Asked beyond our own configurations: who sends to us as if to a member, and whoever votes in
   * the configurations that it knows of.
   */
  private final Set<Endpoint> others = new HashSet<>();

  private boolean areOthersTooMany;

  private long highestTerm;
  private long askedMs = Long.MIN_VALUE / 2;

  LostVote(CoreState core) {
    this.core = core;
  }

  void tick() {
    if (core.isVoteKnown()) {
      return;
    }
    Set<Endpoint> missing = missing();
    if (missing.isEmpty() && !areOthersTooMany && knowsSomebody()) {
      core.voteKnown(Math.max(highestTerm, core.term) + 1);
    } else if (core.nowMs - askedMs >= 2L * core.config.heartbeatMs()) {
      askedMs = core.nowMs;
      missing.forEach(
          voter -> core.out.send(new TermRequest(core.to(voter), core.recovery.nonce())));
    }
  }

  /** Where nothing at all could be read, whoever sends first tells who votes. */
  private boolean knowsSomebody() {
    return !core.configuration().voters().isEmpty() || !answered.isEmpty();
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
    if (others.size() < OTHERS_MAX) {
      others.add(from);
    } else {
      areOthersTooMany |= !others.contains(from);
    }
  }

  /** Says our term and who votes; one that is not sure of its own says what it knows. */
  void onRequest(TermRequest request) {
    Set<Endpoint> voters = new LinkedHashSet<>();
    core.openConfigurations().forEach(configuration -> voters.addAll(configuration.voters()));
    if (voters.size() <= TermReply.VOTERS_MAX) {
      core.out.send(
          new TermReply(core.to(request.header().from()), request.nonce(), List.copyOf(voters)));
    }
  }

  void onReply(TermReply reply) {
    if (!core.isVoteKnown() && reply.nonce() == core.recovery.nonce()) {
      answered.add(reply.header().from());
      reply.voters().forEach(this::onOther);
      highestTerm = Math.max(highestTerm, reply.header().term());
      tick();
    }
  }
}
