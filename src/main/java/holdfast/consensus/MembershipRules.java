package holdfast.consensus;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Computes the configuration that a {@link MembershipChange} makes of another, or that it makes
 * none. Pure: the leader applies it, the simulator checks it.
 */
final class MembershipRules {
  private MembershipRules() {}

  /** The next configuration; empty if the change makes no sense there. */
  static Optional<Configuration> apply(Configuration now, MembershipChange change) {
    List<Endpoint> voters = new ArrayList<>(now.voters());
    List<Endpoint> followers = new ArrayList<>(now.followers());
    Endpoint endpoint = change.endpoint();
    boolean fits =
        switch (change) {
          case MembershipChange.AddFollower add -> {
            boolean isNews =
                now.members().stream()
                    .filter(member -> member.node().equals(endpoint.node()))
                    .allMatch(member -> member.incarnation() < endpoint.incarnation());
            followers.removeIf(member -> member.node().equals(endpoint.node()));
            yield isNews
                && followers.size() < Configuration.FOLLOWERS_MAX
                && followers.add(endpoint);
          }
          case MembershipChange.Promote promote ->
              voters.size() < Configuration.VOTERS_MAX
                  && voters.stream().noneMatch(voter -> voter.node().equals(endpoint.node()))
                  && followers.remove(endpoint)
                  && voters.add(endpoint);
          case MembershipChange.Demote demote ->
              voters.size() > 1
                  && followers.stream().noneMatch(f -> f.node().equals(endpoint.node()))
                  && followers.size() < Configuration.FOLLOWERS_MAX
                  && voters.remove(endpoint)
                  && followers.add(endpoint);
          case MembershipChange.Remove remove ->
              followers.remove(endpoint) || (voters.size() > 1 && voters.remove(endpoint));
        };
    return fits ? Optional.of(new Configuration(voters, followers)) : Optional.empty();
  }
}
