package holdfast.consensus;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Which single step brings the configuration closer to what is wanted: 1, 2, 3 or 5 voters, the
 * longest-up peers that are alive, on distinct hosts where there are enough hosts; everybody else a
 * follower. Pure; the leader's driver asks again after each step has been committed.
 */
public final class VoterPolicy {
  /** A voter that works is replaced by another only if that one has been up this much longer. */
  public static final long STEADY_MS = 600_000;

  /**
   * A peer as the leader's driver sees it.
   *
   * @param endpoint its newest incarnation
   * @param host the machine it runs on: voters are spread over hosts
   * @param uptimeMs how long its process has been up
   * @param isLive heard from recently; the leader itself always
   * @param isCaughtUp {@link MemberStatus#caughtUp}; the leader itself always
   */
  public record Candidate(
      Endpoint endpoint, String host, long uptimeMs, boolean isLive, boolean isCaughtUp) {}

  private final Configuration now;
  private final Endpoint leader;
  private final List<Candidate> candidates;
  private final Map<Endpoint, Candidate> byEndpoint;

  private VoterPolicy(Configuration now, Endpoint leader, List<Candidate> candidates) {
    this.now = now;
    this.leader = leader;
    this.candidates = candidates;
    byEndpoint =
        candidates.stream().collect(Collectors.toMap(Candidate::endpoint, Function.identity()));
  }

  /** How many voters a pool with this many live peers should have: 1, 2, 3 or 5, never 4. */
  public static int wantedVoterCount(int livePeerCount) {
    if (livePeerCount >= Configuration.VOTERS_MAX) {
      return Configuration.VOTERS_MAX;
    }
    return Math.clamp(livePeerCount, 1, 3);
  }

  /**
   * The next change, or nothing if all is as wanted or has to wait (for a follower to catch up).
   * Never touches the leader's own vote.
   *
   * @param candidates every known peer once, the leader among them; peers that left the pool for
   *     good are not among them and lose their place
   */
  public static Optional<MembershipChange> next(
      Configuration now, Endpoint leader, List<Candidate> candidates) {
    return new VoterPolicy(now, leader, candidates).next();
  }

  private Optional<MembershipChange> next() {
    Set<Endpoint> wanted = wantedVoters();
    return dropOldVoter()
        .or(() -> dropDeadVoter())
        .or(() -> addFollower())
        .or(() -> promote(wanted))
        .or(() -> dropSurplusVoter(wanted))
        .or(() -> dropFollower());
  }

  private boolean isLive(Endpoint endpoint) {
    return byEndpoint.containsKey(endpoint) && byEndpoint.get(endpoint).isLive();
  }

  /** A voter whose node is gone for good or has come back as a new incarnation. */
  private Optional<MembershipChange> dropOldVoter() {
    return now.voters().stream()
        .filter(voter -> !voter.equals(leader) && !byEndpoint.containsKey(voter))
        .findFirst()
        .map(MembershipChange.Remove::new);
  }

  /** A voter that is down. In a pair this makes the leader go on alone. */
  private Optional<MembershipChange> dropDeadVoter() {
    return now.voters().stream()
        .filter(voter -> !voter.equals(leader) && !isLive(voter))
        .findFirst()
        .map(MembershipChange.Demote::new);
  }

  private Optional<MembershipChange> addFollower() {
    return candidates.stream()
        .filter(candidate -> candidate.isLive() && !now.isMember(candidate.endpoint()))
        .map(Candidate::endpoint)
        .sorted()
        .findFirst()
        .map(MembershipChange.AddFollower::new);
  }

  /** Gives a vote to a wanted follower that has caught up, if there is a place. */
  private Optional<MembershipChange> promote(Set<Endpoint> wanted) {
    if (now.voters().size() >= wanted.size()) {
      return Optional.empty();
    }
    return now.followers().stream()
        .filter(follower -> wanted.contains(follower) && byEndpoint.get(follower).isCaughtUp())
        .findFirst()
        .map(MembershipChange.Promote::new);
  }

  /** Takes the vote of a voter that isn't wanted, when those that replace it are ready. */
  private Optional<MembershipChange> dropSurplusVoter(Set<Endpoint> wanted) {
    boolean ready =
        wanted.stream()
            .allMatch(endpoint -> now.isVoter(endpoint) || byEndpoint.get(endpoint).isCaughtUp());
    boolean tooMany = now.voters().size() > wanted.size();
    if (!ready && !tooMany) {
      return Optional.empty();
    }
    return now.voters().stream()
        .filter(voter -> !voter.equals(leader) && !wanted.contains(voter))
        .min(Comparator.comparingLong(voter -> byEndpoint.get(voter).uptimeMs()))
        .map(MembershipChange.Demote::new);
  }

  /** A follower that left the pool, or an incarnation that is no more. */
  private Optional<MembershipChange> dropFollower() {
    return now.followers().stream()
        .filter(follower -> !byEndpoint.containsKey(follower))
        .findFirst()
        .map(MembershipChange.Remove::new);
  }

  /** The voters that should be: the leader first, then by host, then by uptime. */
  private Set<Endpoint> wantedVoters() {
    List<Candidate> live =
        new ArrayList<>(
            candidates.stream()
                .filter(c -> c.isLive() && !c.endpoint().equals(leader) && mayVote(c))
                .toList());
    int count = wantedVoterCount(live.size() + 1);
    live.sort(
        Comparator.<Candidate>comparingLong(c -> -steadyUptimeMs(c))
            .thenComparing(Candidate::endpoint));
    Set<Endpoint> wanted = new HashSet<>(Set.of(leader));
    Set<String> hosts = new HashSet<>();
    if (byEndpoint.containsKey(leader)) {
      hosts.add(byEndpoint.get(leader).host());
    }
    for (boolean newHostOnly : new boolean[] {true, false}) {
      for (Candidate candidate : live) {
        boolean fits = !newHostOnly || !hosts.contains(candidate.host());
        if (wanted.size() < count && fits && wanted.add(candidate.endpoint())) {
          hosts.add(candidate.host());
        }
      }
    }
    return wanted;
  }

  private boolean mayVote(Candidate candidate) {
    return now.isMember(candidate.endpoint());
  }

  private long steadyUptimeMs(Candidate candidate) {
    return candidate.uptimeMs() + (now.isVoter(candidate.endpoint()) ? STEADY_MS : 0);
  }
}
