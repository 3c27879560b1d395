package holdfast.peer.member;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Configuration;
import holdfast.consensus.Endpoint;
import holdfast.consensus.MembershipChange;
import holdfast.consensus.VoterPolicy;
import holdfast.model.ErrorCode;
import holdfast.model.NodeId;
import holdfast.peer.state.RaftDriver;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which step is proposed, by who was heard a moment ago, and that none is proposed twice. */
class VoterManagerTest {
  private static final Endpoint A = endpoint(1);
  private static final Endpoint B = endpoint(2);
  private static final Endpoint C = endpoint(3);
  private static final Endpoint D = endpoint(4);
  private static final Configuration THREE = new Configuration(List.of(A, B, C), List.of(D));

  private static Endpoint endpoint(int number) {
    return new Endpoint(new NodeId(number, 0, 0, 0), 1);
  }

  private static VoterPolicy.Candidate peer(Endpoint endpoint, boolean isLive) {
    return new VoterPolicy.Candidate(endpoint, endpoint.node().toString(), 1, isLive, true);
  }

  private static boolean isSure(
      MembershipChange change, Set<Endpoint> heard, Set<Endpoint> live, Configuration now) {
    List<VoterPolicy.Candidate> candidates = new ArrayList<>();
    for (Endpoint endpoint : List.of(A, B, C, D)) {
      candidates.add(peer(endpoint, live.contains(endpoint)));
    }
    return VoterManager.isSure(change, now, candidates, heard::contains);
  }

  @Test
  void aVoteIsGivenOnlyWhenEveryVoterAfterItIsHeard() {
    var promote = new MembershipChange.Promote(D);
    var all = Set.of(A, B, C, D);

    assertTrue(isSure(promote, all, all, THREE));
    assertFalse(isSure(promote, Set.of(A, B, C), all, THREE));
    assertFalse(isSure(promote, Set.of(A, B, D), all, THREE));
  }

  @Test
  void theVoteOfOneThatWorksIsTakenOnlyWhenAllOthersAreHeard() {
    var demote = new MembershipChange.Demote(C);
    var all = Set.of(A, B, C, D);

    assertTrue(isSure(demote, Set.of(A, B), all, THREE));
    assertFalse(isSure(demote, Set.of(A, C), all, THREE));
  }

  @Test
  void theVoteOfOneThatIsDownIsTakenByAMajorityOfTheOthers() {
    var four = new Configuration(List.of(A, B, C, D), List.of());
    var demote = new MembershipChange.Demote(D);

    assertTrue(isSure(demote, Set.of(A, B), Set.of(A, B, C), four));
    assertFalse(isSure(demote, Set.of(A), Set.of(A, B, C), four));
    assertFalse(isSure(demote, Set.of(A, B), Set.of(A, B, C, D), four));
  }

  @Test
  void whoHasNoVoteComesAndGoesWhoeverIsHeard() {
    assertTrue(isSure(new MembershipChange.Remove(D), Set.of(A), Set.of(A), THREE));
    assertTrue(isSure(new MembershipChange.AddFollower(D), Set.of(A), Set.of(A), THREE));
  }

  /** Counts what it hears. */
  private static final class Counting implements RaftDriver.Proposed {
    int count;

    @Override
    public void onApplied(long index) {
      count++;
    }

    @Override
    public void onFailure(ErrorCode code, String text) {
      count++;
    }
  }

  @Test
  void theSameThingIsInFlightOnceUntilItEnds() {
    var inFlight = new InFlightProposals(null);
    var heard = new Counting();
    inFlight.startTerm(1);

    assertTrue(inFlight.add("voters"));
    assertFalse(inFlight.add("voters"));
    inFlight.ending("voters", heard).onApplied(7);

    assertEquals(1, heard.count);
    assertFalse(inFlight.contains("voters"));
  }

  @Test
  void whatEndsInALaterTermLeavesThatTermsProposalInFlight() {
    var inFlight = new InFlightProposals(null);
    inFlight.startTerm(1);
    inFlight.add("voters");
    RaftDriver.Proposed old = inFlight.ending("voters", RaftDriver.Proposed.IGNORED);

    inFlight.startTerm(2);
    assertTrue(inFlight.add("voters"));
    old.onFailure(ErrorCode.NOT_LEADER, "");

    assertTrue(inFlight.contains("voters"));
  }
}
