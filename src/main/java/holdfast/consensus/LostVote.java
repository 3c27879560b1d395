package holdfast.consensus;

import holdfast.consensus.RaftMessage.TermReply;
import holdfast.consensus.RaftMessage.TermRequest;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds out the term after a loss of term or vote. An endpoint that may have lost them neither
 * votes nor acknowledges until every other voter of the configurations that may be in force has
 * said which term it is in: whomever it may have voted for is among them. It goes on one above the
 * highest. <i>Event: it voted for C in term 5, forgot, and would acknowledge to A of term 4.</i>
 */
final class LostVote {
  /** So many are asked beyond our own configurations; with more the vote stays lost. */
  private static final int OTHERS_MAX = 64;

  private final CoreState core;

  /**
   * Who answered, and who votes in the configurations that it knows of. Its last answer counts, as
   * if the earlier ones had been lost: who has no vote any more isn't waited for for ever.
   */
  private final Map<Endpoint, List<Endpoint>> answered = new HashMap<>();

  /** Asked beyond our own configurations and those: who sends to us as if to a member. */
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
      missing.forEach(this::ask);
      answered.forEach(
          (from, voters) -> {
            if (voters.stream().anyMatch(missing::contains)) {
              ask(from);
            }
          });
    }
  }

  private void ask(Endpoint voter) {
    core.out.send(new TermRequest(core.to(voter), core.recovery.nonce()));
  }

  /** Where nothing at all could be read, whoever sends first tells who votes. */
  private boolean knowsSomebody() {
    return !core.configuration().voters().isEmpty() || !answered.isEmpty();
  }

  private Set<Endpoint> missing() {
    Set<Endpoint> missing = new HashSet<>(others);
    core.openConfigurations().forEach(configuration -> missing.addAll(configuration.voters()));
    answered.values().forEach(missing::addAll);
    missing.remove(core.self);
    missing.removeAll(answered.keySet());
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
      if (answered.size() < OTHERS_MAX || answered.containsKey(reply.header().from())) {
        answered.put(reply.header().from(), reply.voters());
      }
      highestTerm = Math.max(highestTerm, reply.header().term());
      tick();
    }
  }
}
