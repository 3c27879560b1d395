package holdfast.consensus;

import static holdfast.consensus.CoreHarness.B;
import static holdfast.consensus.CoreHarness.C;
import static holdfast.consensus.CoreHarness.group;
import static holdfast.consensus.CoreHarness.only;
import static holdfast.consensus.CoreHarness.sent;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.RaftMessage.Heartbeat;
import holdfast.consensus.RaftMessage.PreVoteRequest;
import holdfast.consensus.RaftMessage.VoteRequest;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is slow isn't dead: elections and silences last as long as what is measured asks for. */
class SlownessTest {
  private static final int MIN_MS = RaftConfig.DEFAULT.electionTimeoutMinMs();
  private static final int MAX_MS = RaftConfig.DEFAULT.electionTimeoutMaxMs();

  /** Follows B, whose last heartbeat came just now. */
  private static CoreHarness follower() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    hearB(harness);
    return harness;
  }

  private static void hearB(CoreHarness harness) {
    long term = Math.max(2, harness.core.term());
    harness.receive(new Heartbeat(harness.from(B, term), 1, 1, 0, 0, 0, 0));
  }

  private static boolean asksForVotes(List<Effect> effects) {
    return !sent(PreVoteRequest.class, effects).isEmpty()
        || !sent(VoteRequest.class, effects).isEmpty();
  }

  @Test
  void nobodyStandsAgainBeforeItsOwnVoteIsOnDisk() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.tickAfter(MIN_MS);
    harness.isWriting = false;
    harness.receive(harness.preVote(B, Recovery.Cause.NONE));
    assertEquals(Role.CANDIDATE, harness.core.role());
    long term = harness.core.term();

    var meanwhile = harness.tickAfter(10L * MAX_MS);

    assertEquals(term, harness.core.term(), "another term is one more write to wait for");
    assertFalse(asksForVotes(meanwhile));
    assertFalse(sent(VoteRequest.class, harness.write()).isEmpty(), "and then it asks");
    assertFalse(asksForVotes(harness.tickAfter(MIN_MS)), "and waits for the answers");
  }

  @Test
  void anElectionLastsAsLongAsItsSlowestVoterWrites() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.tickAfter(MIN_MS);

    harness.receive(
        new RaftMessage.PreVoteReply(
            harness.from(B),
            harness.core.term() + 1,
            CoreHarness.vote(Recovery.Cause.NONE),
            false,
            1_200));

    assertEquals(Role.CANDIDATE, harness.core.role());
    assertFalse(asksForVotes(harness.tickAfter(MIN_MS + 3 * 1_200 - 100)));
    assertTrue(asksForVotes(harness.tickAfter(MAX_MS)), "but not for ever");
  }

  @Test
  void aVoterSaysHowLongItsWritesTakeAlsoWhileOneHangs() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.tickAfter(MIN_MS);
    harness.isWriting = false;
    harness.receive(new VoteRequest(harness.from(B, 2), harness.core.lastIndex(), 1, false, false));

    harness.tickAfter(700);
    long before = harness.core.term();
    assertTrue(writeMs(harness) >= 700, "while it is written");
    harness.write();
    harness.tickAfter(1_000);
    assertTrue(writeMs(harness) >= 700, "and lately");
    harness.isWriting = true;
    harness.tickAfter(4L * RaftConfig.DEFAULT.measuredForMs());

    assertTrue(harness.core.term() >= before);
    assertEquals(0, writeMs(harness), "what was long ago is forgotten");
  }

  private static int writeMs(CoreHarness harness) {
    var request =
        new PreVoteRequest(
            harness.from(C, harness.core.term()), harness.core.lastIndex(), 1, false);
    // What waits for the write of the term goes out with it.
    List<Effect> effects = harness.receive(request);
    var replies = sent(RaftMessage.PreVoteReply.class, effects);
    if (replies.isEmpty()) {
      replies = sent(RaftMessage.PreVoteReply.class, harness.write());
    }
    return replies.getLast().writeMs();
  }

  @Test
  void whoHearsALateLeaderGivesItMoreTimeFromThenOn() {
    var harness = follower();
    assertTrue(asksForVotes(harness.tickAfter(MIN_MS)));
    hearB(harness);

    assertFalse(asksForVotes(harness.tickAfter(MIN_MS + 800)), "it was late before, not dead");
    assertTrue(asksForVotes(harness.tickAfter(MAX_MS)), "but not for ever");
  }

  @Test
  void howLongADeadLeaderWasMissedMakesNobodyPatientWithTheNext() {
    var harness = follower();
    harness.tickAfter(6L * MAX_MS);
    long next = harness.core.term() + 1;
    harness.receive(new Heartbeat(harness.from(C, next), 1, 1, 0, 0, 0, 0));

    assertTrue(asksForVotes(harness.tickAfter(MAX_MS)));
  }

  @Test
  void whoComesLateItselfWaitsLongerForOthers() {
    var harness = follower();
    late(harness, 1_500);
    hearB(harness);

    assertFalse(asksForVotes(harness.tickAfter(MIN_MS + 1_200)));
    assertTrue(asksForVotes(harness.tickAfter(MAX_MS)));
  }

  @Test
  void aMachineThatSleptIsNotSlowBecauseOfThat() {
    var harness = follower();
    late(harness, 3_600_000);
    hearB(harness);

    assertTrue(asksForVotes(harness.tickAfter(MAX_MS)));
  }

  private static void late(CoreHarness harness, long ms) {
    harness.nowMs += ms;
    harness.step(new Event.Tick());
  }

  @Test
  void aLeaderThatComesLateDoesNotTakeItsOwnLatenessForAPartnersDeath() {
    var harness = new CoreHarness(group(List.of(CoreHarness.A, B))).lead();
    harness.accept(B, harness.core.lastIndex(), harness.core.lastIndex());
    for (int i = 0; i < 3; i++) {
      late(harness, 1_200);
      harness.answer(B, sent(Heartbeat.class, harness.tickAfter(150)).getLast());
    }

    harness.tickAfter(RaftConfig.DEFAULT.quorumTimeoutMs() + 500);
    assertEquals(2, harness.core.configuration().voters().size());
    harness.tickAfter(1_500);

    assertEquals(
        1, harness.core.configuration().voters().size(), "silence is silence all the same");
  }

  @Test
  void heartbeatsDoNotWaitForANoteOfWhatIsCommitted() {
    var harness = CoreHarness.ofThree().lead();
    harness.accept(B, harness.core.lastIndex(), harness.core.lastIndex());
    harness.step(new Event.ChangeMembership(8, new MembershipChange.AddFollower(CoreHarness.D)));
    harness.isWriting = false;
    long committed = harness.core.commitIndex();
    harness.accept(B, harness.core.lastIndex(), harness.core.lastIndex());
    assertTrue(harness.core.commitIndex() > committed, "the configuration is committed");

    assertFalse(sent(Heartbeat.class, harness.tickAfter(300)).isEmpty());
  }

  @Test
  void howLongAVoterRefusesDoesNotDependOnWhatWasMeasured() {
    var harness = follower();
    late(harness, 2_000);
    hearB(harness);
    long lastIndex = harness.core.lastIndex();

    harness.tickAfter(MIN_MS - 100);
    var before = harness.receive(new PreVoteRequest(harness.from(C, 2), lastIndex, 2, false));
    harness.tickAfter(100);
    var after = harness.receive(new PreVoteRequest(harness.from(C, 2), lastIndex, 2, false));

    assertFalse(only(Effect.Send.class, before).isEmpty());
    assertFalse(sent(RaftMessage.PreVoteReply.class, before).getLast().vote().granted());
    assertTrue(sent(RaftMessage.PreVoteReply.class, after).getLast().vote().granted());
  }

  /** With 1.2 s a write none of 40 elections ended in 90 s before. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void electionsEndThoughDisksTakeLongerThanAnElectionTimeout(int slowCount) {
    for (int seed = 0; seed < 40; seed++) {
      var sim = new Sim(4L * seed + 1, EnumSet.noneOf(Fault.class), 3);
      sim.startWorkInPeace();
      sim.runUntil(10_000);
      SimNode dead = sim.nodes.stream().filter(SimNode::leads).findFirst().orElseThrow();
      sim.nodes.stream()
          .filter(node -> node != dead || slowCount == 3)
          .limit(slowCount)
          .forEach(node -> node.writeMs = 1_200);
      dead.kill();

      long limitMs = sim.nowMs + 15_000;
      while (sim.nodes.stream().noneMatch(SimNode::leads)) {
        sim.runUntil(sim.nowMs + 100);
        assertTrue(sim.nowMs < limitMs, "seed " + sim.seed + " without a leader" + sim.states());
      }
      assertNotEquals(dead, sim.nodes.stream().filter(SimNode::leads).findFirst().orElseThrow());
    }
  }
}
