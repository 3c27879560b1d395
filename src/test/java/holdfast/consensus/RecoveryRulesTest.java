package holdfast.consensus;

import static holdfast.consensus.Recovery.Cause.DAMAGE;
import static holdfast.consensus.Recovery.Cause.NONE;
import static holdfast.consensus.Recovery.Cause.POWER_CUT;
import static holdfast.consensus.Rig.A;
import static holdfast.consensus.Rig.B;
import static holdfast.consensus.Rig.C;
import static holdfast.consensus.Rig.D;
import static holdfast.consensus.Rig.command;
import static holdfast.consensus.Rig.group;
import static holdfast.consensus.Rig.only;
import static holdfast.consensus.Rig.sent;
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

  private static Rig recovering(Recovery.Cause cause, InitialState stored) {
    return recovering(new Recovery(NONCE, cause, false), stored);
  }

  private static Rig recovering(Recovery recovery, InitialState stored) {
    return new Rig(
        new InitialState(stored.hardState(), stored.snapshot(), stored.entries(), recovery));
  }

  /** Both say yes beforehand and then in the election, if it comes to that. */
  private static void vote(Rig rig, Endpoint voter, Recovery.Cause cause) {
    rig.receive(rig.preVote(voter, cause));
    rig.receive(new VoteReply(rig.from(voter), Rig.vote(cause)));
  }

  @Test
  void aLonePeerThatLostPowerEndsItsLogAndFoundsTheNext() {
    var rig = recovering(POWER_CUT, group(List.of(A)));

    rig.step(new Event.Tick());

    var ended = only(Effect.LogEnded.class, rig.effects).getFirst();
    assertEquals(Role.ENDED, rig.core.role());
    assertEquals(1, ended.base().index());
    assertEquals(List.of(A), ended.base().configuration().voters());
  }

  @Test
  void ofThreeVotersTwoWholeVotesElectAndOneDoesNot() {
    var rig = recovering(POWER_CUT, group(List.of(A, B, C)));
    rig.step(new Event.Tick());
    rig.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());

    rig.receive(rig.preVote(B, NONE));
    assertEquals(Role.PRE_CANDIDATE, rig.core.role(), "our own vote is worth nothing by itself");
    rig.receive(rig.preVote(C, NONE));

    assertEquals(Role.CANDIDATE, rig.core.role());
    rig.receive(new VoteReply(rig.from(B), Rig.vote(NONE)));
    assertEquals(Role.CANDIDATE, rig.core.role());
    rig.receive(new VoteReply(rig.from(C), Rig.vote(NONE)));
    assertEquals(Role.LEADER, rig.core.role());
    assertEquals(1, only(Effect.Recovered.class, rig.effects).size());
  }

  @Test
  void ofAPairOneWholeVoteOfTwoElects() {
    var rig = recovering(POWER_CUT, group(List.of(A, B)));
    rig.step(new Event.Tick());
    rig.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());

    rig.receive(rig.preVote(B, NONE));
    rig.receive(new VoteReply(rig.from(B), Rig.vote(NONE)));

    assertEquals(Role.LEADER, rig.core.role());
  }

  @Test
  void aHeartbeatThatSpeaksOfAnEarlierLossEndsNoLaterOne() {
    var rig = recovering(POWER_CUT, group(List.of(A, B, C)));
    rig.step(new Event.Tick());

    rig.receive(new Heartbeat(rig.from(B, 3), 1, 1, 1, 0, 8, 1));
    assertTrue(only(Effect.Recovered.class, rig.effects).isEmpty(), "that was another loss");
    rig.receive(new Heartbeat(rig.from(B, 3), 2, 1, 1, 0, 9, 2));
    assertTrue(only(Effect.Recovered.class, rig.effects).isEmpty(), "entry 2 isn't here");
    rig.receive(new Append(rig.from(B, 3), 1, 1, 0, 0, List.of(command(2, 3))));

    assertEquals(List.of(new Effect.Recovered(9)), only(Effect.Recovered.class, rig.effects));
  }

  @Test
  void ofAPairADamagedFolderAndAWholeVoteElectNobodyInTheOldLog() {
    var rig = recovering(DAMAGE, group(List.of(A, B)));
    rig.step(new Event.Tick());
    rig.tickAfter(TIMEOUTS_MS);

    vote(rig, B, NONE);
    assertEquals(Role.PRE_CANDIDATE, rig.core.role(), "A may have gone on alone, unknown to B");
    rig.tickAfter(START_WAIT_MS);
    rig.receive(rig.preVote(B, NONE));
    rig.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());
    rig.receive(rig.preVote(B, NONE));
    rig.receive(new VoteReply(rig.from(B), Rig.vote(NONE)));

    assertEquals(Role.ENDED, rig.core.role());
  }

  @Test
  void ofThreeVotersTwoWholeVotesElectBesideADamagedFolder() {
    var rig = new Rig(group(List.of(A, B, C)));
    rig.step(new Event.Tick());
    rig.tickAfter(TIMEOUTS_MS);

    vote(rig, C, DAMAGE);
    assertFalse(rig.core.role() == Role.LEADER);
    vote(rig, B, NONE);

    assertEquals(Role.LEADER, rig.core.role());
  }

  @Test
  void aLostVoteAsksWhoeverSendsAndThoseWhoVoteThere() {
    var rig = recovering(new Recovery(NONCE, DAMAGE, true), InitialState.empty());
    rig.step(new Event.Tick());

    var ignored = rig.receive(new VoteRequest(rig.from(B, 4), 9, 4, false, false));
    assertTrue(sent(VoteReply.class, ignored).isEmpty());
    var asked = rig.tickAfter(1_000);
    assertEquals(
        List.of(B), sent(TermRequest.class, asked).stream().map(Rig::to).distinct().toList());
    rig.receive(new TermReply(rig.from(B, 4), NONCE, List.of(A, B, C)));
    asked = rig.tickAfter(1_000);
    assertTrue(sent(TermRequest.class, asked).stream().map(Rig::to).anyMatch(C::equals));
    rig.receive(new TermReply(rig.from(C, 6), NONCE, List.of(A, B, C)));
    assertEquals(7, rig.core.term(), "one above the highest");

    rig.nowMs += 5_000;
    var voted = rig.receive(new VoteRequest(rig.from(B, 8), 9, 4, false, false));
    assertTrue(sent(VoteReply.class, voted).getFirst().vote().granted());
  }

  /** C, a voter that is gone for good, loses its vote only after B has named it. */
  @Test
  void aLostVoteDoesNotWaitForWhoVotesNoMore() {
    var rig = recovering(new Recovery(NONCE, DAMAGE, true), InitialState.empty());
    rig.step(new Event.Tick());
    rig.receive(new Heartbeat(rig.from(B, 4), 1, 1, 1, 0, 0, 0));
    rig.receive(new TermReply(rig.from(B, 4), NONCE, List.of(A, B, C)));

    var asked = rig.tickAfter(1_000);
    assertEquals(
        Set.of(B, C), sent(TermRequest.class, asked).stream().map(Rig::to).collect(toSet()));
    assertFalse(rig.core.isVoteKnown(), "C may have been voted for");
    rig.receive(new TermReply(rig.from(B, 5), NONCE, List.of(A, B, D)));
    rig.receive(new TermReply(rig.from(D, 5), NONCE, List.of(A, B, D)));

    assertEquals(6, rig.core.term());
  }

  @Test
  void anAnswerToAnEarlierLossTellsNothingOfALaterOne() {
    var rig = recovering(new Recovery(NONCE, DAMAGE, true), group(List.of(A, B)));
    rig.step(new Event.Tick());
    rig.tickAfter(1_000);

    rig.receive(new TermReply(rig.from(B, 4), NONCE - 1, List.of(A, B)));
    rig.nowMs += 5_000;
    var ignored = rig.receive(new VoteRequest(rig.from(B, 4), 9, 4, false, false));
    assertTrue(sent(VoteReply.class, ignored).isEmpty());
    rig.receive(new TermReply(rig.from(B, 4), NONCE, List.of(A, B)));

    assertEquals(5, rig.core.term());
  }

  @Test
  void aMemberWithoutAVoteStandsWhenNobodyLedForLong() {
    var rig = new Rig(group(List.of(B), A));
    rig.step(new Event.Tick());

    var early = rig.tickAfter(START_WAIT_MS - 1_000);
    assertTrue(sent(PreVoteRequest.class, early).isEmpty());
    var late = rig.tickAfter(TIMEOUTS_MS);
    assertFalse(sent(PreVoteRequest.class, late).isEmpty());
    rig.receive(rig.preVote(B, DAMAGE));
    rig.receive(new VoteReply(rig.from(B), Rig.vote(DAMAGE)));

    var ended = only(Effect.LogEnded.class, rig.effects).getFirst();
    assertEquals(List.of(A, B), ended.base().configuration().voters());
  }

  @Test
  void aMemberWithoutAVoteNeverLeadsTheOldLog() {
    var rig = new Rig(group(List.of(B), A));
    rig.step(new Event.Tick());
    rig.tickAfter(START_WAIT_MS + TIMEOUTS_MS);

    vote(rig, B, NONE);

    assertFalse(rig.core.role() == Role.LEADER || rig.core.role() == Role.ENDED);
  }

  @Test
  void aLogThatSomebodyWithoutAVoteMayHaveEndedIsNotEndedAgainWithoutIt() {
    var rig = recovering(POWER_CUT, group(List.of(A, B), C, D));
    rig.step(new Event.Tick());
    rig.nowMs += 5_000;
    rig.receive(new VoteRequest(rig.from(C, 3), 9, 1, false, true));
    rig.tickAfter(TIMEOUTS_MS);

    rig.receive(rig.preVote(B, POWER_CUT));
    rig.receive(new PreVoteReply(rig.from(D), rig.core.term() + 1, Rig.vote(NONE), false));
    rig.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());
    rig.receive(rig.preVote(B, POWER_CUT));
    assertEquals(Role.PRE_CANDIDATE, rig.core.role(), "C may have ended it");
    assertEquals(Optional.empty(), only(Effect.LogEnded.class, rig.effects).stream().findAny());

    rig.receive(rig.preVote(C, NONE));
    rig.receive(new PreVoteReply(rig.from(D), rig.core.term() + 1, Rig.vote(NONE), false));
    rig.receive(rig.preVote(C, NONE));
    rig.receive(new VoteReply(rig.from(B), Rig.vote(POWER_CUT)));
    rig.receive(new VoteReply(rig.from(C), Rig.vote(NONE)));
    assertEquals(Role.ENDED, rig.core.role());
  }

  private static boolean isAnyPromiseTold(Rig rig) {
    rig.nowMs += 5_000;
    var asked = rig.receive(new PreVoteRequest(rig.from(D, rig.core.term()), 9, 1, false));
    return !sent(PreVoteReply.class, asked).getFirst().vote().promised().isEmpty();
  }

  private static Rig restarted(Rig rig) {
    InitialState stored = group(List.of(A, B), C, D);
    HardState last = only(Effect.PersistHardState.class, rig.effects).getLast().state();
    var next = new Rig(new InitialState(last, stored.snapshot(), stored.entries()));
    next.step(new Event.Tick());
    return next;
  }

  @Test
  void aVoterRemembersWhomItElectedThroughTermsAndRestartsUntilItHearsALeader() {
    var rig = recovering(POWER_CUT, group(List.of(A, B), C, D));
    rig.step(new Event.Tick());
    rig.nowMs += 5_000;
    rig.receive(new VoteRequest(rig.from(C, 3), 9, 1, false, true));
    rig.receive(new VoteRequest(rig.from(D, 4), 0, 0, false, false));
    assertEquals(Optional.empty(), rig.core.votedFor());

    assertTrue(isAnyPromiseTold(rig));
    rig = restarted(rig);
    assertTrue(isAnyPromiseTold(rig), "C may have ended the log");

    rig.receive(new Heartbeat(rig.from(B, 5), 1, 1, 0, 0, 0, 0));
    assertFalse(isAnyPromiseTold(rig));
    rig = restarted(rig);
    assertFalse(isAnyPromiseTold(rig));
  }

  @Test
  void aVoterElectsNobodyWhomItCouldNotRemember() {
    List<Endpoint> candidates =
        IntStream.rangeClosed(2, 2 + HardState.PROMISED_MAX)
            .mapToObj(number -> Rig.endpoint(number, 1))
            .toList();
    var rig = new Rig(group(List.of(A, B, C), D));
    rig.step(new Event.Tick());
    long term = 3;
    for (Endpoint candidate : candidates) {
      rig.nowMs += 5_000;
      rig.receive(new VoteRequest(rig.from(candidate, term++), 9, 1, false, true));
    }
    assertEquals(Optional.empty(), rig.core.votedFor(), "nobody could be told of the last one");

    rig.nowMs += 5_000;
    rig.receive(new VoteRequest(rig.from(candidates.getFirst(), term), 9, 1, false, true));
    assertEquals(Optional.of(candidates.getFirst()), rig.core.votedFor(), "remembered already");
  }

  /** One of four that lack nothing: B asked for its vote to end the log, C and D vote for it. */
  private static Rig votedForWhoEndsTheLog() {
    var rig = new Rig(group(List.of(A, B, C, D)));
    rig.step(new Event.Tick());
    rig.nowMs += 5_000;
    rig.receive(new VoteRequest(rig.from(B, 3), 9, 1, false, true));
    rig.tickAfter(TIMEOUTS_MS);
    rig.receive(rig.preVote(C, NONE));
    rig.receive(rig.preVote(D, NONE));
    return rig;
  }

  @Test
  void nobodyLeadsWithoutTheVoteOfWhoMayHaveEndedTheLog() {
    var rig = votedForWhoEndsTheLog();
    assertEquals(Role.PRE_CANDIDATE, rig.core.role(), "B may have ended it");

    rig.receive(rig.preVote(B, POWER_CUT));
    vote(rig, C, NONE);
    vote(rig, D, NONE);
    assertEquals(Role.CANDIDATE, rig.core.role());
    vote(rig, B, POWER_CUT);

    assertEquals(Role.LEADER, rig.core.role());
    var last = only(Effect.PersistHardState.class, rig.effects).getLast().state();
    assertEquals(List.of(), last.promised());
  }

  @Test
  void whoIsToldToGoOnWithoutWhoMayHaveEndedTheLogEndsItToo() {
    var rig = votedForWhoEndsTheLog();

    rig.step(new Event.GoOn());
    rig.tickAfter(TIMEOUTS_MS);
    for (Endpoint voter : List.of(C, D)) {
      rig.receive(rig.preVote(voter, NONE));
    }
    for (Endpoint voter : List.of(C, D)) {
      rig.receive(new VoteReply(rig.from(voter), Rig.vote(NONE)));
    }

    assertEquals(Role.ENDED, rig.core.role(), "two logs go on from it, under two names");
  }

  @Test
  void aDamagedFolderGivesWayToWhoHoldsMoreAsOftenAsItTakes() {
    var rig = recovering(DAMAGE, group(List.of(A, B), C));
    rig.step(new Event.Tick());
    rig.tickAfter(START_WAIT_MS + TIMEOUTS_MS);

    for (int i = 0; i < 10; i++) {
      rig.receive(rig.preVote(B, NONE));
      rig.receive(
          new PreVoteReply(
              rig.from(C),
              rig.core.term() + 1,
              new RaftMessage.Vote(false, NONE, List.of()),
              true));
      rig.tickAfter(TIMEOUTS_MS);
    }

    assertEquals(Role.PRE_CANDIDATE, rig.core.role());
  }

  private static Rig leadingAloneFor(int durationMs) {
    var rig = new Rig(group(List.of(A), B));
    rig.step(new Event.Tick());
    assertEquals(Role.LEADER, rig.core.role());
    rig.tickAfter(durationMs);
    return rig;
  }

  private static void expectWaitsForBetterFolder(Rig rig) {
    rig.tickAfter(START_WAIT_MS - TIMEOUTS_MS);
    assertFalse(rig.core.role() == Role.ENDED, "there may be a better folder");
    rig.tickAfter(2 * TIMEOUTS_MS);
    assertEquals(Role.ENDED, rig.core.role());
  }

  /** It had led for long, and waited for nobody. */
  @Test
  void whoLearnsThatItsFolderIsOlderWaitsForABetterOneFromThenOn() {
    var rig = leadingAloneFor(2 * START_WAIT_MS);

    rig.step(new Event.Lost(new Recovery(NONCE, DAMAGE, true)));

    expectWaitsForBetterFolder(rig);
  }

  /** Started with the operator's word, a lone peer hears later of what it doesn't have. */
  @Test
  void theOperatorHasNotAcceptedWhatIsFoundOutLater() {
    var rig = new Rig(group(List.of(A), B));
    rig.step(new Event.GoOn());
    rig.step(new Event.Tick());
    rig.tickAfter(1_000);

    rig.step(new Event.Lost(new Recovery(NONCE, DAMAGE, true)));

    assertFalse(rig.core.isToldToGoOn());
    expectWaitsForBetterFolder(rig);
  }

  /** Others tell it at each start what was found out before. */
  @Test
  void whatTheOperatorHasAcceptedMayBeFoundOutAgain() {
    var rig = recovering(new Recovery(NONCE, DAMAGE, true), group(List.of(A), B));
    rig.step(new Event.GoOn());

    rig.step(new Event.Lost(new Recovery(NONCE + 1, DAMAGE, true)));
    rig.tickAfter(TIMEOUTS_MS);

    assertTrue(rig.core.isToldToGoOn());
    assertEquals(Role.ENDED, rig.core.role());
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
    var rig = recovering(POWER_CUT, stored);
    rig.step(new Event.Tick());
    rig.tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());
    rig.receive(rig.preVote(B, POWER_CUT));
    rig.receive(rig.preVote(C, POWER_CUT));
    rig.receive(new VoteReply(rig.from(B), Rig.vote(POWER_CUT)));

    var last = rig.receive(new VoteReply(rig.from(C), Rig.vote(POWER_CUT)));

    assertEquals(2, only(Effect.LogEnded.class, last).getFirst().base().index());
    assertEquals(2, only(Effect.Commit.class, last).getFirst().upToIndex());
    assertEquals(List.of(), only(Effect.PersistHardState.class, last));
    assertEquals(0, rig.core.commitIndex(), "others are told");
  }
}
