package holdfast.consensus;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Decides which single step brings the configuration closer to what is wanted: 1, 2, 3 or 5 voters,
 * the longest-up peers that are alive and have caught up, each on a host of its own while there are
 * two hosts; everybody else a follower. Pure; the leader's driver asks again after each step has
 * been committed.
 *
 * <p><b>What a crash finds between two steps.</b> A working voter loses its vote only when the
 * voters that are left could lose one more of them, unless fewer are wanted for good: three become
 * four before they are three again. Five can't become six, so there one goes first, and four still
 * survive a crash. Four are never more than a step: they survive no more than three do, and each
 * change waits for one more of them. A voter that is down is taken out before another comes in: as
 * long as it counts, it costs what the new one brings.
 */
public final class VoterPolicy {
  /** A voter that works is replaced by another only if that one has been up this much longer. */
  public static final long STEADY_MS = 600_000;

  /** Fewest voters that survive the crash of any of them. */
  private static final int SAFE_COUNT = 3;

  /**
   * A peer as the leader's driver sees it.
   *
   * @param endpoint its newest incarnation
   * @param host the machine it runs on: no two voters share one while there is another
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

  /**
   * How many voters there should be: 1, 2, 3 or 5, never 4.
   *
   * @param placeCount hosts with a live peer; where there is one host only, live peers
   */
  public static int wantedVoterCount(int placeCount) {
    if (placeCount >= Configuration.VOTERS_MAX) {
      return Configuration.VOTERS_MAX;
    }
    return Math.clamp(placeCount, 1, SAFE_COUNT);
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
    return dropOldVoter()
        .or(() -> dropDeadVoter())
        .or(() -> addFollower())
        .or(() -> approach(wantedVoters()))
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

  /**
   * One step from the voters there are, all of them live by now, to those wanted, all of whom could
   * vote at once. A vote is given first wherever that leaves at most one more than are wanted; four
   * are left again by the next step, upwards or downwards.
   */
  private Optional<MembershipChange> approach(Set<Endpoint> wanted) {
    boolean isForMost = wanted.size() == Configuration.VOTERS_MAX;
    boolean mayGrow = now.voters().size() < (isForMost ? wanted.size() : SAFE_COUNT + 1);
    Optional<MembershipChange> gain =
        wanted.stream()
            .filter(endpoint -> mayGrow && !now.isVoter(endpoint))
            .findFirst()
            .map(MembershipChange.Promote::new);
    return gain.or(() -> dropSurplusVoter(wanted));
  }

  /** Takes the vote of one that isn't wanted: rather where two share a host, then the youngest. */
  private Optional<MembershipChange> dropSurplusVoter(Set<Endpoint> wanted) {
    return now.voters().stream()
        .filter(voter -> !wanted.contains(voter))
        .map(byEndpoint::get)
        .min(
            Comparator.comparing((Candidate voter) -> !sharesHost(voter))
                .thenComparingLong(Candidate::uptimeMs)
                .thenComparing(Candidate::endpoint))
        .map(voter -> new MembershipChange.Demote(voter.endpoint()));
  }

  private boolean sharesHost(Candidate voter) {
    return now.voters().stream()
        .map(byEndpoint::get)
        .anyMatch(other -> other != null && other != voter && other.host().equals(voter.host()));
  }

  /** A follower that left the pool, or an incarnation that is no more. */
  private Optional<MembershipChange> dropFollower() {
    return now.followers().stream()
        .filter(follower -> !byEndpoint.containsKey(follower))
        .findFirst()
        .map(MembershipChange.Remove::new);
  }

  /**
   * The voters that should be: the leader, then the longest up that could vote at once. A peer that
   * is still catching up is not waited for, and neither is its host: it comes in when it is ready.
   * So is the second of two without which three would become four and stay so.
   */
  private Set<Endpoint> wantedVoters() {
    List<Candidate> fit = new ArrayList<>(candidates.stream().filter(this::mayVote).toList());
    fit.sort(
        Comparator.<Candidate>comparingLong(c -> -steadyUptimeMs(c))
            .thenComparing(Candidate::endpoint));
    Set<String> hosts = new HashSet<>();
    fit.forEach(candidate -> hosts.add(candidate.host()));
    Set<String> taken = new HashSet<>();
    if (byEndpoint.containsKey(leader)) {
      hosts.add(byEndpoint.get(leader).host());
      taken.add(byEndpoint.get(leader).host());
    }
    boolean isSpread = hosts.size() > 1;
    int count = wantedVoterCount(isSpread ? hosts.size() : fit.size() + 1);
    Set<Endpoint> wanted = new LinkedHashSet<>(Set.of(leader));
    for (Candidate candidate : fit) {
      if (wanted.size() < count && (!isSpread || taken.add(candidate.host()))) {
        wanted.add(candidate.endpoint());
      }
    }
    return wanted;
  }

  /** Whether it has a vote, or could be given one now; the leader is none of them. */
  private boolean mayVote(Candidate candidate) {
    Endpoint endpoint = candidate.endpoint();
    boolean isReady = now.isVoter(endpoint) || now.isMember(endpoint) && candidate.isCaughtUp();
    return candidate.isLive() && isReady && !endpoint.equals(leader);
  }

  private long steadyUptimeMs(Candidate candidate) {
    return candidate.uptimeMs() + (now.isVoter(candidate.endpoint()) ? STEADY_MS : 0);
  }
}
