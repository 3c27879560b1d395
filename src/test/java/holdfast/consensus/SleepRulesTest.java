package holdfast.consensus;

import static holdfast.consensus.Rig.B;
import static holdfast.consensus.Rig.C;
import static holdfast.consensus.Rig.group;
import static holdfast.consensus.Rig.only;
import static holdfast.consensus.Rig.sent;
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
  private static Rig leaderWithLease() {
    var rig = Rig.ofThree().lead();
    rig.answer(B, sent(Heartbeat.class, rig.tickAfter(150)).getFirst());
    assertTrue(rig.core.leaseUntilMs() > rig.nowMs);
    return rig;
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
    var rig = leaderWithLease();

    rig.nowMs += SLEPT_MS;
    var beforeTheTick = rig.step(new Event.Read(1));
    var tick = rig.step(new Event.Tick());
    var afterIt = rig.step(new Event.Read(2));

    assertTrue(only(Effect.ReadReady.class, beforeTheTick).isEmpty());
    assertTrue(only(Effect.ReadReady.class, afterIt).isEmpty());
    assertTrue(rig.core.leaseUntilMs() < rig.nowMs);
    assertFalse(hasSteppedDown(tick), "its own sleep is nobody's silence");
    assertTrue(hasSteppedDown(rig.tickAfter(1_600)), "but silence afterwards is");
  }

  /** It would have led on without a majority for as long as it slept. */
  @Test
  void whoWasHeardBeforeTheFirstTickWasNotHeardInTheFuture() {
    var rig = leaderWithLease();

    rig.nowMs += SLEPT_MS;
    rig.accept(B, rig.core.lastIndex());
    rig.step(new Event.Tick());

    assertTrue(hasSteppedDown(rig.tickAfter(1_600)));
  }

  /** It would not have stood for election for as long as it slept. */
  @Test
  void aVoterThatHearsItsLeaderBeforeTheFirstTickStandsWhenThatDies() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.receive(new Heartbeat(rig.from(B), 1, 1, 0, 0, 0, 0));

    rig.nowMs += SLEPT_MS;
    rig.receive(new Heartbeat(rig.from(B), 2, 1, 0, 0, 0, 0));
    var tick = rig.step(new Event.Tick());

    assertTrue(sent(PreVoteRequest.class, tick).isEmpty(), "its leader was just heard");
    assertEquals(2, sent(PreVoteRequest.class, rig.tickAfter(2_100)).stream().limit(2).count());
  }

  /** The leader it heard then may be long gone, and others wait for its vote. */
  @Test
  void aVoterThatSleptGivesItsVote() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs() - 100);
    rig.receive(new Heartbeat(rig.from(B), 1, 1, 0, 0, 0, 0));

    rig.nowMs += SLEPT_MS;
    var vote = rig.receive(new VoteRequest(rig.from(C, rig.core.term() + 1), 1, 1, false, false));

    assertTrue(sent(VoteReply.class, vote).getFirst().vote().granted());
  }

  /** A pair of which A's folder is older: it has waited for better ones for some seconds. */
  private static Rig waitingForABetterFolder() {
    InitialState stored = group(List.of(Rig.A, B));
    var older = new Recovery(9, Recovery.Cause.DAMAGE, false);
    var rig =
        new Rig(new InitialState(stored.hardState(), stored.snapshot(), stored.entries(), older));
    rig.step(new Event.Tick());
    rig.tickAfter(5_000);
    assertEquals(Role.PRE_CANDIDATE, rig.core.role());
    return rig;
  }

  private static void expectWaitsOut(Rig rig) {
    int startWaitMs = RaftConfig.DEFAULT.startWaitMs();
    for (int waitedMs = 5_000; waitedMs < startWaitMs - 5_000; waitedMs += 1_000) {
      rig.tickAfter(1_000);
      rig.receive(rig.preVote(B, Recovery.Cause.NONE));
      assertEquals(Role.PRE_CANDIDATE, rig.core.role(), "after " + waitedMs + " ms");
    }
    rig.tickAfter(10_000);
    rig.receive(rig.preVote(B, Recovery.Cause.NONE));
    rig.tickAfter(1_000);
    rig.receive(rig.preVote(B, Recovery.Cause.NONE));
    rig.receive(new VoteReply(rig.from(B), Rig.vote(Recovery.Cause.NONE)));
    assertEquals(Role.ENDED, rig.core.role());
  }

  /** Who has the better folder wasn't waited for: it may have slept, too. */
  @Test
  void aDamagedFolderThatSleptHasNotWaitedMeanwhile() {
    var rig = waitingForABetterFolder();

    rig.nowMs += SLEPT_MS;
    rig.step(new Event.Tick());

    expectWaitsOut(rig);
  }

  @Test
  void norIfAnAnswerIsTheFirstThatItHearsThen() {
    var rig = waitingForABetterFolder();

    rig.nowMs += SLEPT_MS;
    rig.receive(rig.preVote(B, Recovery.Cause.NONE));

    assertEquals(Role.PRE_CANDIDATE, rig.core.role());
    expectWaitsOut(rig);
  }
}
