package holdfast.consensus;

import static holdfast.consensus.CoreHarness.A;
import static holdfast.consensus.CoreHarness.B;
import static holdfast.consensus.CoreHarness.C;
import static holdfast.consensus.CoreHarness.D;
import static holdfast.consensus.CoreHarness.command;
import static holdfast.consensus.CoreHarness.group;
import static holdfast.consensus.CoreHarness.only;
import static holdfast.consensus.CoreHarness.sent;
import static holdfast.consensus.Recovery.Cause.DAMAGE;
import static holdfast.consensus.Recovery.Cause.NONE;
import static holdfast.consensus.Recovery.Cause.POWER_CUT;
import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.Heartbeat;
import holdfast.consensus.RaftMessage.PreVoteReply;
import holdfast.consensus.RaftMessage.PreVoteRequest;
import holdfast.consensus.RaftMessage.TermReply;
import holdfast.consensus.RaftMessage.TermRequest;
import holdfast.consensus.RaftMessage.VoteReply;
import holdfast.consensus.RaftMessage.VoteRequest;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What an endpoint does, and what its vote is worth, that may have lost something. */
class RecoveryRulesTest {
  private static final long NONCE = 9;
  private static final int START_WAIT_MS = RaftConfig.DEFAULT.startWaitMs();
  private static final int TIMEOUTS_MS = 3 * RaftConfig.DEFAULT.electionTimeoutMaxMs();

  private static CoreHarness recovering(Recovery.Cause cause, InitialState stored) {
    return recovering(new Recovery(NONCE, cause, false), stored);
  }

  private static CoreHarness recovering(Recovery recovery, InitialState stored) {
    return new CoreHarness(
        new InitialState(stored.hardState(), stored.snapshot(), stored.entries(), recovery));
  }

  /** Both grant the pre-vote and then the vote, if it comes to that. */
  private static void vote(CoreHarness harness, Endpoint voter, Recovery.Cause cause) {
    harness.receive(harness.preVote(voter, cause));
    harness.receive(new VoteReply(harness.from(voter), CoreHarness.vote(cause)));
  }

  @Test
  void aLonePeerThatLostPowerEndsItsLogAndFoundsTheNext() {
    var harness = recovering(POWER_CUT, group(List.of(A)));

    harness.step(new Event.Tick());

    var ended = only(Effect.LogEnded.class, harness.effects).getFirst();
    assertEquals(Role.ENDED, harness.core.role());
    assertEquals(1, ended.base().index());
    assertEquals(List.of(A), ended.base().configuration().voters());
  }

  @Test
  void ofThreeVotersTwoWholeVotesElectAndOneDoesNot() {
    var harness = recovering(POWER_CUT, group(List.of(A, B, C)));
    harness.step(new Event.Tick());
    harness.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());

    harness.receive(harness.preVote(B, NONE));
    assertEquals(
        Role.PRE_CANDIDATE, harness.core.role(), "our own vote is worth nothing by itself");
    harness.receive(harness.preVote(C, NONE));

    assertEquals(Role.CANDIDATE, harness.core.role());
    harness.receive(new VoteReply(harness.from(B), CoreHarness.vote(NONE)));
    assertEquals(Role.CANDIDATE, harness.core.role());
    harness.receive(new VoteReply(harness.from(C), CoreHarness.vote(NONE)));
    assertEquals(Role.LEADER, harness.core.role());
    assertEquals(1, only(Effect.Recovered.class, harness.effects).size());
  }

  @Test
  void ofAPairOneWholeVoteOfTwoElects() {
    var harness = recovering(POWER_CUT, group(List.of(A, B)));
    harness.step(new Event.Tick());
    harness.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());

    harness.receive(harness.preVote(B, NONE));
    harness.receive(new VoteReply(harness.from(B), CoreHarness.vote(NONE)));

    assertEquals(Role.LEADER, harness.core.role());
  }

  @Test
  void aHeartbeatThatSpeaksOfAnEarlierLossEndsNoLaterOne() {
    var harness = recovering(POWER_CUT, group(List.of(A, B, C)));
    harness.step(new Event.Tick());

    harness.receive(new Heartbeat(harness.from(B, 3), 1, 1, 1, 0, 8, 1));
    assertTrue(only(Effect.Recovered.class, harness.effects).isEmpty(), "that was another loss");
    harness.receive(new Heartbeat(harness.from(B, 3), 2, 1, 1, 0, 9, 2));
    assertTrue(only(Effect.Recovered.class, harness.effects).isEmpty(), "entry 2 isn't here");
    harness.receive(new Append(harness.from(B, 3), 1, 1, 0, 0, List.of(command(2, 3))));

    assertEquals(List.of(new Effect.Recovered(9)), only(Effect.Recovered.class, harness.effects));
  }

  @Test
  void ofAPairADamagedFolderAndAWholeVoteElectNobodyInTheOldLog() {
    var harness = recovering(DAMAGE, group(List.of(A, B)));
    harness.step(new Event.Tick());
    harness.tickAfter(TIMEOUTS_MS);

    vote(harness, B, NONE);
    assertEquals(Role.PRE_CANDIDATE, harness.core.role(), "A may have gone on alone, unknown to B");
    harness.tickAfter(START_WAIT_MS);
    harness.receive(harness.preVote(B, NONE));
    harness.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());
    harness.receive(harness.preVote(B, NONE));
    harness.receive(new VoteReply(harness.from(B), CoreHarness.vote(NONE)));

    assertEquals(Role.ENDED, harness.core.role());
  }

  @Test
  void ofThreeVotersTwoWholeVotesElectBesideADamagedFolder() {
    var harness = new CoreHarness(group(List.of(A, B, C)));
    harness.step(new Event.Tick());
    harness.tickAfter(TIMEOUTS_MS);

    vote(harness, C, DAMAGE);
    assertFalse(harness.core.role() == Role.LEADER);
    vote(harness, B, NONE);

    assertEquals(Role.LEADER, harness.core.role());
  }

  @Test
  void aLostVoteAsksWhoeverSendsAndThoseWhoVoteThere() {
    var harness = recovering(new Recovery(NONCE, DAMAGE, true), InitialState.empty());
    harness.step(new Event.Tick());

    var ignored = harness.receive(new VoteRequest(harness.from(B, 4), 9, 4, false, false));
    assertTrue(sent(VoteReply.class, ignored).isEmpty());
    var asked = harness.tickAfter(1_000);
    assertEquals(
        List.of(B),
        sent(TermRequest.class, asked).stream().map(CoreHarness::to).distinct().toList());
    harness.receive(new TermReply(harness.from(B, 4), NONCE, List.of(A, B, C)));
    asked = harness.tickAfter(1_000);
    assertTrue(sent(TermRequest.class, asked).stream().map(CoreHarness::to).anyMatch(C::equals));
    harness.receive(new TermReply(harness.from(C, 6), NONCE, List.of(A, B, C)));
    assertEquals(7, harness.core.term(), "one above the highest");

    harness.nowMs += 5_000;
    var voted = harness.receive(new VoteRequest(harness.from(B, 8), 9, 4, false, false));
    assertTrue(sent(VoteReply.class, voted).getFirst().vote().granted());
  }

  /** C, a voter that is gone for good, loses its vote only after B has named it. */
  @Test
  void aLostVoteDoesNotWaitForWhoVotesNoMore() {
    var harness = recovering(new Recovery(NONCE, DAMAGE, true), InitialState.empty());
    harness.step(new Event.Tick());
    harness.receive(new Heartbeat(harness.from(B, 4), 1, 1, 1, 0, 0, 0));
    harness.receive(new TermReply(harness.from(B, 4), NONCE, List.of(A, B, C)));

    var asked = harness.tickAfter(1_000);
    assertEquals(
        Set.of(B, C),
        sent(TermRequest.class, asked).stream().map(CoreHarness::to).collect(toSet()));
    assertFalse(harness.core.isVoteKnown(), "C may have been voted for");
    harness.receive(new TermReply(harness.from(B, 5), NONCE, List.of(A, B, D)));
    harness.receive(new TermReply(harness.from(D, 5), NONCE, List.of(A, B, D)));

    assertEquals(6, harness.core.term());
  }

  @Test
  void anAnswerToAnEarlierLossTellsNothingOfALaterOne() {
    var harness = recovering(new Recovery(NONCE, DAMAGE, true), group(List.of(A, B)));
    harness.step(new Event.Tick());
    harness.tickAfter(1_000);

    harness.receive(new TermReply(harness.from(B, 4), NONCE - 1, List.of(A, B)));
    harness.nowMs += 5_000;
    var ignored = harness.receive(new VoteRequest(harness.from(B, 4), 9, 4, false, false));
    assertTrue(sent(VoteReply.class, ignored).isEmpty());
    harness.receive(new TermReply(harness.from(B, 4), NONCE, List.of(A, B)));

    assertEquals(5, harness.core.term());
  }

  @Test
  void aMemberWithoutAVoteStandsWhenNobodyLedForLong() {
    var harness = new CoreHarness(group(List.of(B), A));
    harness.step(new Event.Tick());

    var early = harness.tickAfter(START_WAIT_MS - 1_000);
    assertTrue(sent(PreVoteRequest.class, early).isEmpty());
    var late = harness.tickAfter(TIMEOUTS_MS);
    assertFalse(sent(PreVoteRequest.class, late).isEmpty());
    harness.receive(harness.preVote(B, DAMAGE));
    harness.receive(new VoteReply(harness.from(B), CoreHarness.vote(DAMAGE)));

    var ended = only(Effect.LogEnded.class, harness.effects).getFirst();
    assertEquals(List.of(A, B), ended.base().configuration().voters());
  }

  @Test
  void aMemberWithoutAVoteNeverLeadsTheOldLog() {
    var harness = new CoreHarness(group(List.of(B), A));
    harness.step(new Event.Tick());
    harness.tickAfter(START_WAIT_MS + TIMEOUTS_MS);

    vote(harness, B, NONE);

    assertFalse(harness.core.role() == Role.LEADER || harness.core.role() == Role.ENDED);
  }

  @Test
  void aLogThatSomebodyWithoutAVoteMayHaveEndedIsNotEndedAgainWithoutIt() {
    var harness = recovering(POWER_CUT, group(List.of(A, B), C, D));
    harness.step(new Event.Tick());
    harness.nowMs += 5_000;
    harness.receive(new VoteRequest(harness.from(C, 3), 9, 1, false, true));
    harness.tickAfter(TIMEOUTS_MS);

    harness.receive(harness.preVote(B, POWER_CUT));
    harness.receive(
        new PreVoteReply(
            harness.from(D), harness.core.term() + 1, CoreHarness.vote(NONE), false, 0));
    harness.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());
    harness.receive(harness.preVote(B, POWER_CUT));
    assertEquals(Role.PRE_CANDIDATE, harness.core.role(), "C may have ended it");
    assertEquals(Optional.empty(), only(Effect.LogEnded.class, harness.effects).stream().findAny());

    harness.receive(harness.preVote(C, NONE));
    harness.receive(
        new PreVoteReply(
            harness.from(D), harness.core.term() + 1, CoreHarness.vote(NONE), false, 0));
    harness.receive(harness.preVote(C, NONE));
    harness.receive(new VoteReply(harness.from(B), CoreHarness.vote(POWER_CUT)));
    harness.receive(new VoteReply(harness.from(C), CoreHarness.vote(NONE)));
    assertEquals(Role.ENDED, harness.core.role());
  }

  private static boolean isAnyPromiseTold(CoreHarness harness) {
    harness.nowMs += 5_000;
    var asked =
        harness.receive(new PreVoteRequest(harness.from(D, harness.core.term()), 9, 1, false));
    return !sent(PreVoteReply.class, asked).getFirst().vote().promised().isEmpty();
  }

  private static CoreHarness restarted(CoreHarness harness) {
    InitialState stored = group(List.of(A, B), C, D);
    HardState last = only(Effect.PersistHardState.class, harness.effects).getLast().state();
    var next = new CoreHarness(new InitialState(last, stored.snapshot(), stored.entries()));
    next.step(new Event.Tick());
    return next;
  }

  @Test
  void aVoterRemembersWhomItElectedThroughTermsAndRestartsUntilItHearsALeader() {
    var harness = recovering(POWER_CUT, group(List.of(A, B), C, D));
    harness.step(new Event.Tick());
    harness.nowMs += 5_000;
    harness.receive(new VoteRequest(harness.from(C, 3), 9, 1, false, true));
    harness.receive(new VoteRequest(harness.from(D, 4), 0, 0, false, false));
    assertEquals(Optional.empty(), harness.core.votedFor());

    assertTrue(isAnyPromiseTold(harness));
    harness = restarted(harness);
    assertTrue(isAnyPromiseTold(harness), "C may have ended the log");

    harness.receive(new Heartbeat(harness.from(B, 5), 1, 1, 0, 0, 0, 0));
    assertFalse(isAnyPromiseTold(harness));
    harness = restarted(harness);
    assertFalse(isAnyPromiseTold(harness));
  }

  @Test
  void aVoterElectsNobodyWhomItCouldNotRemember() {
    List<Endpoint> candidates =
        IntStream.rangeClosed(2, 2 + HardState.PROMISED_MAX)
            .mapToObj(number -> CoreHarness.endpoint(number, 1))
            .toList();
    var harness = new CoreHarness(group(List.of(A, B, C), D));
    harness.step(new Event.Tick());
    long term = 3;
    for (Endpoint candidate : candidates) {
      harness.nowMs += 5_000;
      harness.receive(new VoteRequest(harness.from(candidate, term++), 9, 1, false, true));
    }
    assertEquals(Optional.empty(), harness.core.votedFor(), "nobody could be told of the last one");

    harness.nowMs += 5_000;
    harness.receive(new VoteRequest(harness.from(candidates.getFirst(), term), 9, 1, false, true));
    assertEquals(Optional.of(candidates.getFirst()), harness.core.votedFor(), "remembered already");
  }

  /** One of four that lack nothing: B asked for its vote to end the log, C and D vote for it. */
  private static CoreHarness votedForWhoEndsTheLog() {
    var harness = new CoreHarness(group(List.of(A, B, C, D)));
    harness.step(new Event.Tick());
    harness.nowMs += 5_000;
    harness.receive(new VoteRequest(harness.from(B, 3), 9, 1, false, true));
    harness.tickAfter(TIMEOUTS_MS);
    harness.receive(harness.preVote(C, NONE));
    harness.receive(harness.preVote(D, NONE));
    return harness;
  }

  @Test
  void nobodyLeadsWithoutTheVoteOfWhoMayHaveEndedTheLog() {
    var harness = votedForWhoEndsTheLog();
    assertEquals(Role.PRE_CANDIDATE, harness.core.role(), "B may have ended it");

    harness.receive(harness.preVote(B, POWER_CUT));
    vote(harness, C, NONE);
    vote(harness, D, NONE);
    assertEquals(Role.CANDIDATE, harness.core.role());
    vote(harness, B, POWER_CUT);

    assertEquals(Role.LEADER, harness.core.role());
    var last = only(Effect.PersistHardState.class, harness.effects).getLast().state();
    assertEquals(List.of(), last.promised());
  }

  @Test
  void whoIsToldToGoOnWithoutWhoMayHaveEndedTheLogEndsItToo() {
    var harness = votedForWhoEndsTheLog();

    harness.step(new Event.AcceptDamage());
    harness.tickAfter(TIMEOUTS_MS);
    for (Endpoint voter : List.of(C, D)) {
      harness.receive(harness.preVote(voter, NONE));
    }
    for (Endpoint voter : List.of(C, D)) {
      harness.receive(new VoteReply(harness.from(voter), CoreHarness.vote(NONE)));
    }

    assertEquals(Role.ENDED, harness.core.role(), "two logs go on from it, under two names");
  }

  @Test
  void aDamagedFolderGivesWayToWhoHoldsMoreAsOftenAsItTakes() {
    var harness = recovering(DAMAGE, group(List.of(A, B), C));
    harness.step(new Event.Tick());
    harness.tickAfter(START_WAIT_MS + TIMEOUTS_MS);

    for (int i = 0; i < 10; i++) {
      harness.receive(harness.preVote(B, NONE));
      harness.receive(
          new PreVoteReply(
              harness.from(C),
              harness.core.term() + 1,
              new RaftMessage.Vote(false, NONE, List.of()),
              true,
              0));
      harness.tickAfter(TIMEOUTS_MS);
    }

    assertEquals(Role.PRE_CANDIDATE, harness.core.role());
  }

  private static CoreHarness leadingAloneFor(int durationMs) {
    var harness = new CoreHarness(group(List.of(A), B));
    harness.step(new Event.Tick());
    assertEquals(Role.LEADER, harness.core.role());
    harness.tickAfter(durationMs);
    return harness;
  }

  private static void expectWaitsForBetterFolder(CoreHarness harness) {
    harness.tickAfter(START_WAIT_MS - TIMEOUTS_MS);
    assertFalse(harness.core.role() == Role.ENDED, "there may be a better folder");
    harness.tickAfter(2 * TIMEOUTS_MS);
    assertEquals(Role.ENDED, harness.core.role());
  }

  /** It had led for long, and waited for nobody. */
  @Test
  void whoLearnsThatItsFolderIsOlderWaitsForABetterOneFromThenOn() {
    var harness = leadingAloneFor(2 * START_WAIT_MS);

    harness.step(new Event.Lost(new Recovery(NONCE, DAMAGE, true)));

    expectWaitsForBetterFolder(harness);
  }

  /** Started with the operator's word, a lone peer hears later of what it doesn't have. */
  @Test
  void theOperatorHasNotAcceptedWhatIsFoundOutLater() {
    var harness = new CoreHarness(group(List.of(A), B));
    harness.step(new Event.AcceptDamage());
    harness.step(new Event.Tick());
    harness.tickAfter(1_000);

    harness.step(new Event.Lost(new Recovery(NONCE, DAMAGE, true)));

    assertFalse(harness.core.isDamageAccepted());
    expectWaitsForBetterFolder(harness);
  }

  /** Others tell it at each start what was found out before. */
  @Test
  void whatTheOperatorHasAcceptedMayBeFoundOutAgain() {
    var harness = recovering(new Recovery(NONCE, DAMAGE, true), group(List.of(A), B));
    harness.step(new Event.AcceptDamage());

    harness.step(new Event.Lost(new Recovery(NONCE + 1, DAMAGE, true)));
    harness.tickAfter(TIMEOUTS_MS);

    assertTrue(harness.core.isDamageAccepted());
    assertEquals(Role.ENDED, harness.core.role());
  }

  /**
   * A crash before the next log is on disk leaves the old one: what it says is committed must be.
   */
  @Test
  void whoEndsTheLogDoesNotNoteThatItsEndIsCommitted() {
    var stored =
        new InitialState(
            new HardState(1, Optional.empty(), 1),
            SnapshotMeta.NONE,
            List.of(
                LogEntry.configuration(1, 1, new Configuration(List.of(A, B), List.of(C))),
                LogEntry.configuration(2, 1, new Configuration(List.of(A, B, C), List.of()))));
    var harness = recovering(POWER_CUT, stored);
    harness.step(new Event.Tick());
    harness.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());
    harness.receive(harness.preVote(B, POWER_CUT));
    harness.receive(harness.preVote(C, POWER_CUT));
    harness.receive(new VoteReply(harness.from(B), CoreHarness.vote(POWER_CUT)));

    var last = harness.receive(new VoteReply(harness.from(C), CoreHarness.vote(POWER_CUT)));

    assertEquals(2, only(Effect.LogEnded.class, last).getFirst().base().index());
    assertEquals(2, only(Effect.Commit.class, last).getFirst().upToIndex());
    assertEquals(List.of(), only(Effect.PersistHardState.class, last));
    assertEquals(0, harness.core.commitIndex(), "others are told");
  }
}
