package holdfast.consensus;

import static holdfast.consensus.CoreHarness.endpoint;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.VoterPolicy.Candidate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Who votes, as the peers come and go. */
class VoterPolicyTest {
  private final List<Candidate> peers = new ArrayList<>();
  private Configuration now;

  /** Peer {@code n} has been up longer than peer {@code n + 1}. */
  private void peer(int n, String host, boolean isLive) {
    peers.add(new Candidate(endpoint(n, 1), host, 10_000_000L - n * 1_000L, isLive, true));
  }

  private void alive(int count) {
    for (int n = 1; n <= count; n++) {
      peer(n, "host" + n, true);
    }
  }

  private void voters(int... numbers) {
    List<Endpoint> voters = new ArrayList<>();
    List<Endpoint> followers = new ArrayList<>(peers.stream().map(Candidate::endpoint).toList());
    for (int n : numbers) {
      voters.add(endpoint(n, 1));
    }
    followers.removeAll(voters);
    now = new Configuration(voters, followers);
  }

  private void die(int n) {
    peers.removeIf(peer -> peer.endpoint().equals(endpoint(n, 1)));
    peer(n, "host" + n, false);
  }

  /** Takes steps until nothing is left to do; returns them. */
  private List<MembershipChange> settle() {
    List<MembershipChange> steps = new ArrayList<>();
    Optional<MembershipChange> next = VoterPolicy.next(now, endpoint(1, 1), peers);
    while (next.isPresent()) {
      steps.add(next.get());
      now = MembershipRules.apply(now, next.get()).orElseThrow();
      assertTrue(steps.size() < 50, () -> "it never settles: " + steps);
      next = VoterPolicy.next(now, endpoint(1, 1), peers);
    }
    return steps;
  }

  private List<Integer> voterNumbers() {
    return now.voters().stream().map(v -> (int) v.node().d()).toList();
  }

  @Test
  void aPoolOfNPeersHasOneTwoThreeOrFiveVoters() {
    int[] wanted = {1, 2, 3, 3, 5, 5, 5};
    for (int count = 1; count <= wanted.length; count++) {
      peers.clear();
      alive(count);
      now = new Configuration(List.of(endpoint(1, 1)), List.of());

      settle();

      assertEquals(wanted[count - 1], now.voters().size());
      assertEquals(count, now.members().size());
    }
  }

  @Test
  void theLongestUpVote() {
    alive(7);
    now = new Configuration(List.of(endpoint(1, 1)), List.of());

    settle();

    assertEquals(List.of(1, 2, 3, 4, 5), voterNumbers());
  }

  @Test
  void theVotersShrinkWithThePoolAsPeersLeaveOneByOne() {
    alive(5);
    voters(1, 2, 3, 4, 5);

    List<Integer> sizes = new ArrayList<>();
    for (int dead = 5; dead >= 2; dead--) {
      die(dead);
      settle();
      sizes.add(now.voters().size());
    }

    assertEquals(List.of(3, 3, 2, 1), sizes);
  }

  @Test
  void aVoterThatIsDownGivesItsPlaceToAFollowerThatHasCaughtUp() {
    alive(4);
    voters(1, 2, 3);
    die(2);

    var steps = settle();

    assertEquals(
        List.of(
            new MembershipChange.Demote(endpoint(2, 1)),
            new MembershipChange.Promote(endpoint(4, 1))),
        steps);
  }

  @Test
  void aFollowerThatIsBehindHasToWait() {
    alive(2);
    peers.add(new Candidate(endpoint(3, 1), "host3", 1, true, false));
    voters(1, 2);

    assertEquals(List.of(), settle());
  }

  @Test
  void aDeadPartnerOfAPairLosesItsVote() {
    alive(2);
    voters(1, 2);
    die(2);

    assertEquals(List.of(new MembershipChange.Demote(endpoint(2, 1))), settle());
    assertEquals(List.of(1), voterNumbers());
  }

  @Test
  void aNewIncarnationReplacesTheOldOne() {
    alive(3);
    voters(1, 2, 3);
    peers.removeIf(peer -> peer.endpoint().equals(endpoint(2, 1)));
    peers.add(new Candidate(endpoint(2, 2), "host2", 5, true, true));

    var steps = settle();

    assertEquals(
        List.of(
            new MembershipChange.Remove(endpoint(2, 1)),
            new MembershipChange.AddFollower(endpoint(2, 2)),
            new MembershipChange.Promote(endpoint(2, 2))),
        steps);
  }

  @Test
  void noTwoVotersShareAHostWhileThereAreTwoHosts() {
    peer(1, "x", true);
    peer(2, "x", true);
    peer(3, "x", true);
    peer(4, "y", true);
    peer(5, "z", true);
    peer(6, "x", true);
    now = new Configuration(List.of(endpoint(1, 1)), List.of());

    settle();
    assertEquals(List.of(1, 4, 5), voterNumbers());

    peers.removeIf(peer -> peer.endpoint().equals(endpoint(5, 1)));
    settle();
    assertEquals(List.of(1, 4), voterNumbers());

    peers.removeIf(peer -> peer.endpoint().equals(endpoint(4, 1)));
    settle();
    assertEquals(List.of(1, 2, 3), voterNumbers());
  }

  /** Three, four, three: with two in between, the leader's crash left nobody who may lead. */
  @Test
  void whoReplacesAVoterThatWorksGetsItsVoteFirst() {
    peer(1, "x", true);
    peer(2, "y", true);
    peer(3, "x", true);
    peer(4, "z", true);
    voters(1, 2, 3);

    var steps = settle();

    assertEquals(
        List.of(
            new MembershipChange.Promote(endpoint(4, 1)),
            new MembershipChange.Demote(endpoint(3, 1))),
        steps);
  }

  /** Six voters are too many: five, four, five. */
  @Test
  void amongFiveWhoIsReplacedGoesFirst() {
    alive(4);
    peer(5, "host2", true);
    peer(6, "host6", true);
    voters(1, 2, 3, 4, 5);

    var steps = settle();

    assertEquals(
        List.of(
            new MembershipChange.Demote(endpoint(5, 1)),
            new MembershipChange.Promote(endpoint(6, 1))),
        steps);
  }

  /** Four voters survive no more than three do. */
  @Test
  void threeVotersBecomeFiveOnlyWhenBothThatAreMissingHaveCaughtUp() {
    alive(4);
    peers.add(new Candidate(endpoint(5, 1), "host5", 1, true, false));
    voters(1, 2, 3);

    assertEquals(List.of(), settle());
  }

  @Test
  void whoIsStillCatchingUpKeepsNobodyFromAVote() {
    alive(3);
    peers.add(0, new Candidate(endpoint(9, 1), "host9", 20_000_000, true, false));
    voters(1, 2);

    assertEquals(List.of(new MembershipChange.Promote(endpoint(3, 1))), settle());
  }

  @Test
  void aYoungVoterIsNotReplacedForAFewSecondsOfUptime() {
    alive(4);
    voters(1, 3, 4);

    assertEquals(List.of(), settle());
  }
}
