package holdfast.consensus;

import static holdfast.consensus.CoreHarness.B;
import static holdfast.consensus.CoreHarness.C;
import static holdfast.consensus.CoreHarness.group;
import static holdfast.consensus.CoreHarness.only;
import static holdfast.consensus.CoreHarness.sent;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.RaftMessage.Heartbeat;
import holdfast.consensus.RaftMessage.PreVoteRequest;
import holdfast.consensus.RaftMessage.VoteReply;
import holdfast.consensus.RaftMessage.VoteRequest;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What an endpoint may rely on when its machine has slept and its clock has counted that. */
class SleepRulesTest {
  private static final long SLEPT_MS = 3_600_000;

  /** A leader with a lease, all whose heartbeats are answered. */
  private static CoreHarness leaderWithLease() {
    var harness = CoreHarness.ofThree().lead();
    harness.answer(B, sent(Heartbeat.class, harness.tickAfter(150)).getFirst());
    assertTrue(harness.core.leaseUntilMs() > harness.nowMs);
    return harness;
  }

  private static boolean hasSteppedDown(Iterable<Effect> effects) {
    boolean hasSteppedDown = false;
    for (Effect effect : effects) {
      hasSteppedDown |=
          effect instanceof Effect.RoleChanged changed
              && changed.cause() == Effect.Cause.QUORUM_LOST;
    }
    return hasSteppedDown;
  }

  @Test
  void aLeaderThatSleptHasNoLeaseWhateverComesFirst() {
    var harness = leaderWithLease();

    harness.nowMs += SLEPT_MS;
    var beforeTheTick = harness.step(new Event.Read(1));
    var tick = harness.step(new Event.Tick());
    var afterIt = harness.step(new Event.Read(2));

    assertTrue(only(Effect.ReadReady.class, beforeTheTick).isEmpty());
    assertTrue(only(Effect.ReadReady.class, afterIt).isEmpty());
    assertTrue(harness.core.leaseUntilMs() < harness.nowMs);
    assertFalse(hasSteppedDown(tick), "its own sleep is nobody's silence");
    assertTrue(hasSteppedDown(harness.tickAfter(1_600)), "but silence afterwards is");
  }

  /** It would have led on without a majority for as long as it slept. */
  @Test
  void whoWasHeardBeforeTheFirstTickWasNotHeardInTheFuture() {
    var harness = leaderWithLease();

    harness.nowMs += SLEPT_MS;
    harness.accept(B, harness.core.lastIndex());
    harness.step(new Event.Tick());

    assertTrue(hasSteppedDown(harness.tickAfter(1_600)));
  }

  /** It would not have stood for election for as long as it slept. */
  @Test
  void aVoterThatHearsItsLeaderBeforeTheFirstTickStandsWhenThatDies() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.receive(new Heartbeat(harness.from(B), 1, 1, 0, 0, 0, 0));

    harness.nowMs += SLEPT_MS;
    harness.receive(new Heartbeat(harness.from(B), 2, 1, 0, 0, 0, 0));
    var tick = harness.step(new Event.Tick());

    assertTrue(sent(PreVoteRequest.class, tick).isEmpty(), "its leader was just heard");
    assertEquals(2, sent(PreVoteRequest.class, harness.tickAfter(2_100)).stream().limit(2).count());
  }

  /** The leader it heard then may be long gone, and others wait for its vote. */
  @Test
  void aVoterThatSleptGivesItsVote() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs() - 100);
    harness.receive(new Heartbeat(harness.from(B), 1, 1, 0, 0, 0, 0));

    harness.nowMs += SLEPT_MS;
    var vote =
        harness.receive(
            new VoteRequest(harness.from(C, harness.core.term() + 1), 1, 1, false, false));

    assertTrue(sent(VoteReply.class, vote).getFirst().vote().granted());
  }

  /** A pair of which A's folder is older: it has waited for better ones for some seconds. */
  private static CoreHarness waitingForABetterFolder() {
    InitialState stored = group(List.of(CoreHarness.A, B));
    var older = new Recovery(9, Recovery.Cause.DAMAGE, false);
    var harness =
        new CoreHarness(
            new InitialState(stored.hardState(), stored.snapshot(), stored.entries(), older));
    harness.step(new Event.Tick());
    harness.tickAfter(5_000);
    assertEquals(Role.PRE_CANDIDATE, harness.core.role());
    return harness;
  }

  private static void expectWaitsOut(CoreHarness harness) {
    int startWaitMs = RaftConfig.DEFAULT.startWaitMs();
    for (int waitedMs = 5_000; waitedMs < startWaitMs - 5_000; waitedMs += 1_000) {
      harness.tickAfter(1_000);
      harness.receive(harness.preVote(B, Recovery.Cause.NONE));
      assertEquals(Role.PRE_CANDIDATE, harness.core.role(), "after " + waitedMs + " ms");
    }
    harness.tickAfter(10_000);
    harness.receive(harness.preVote(B, Recovery.Cause.NONE));
    harness.tickAfter(1_000);
    harness.receive(harness.preVote(B, Recovery.Cause.NONE));
    harness.receive(new VoteReply(harness.from(B), CoreHarness.vote(Recovery.Cause.NONE)));
    assertEquals(Role.ENDED, harness.core.role());
  }

  /** Who has the better folder wasn't waited for: it may have slept, too. */
  @Test
  void aDamagedFolderThatSleptHasNotWaitedMeanwhile() {
    var harness = waitingForABetterFolder();

    harness.nowMs += SLEPT_MS;
    harness.step(new Event.Tick());

    expectWaitsOut(harness);
  }

  @Test
  void norIfAnAnswerIsTheFirstThatItHearsThen() {
    var harness = waitingForABetterFolder();

    harness.nowMs += SLEPT_MS;
    harness.receive(harness.preVote(B, Recovery.Cause.NONE));

    assertEquals(Role.PRE_CANDIDATE, harness.core.role());
    expectWaitsOut(harness);
  }
}
