package holdfast.consensus;

import static holdfast.consensus.CoreHarness.A;
import static holdfast.consensus.CoreHarness.B;
import static holdfast.consensus.CoreHarness.C;
import static holdfast.consensus.CoreHarness.D;
import static holdfast.consensus.CoreHarness.LOG;
import static holdfast.consensus.CoreHarness.command;
import static holdfast.consensus.CoreHarness.endpoint;
import static holdfast.consensus.CoreHarness.group;
import static holdfast.consensus.CoreHarness.only;
import static holdfast.consensus.CoreHarness.sent;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.AppendAccepted;
import holdfast.consensus.RaftMessage.AppendRejected;
import holdfast.consensus.RaftMessage.Header;
import holdfast.consensus.RaftMessage.Heartbeat;
import holdfast.consensus.RaftMessage.HeartbeatReply;
import holdfast.consensus.RaftMessage.TimeoutNow;
import holdfast.consensus.RaftMessage.VoteReply;
import holdfast.consensus.RaftMessage.VoteRequest;
import holdfast.model.LogId;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Each rule of the core by itself. */
class RaftRulesTest {
  private static VoteRequest voteRequest(CoreHarness harness, long term, boolean transfer) {
    return new VoteRequest(harness.from(B, term), 100, 100, transfer, false);
  }

  private static Append append(
      CoreHarness harness, long term, long prevIndex, long prevTerm, LogEntry... e) {
    return new Append(harness.from(B, term), prevIndex, prevTerm, 0, 0, List.of(e));
  }

  @Test
  void aVoterThatHasJustStartedRefusesVotesForAMinimumElectionTimeout() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());

    harness.nowMs += 999;
    var early = harness.receive(voteRequest(harness, 5, false));
    harness.nowMs += 1;
    var late = harness.receive(voteRequest(harness, 5, false));

    assertTrue(early.isEmpty() && harness.core.term() == 5, "the early one must change nothing");
    assertTrue(sent(VoteReply.class, late).getFirst().vote().granted());
  }

  @Test
  void aVoterThatHearsFromALeaderVotesOnlyInAnElectionThatTheLeaderAskedFor() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.nowMs += 5_000;
    harness.receive(append(harness, 3, 1, 1));

    harness.nowMs += 900;
    var refused = harness.receive(new VoteRequest(harness.from(C, 4), 100, 100, false, false));
    var granted = harness.receive(new VoteRequest(harness.from(C, 4), 100, 100, true, false));

    assertTrue(refused.isEmpty());
    assertTrue(sent(VoteReply.class, granted).getFirst().vote().granted());
  }

  @Test
  void aVoteIsOnDiskBeforeItIsSent() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.nowMs += 5_000;
    harness.isWriting = false;

    var asked = harness.receive(voteRequest(harness, 5, false));

    assertTrue(sent(VoteReply.class, asked).isEmpty());
    assertEquals(5, harness.core.term());
    assertTrue(harness.core.durableTerm() < 5, "nobody may be told of a term that a crash undoes");
    assertEquals(
        new HardState(5, Optional.of(B), 1),
        only(Effect.PersistHardState.class, asked).getLast().state());
    assertEquals(1, sent(VoteReply.class, harness.write()).size());
    assertEquals(5, harness.core.durableTerm());
  }

  @Test
  void onlyOneCandidateGetsAVoteInATerm() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.nowMs += 5_000;
    harness.receive(voteRequest(harness, 5, false));

    var second = harness.receive(new VoteRequest(harness.from(C, 5), 100, 100, false, false));

    assertFalse(sent(VoteReply.class, second).getFirst().vote().granted());
  }

  @Test
  void aShorterLogGetsNoVote() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.nowMs += 5_000;
    harness.receive(append(harness, 3, 1, 1, command(2, 3), command(3, 3)));
    harness.nowMs += 5_000;

    var shorter = harness.receive(new VoteRequest(harness.from(C, 4), 2, 3, false, false));
    var older = harness.receive(new VoteRequest(harness.from(C, 5), 9, 2, false, false));
    var equal = harness.receive(new VoteRequest(harness.from(C, 6), 3, 3, false, false));

    assertFalse(sent(VoteReply.class, shorter).getFirst().vote().granted());
    assertFalse(sent(VoteReply.class, older).getFirst().vote().granted());
    assertTrue(sent(VoteReply.class, equal).getFirst().vote().granted());
  }

  @Test
  void aPreVoteChangesNoTermAnywhere() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());

    var asked = harness.tickAfter(1_000);
    harness.receive(new RaftMessage.PreVoteRequest(harness.from(C, 9), 50, 50, false));

    assertEquals(2, sent(RaftMessage.PreVoteRequest.class, asked).size());
    assertEquals(1, harness.core.term());
    assertEquals(Role.PRE_CANDIDATE, harness.core.role());
  }

  @Test
  void aPreVoteFromALowerTermCounts() {
    var harness =
        new CoreHarness(
            new InitialState(
                new HardState(4, Optional.empty()),
                SnapshotMeta.NONE,
                group(List.of(A, B, C)).entries()));
    harness.step(new Event.Tick());
    harness.tickAfter(1_000);

    harness.receive(
        new RaftMessage.PreVoteReply(
            harness.from(B, 3), 5, CoreHarness.vote(Recovery.Cause.NONE), false, 0));

    assertEquals(Role.CANDIDATE, harness.core.role());
  }

  @Test
  void entriesAreAcknowledgedOnlyWhenTheyAreWritten() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.receive(append(harness, 3, 1, 1));
    harness.isWriting = false;

    var taken = harness.receive(append(harness, 3, 1, 1, command(2, 3)));
    var again = harness.receive(append(harness, 3, 1, 1, command(2, 3)));

    assertTrue(sent(AppendAccepted.class, taken).isEmpty());
    assertTrue(sent(AppendAccepted.class, again).isEmpty(), "the copy isn't written either");
    assertEquals(2, sent(AppendAccepted.class, harness.write()).getFirst().matchIndex());
  }

  @Test
  void whatAnEarlierLeaderHadIsNotAcknowledgedToTheNext() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.receive(append(harness, 3, 1, 1, command(2, 3), command(3, 3)));
    harness.tickAfter(1_000);
    harness.receive(
        new RaftMessage.PreVoteReply(
            harness.from(C), 4, CoreHarness.vote(Recovery.Cause.NONE), false, 0));
    assertEquals(4, harness.core.term(), "it began the next term itself");

    var probed = harness.receive(new Append(harness.from(C, 4), 1, 1, 0, 0, List.of()));

    assertEquals(1, sent(AppendAccepted.class, probed).getFirst().matchIndex());
  }

  @Test
  void entriesOfEarlierTermsAreCommittedOnlyWithOneOfTheOwnTerm() {
    var harness = CoreHarness.ofThree().elect();

    var older = harness.accept(B, 1);
    var own = harness.accept(B, 2);

    assertTrue(only(Effect.Commit.class, older).isEmpty());
    assertEquals(2, only(Effect.Commit.class, own).getFirst().upToIndex());
  }

  @Test
  void theLeadersOwnCopyCountsOnlyWhenItIsWritten() {
    var harness = new CoreHarness(group(List.of(A, B))).lead();
    harness.isWriting = false;
    harness.propose(1);

    var acknowledged = harness.accept(B, 3);

    assertTrue(only(Effect.Commit.class, acknowledged).isEmpty());
    assertEquals(3, only(Effect.Commit.class, harness.write()).getFirst().upToIndex());
  }

  @Test
  void followersAndOldIncarnationsNeverCount() {
    Endpoint newB = endpoint(2, 2);
    var harness = new CoreHarness(group(List.of(A, B, C), newB, D)).lead();
    harness.propose(1);

    var byNew = harness.accept(newB, 3);
    var byFollower = harness.accept(D, 3);
    var byOlder = harness.accept(endpoint(3, 0), 3);
    var byVoter = harness.accept(C, 3);

    assertTrue(only(Effect.Commit.class, byNew).isEmpty());
    assertTrue(only(Effect.Commit.class, byFollower).isEmpty());
    assertTrue(only(Effect.Commit.class, byOlder).isEmpty());
    assertEquals(1, only(Effect.Commit.class, byVoter).size());
  }

  @Test
  void messagesOfAnotherLogOrForAnotherIncarnationAreDropped() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.nowMs += 5_000;

    var otherLog = harness.receive(new TimeoutNow(new Header(new LogId(9, 9), B, A, 7)));
    var otherLife = harness.receive(new TimeoutNow(new Header(LOG, B, endpoint(1, 2), 7)));

    assertTrue(otherLog.isEmpty() && otherLife.isEmpty());
    assertEquals(1, harness.core.term());
  }

  @Test
  void aLeaseRunsFromWhenTheAnsweredHeartbeatWasSent() {
    var harness = CoreHarness.ofThree().lead();
    var beat = sent(Heartbeat.class, harness.tickAfter(150)).getFirst();
    harness.nowMs = beat.sentMs() + 700;
    harness.answer(B, beat);

    var within = harness.step(new Event.Read(1));
    harness.nowMs = beat.sentMs() + 800;
    var after = harness.step(new Event.Read(2));

    assertEquals(beat.sentMs() + 800, harness.core.leaseUntilMs());
    assertEquals(new Effect.ReadReady(1, 2), only(Effect.ReadReady.class, within).getFirst());
    assertTrue(only(Effect.ReadReady.class, after).isEmpty());
    assertEquals(2, sent(Heartbeat.class, after).size(), "it asks at once");
  }

  @Test
  void withoutALeaseAReadWaitsForARoundThatBeganAfterIt() {
    var harness = CoreHarness.ofThree().lead();
    var before = sent(Heartbeat.class, harness.effects).getLast();
    harness.tickAfter(100);

    harness.step(new Event.Read(1));
    harness.nowMs += 900;
    var old = harness.answer(B, before);
    var next = sent(Heartbeat.class, harness.effects).getLast();
    var fresh = harness.answer(B, next);

    assertTrue(only(Effect.ReadReady.class, old).isEmpty());
    assertTrue(next.round() > before.round());
    assertEquals(1, only(Effect.ReadReady.class, fresh).size());
  }

  @Test
  void aReadWaitsForACommitInTheOwnTerm() {
    var harness = CoreHarness.ofThree().elect();
    harness.answer(B, sent(Heartbeat.class, harness.effects).getLast());

    var early = harness.step(new Event.Read(1));
    var committed = harness.accept(B, 2);

    assertTrue(only(Effect.ReadReady.class, early).isEmpty());
    assertEquals(new Effect.ReadReady(1, 2), only(Effect.ReadReady.class, committed).getFirst());
  }

  @Test
  void thereIsNoLeaseOnceASuccessorWasAskedNotEvenWhenNothingCameOfIt() {
    var harness = CoreHarness.ofThree().lead();
    var asked = harness.step(new Event.TransferLeadership(B));
    var rejected = harness.propose(1);

    harness.accept(C, 2);
    var ticks = harness.tickAfter(1_050);
    harness.answer(B, sent(Heartbeat.class, ticks).getLast());
    var read = harness.step(new Event.Read(1));

    assertEquals(1, sent(TimeoutNow.class, asked).size());
    assertEquals(
        Rejection.TRANSFERRING, only(Effect.ProposalRejected.class, rejected).getFirst().reason());
    assertTrue(only(Effect.ReadReady.class, read).isEmpty());
    assertEquals(Long.MIN_VALUE, harness.core.leaseUntilMs());
    assertEquals(1, only(Effect.ProposalAccepted.class, harness.propose(1)).size(), "it gave up");
  }

  @Test
  void whoIsAskedToSucceedStartsAnElectionAtOnce() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.receive(append(harness, 3, 1, 1));

    var asked = harness.receive(new TimeoutNow(harness.from(B, 3)));

    assertTrue(sent(VoteRequest.class, asked).getFirst().transfer());
    assertEquals(4, harness.core.term());
  }

  @Test
  void aLeaderOfThreeThatHearsNobodyStepsDown() {
    var harness = CoreHarness.ofThree().lead();
    harness.step(new Event.Read(1));

    var ticks = harness.tickAfter(1_600);

    assertTrue(
        only(Effect.RoleChanged.class, ticks).stream()
            .anyMatch(change -> change.cause() == Effect.Cause.QUORUM_LOST));
    assertEquals(1, only(Effect.ReadRejected.class, ticks).size());
  }

  @Test
  void aPauseOfOurOwnIsNoSilenceOfTheOthers() {
    var harness = CoreHarness.ofThree().lead();

    harness.nowMs += 60_000;
    harness.step(new Event.Tick());

    assertEquals(Role.LEADER, harness.core.role());
  }

  @Test
  void aLeaderOfAPairTakesItsPartnersVoteAndGoesOnAlone() {
    var harness = new CoreHarness(group(List.of(A, B))).lead();
    harness.propose(1);

    var ticks = harness.tickAfter(1_600);

    assertEquals(Role.LEADER, harness.core.role());
    assertEquals(new Configuration(List.of(A), List.of(B)), harness.core.configuration());
    assertEquals(4, only(Effect.Commit.class, ticks).getLast().upToIndex());
  }

  @Test
  void aLeaderOfAPairWithoutACommitInItsTermStepsDown() {
    var harness = new CoreHarness(group(List.of(A, B))).elect();

    harness.tickAfter(1_600);

    assertTrue(harness.core.role() != Role.LEADER);
    assertEquals(new Configuration(List.of(A, B), List.of()), harness.core.configuration());
  }

  @Test
  void aLoneLeaderWhosePromotedPartnerDiesAtOnceTakesTheVoteBack() {
    var harness = new CoreHarness(group(List.of(A), B));
    harness.step(new Event.Tick());
    harness.accept(B, 2);
    harness.step(new Event.ChangeMembership(1, new MembershipChange.Promote(B)));
    assertTrue(harness.core.configuration().isVoter(B));

    harness.tickAfter(1_600);

    assertEquals(Role.LEADER, harness.core.role());
    assertEquals(List.of(A), harness.core.configuration().voters());
    assertEquals(harness.core.lastIndex(), harness.core.commitIndex());
  }

  @Test
  void whoLosesItsVoteHearsOfItOnlyWhenItIsCommitted() {
    var harness = new CoreHarness(group(List.of(A, B))).lead();
    harness.isWriting = false;

    var changed = harness.step(new Event.ChangeMembership(1, new MembershipChange.Demote(B)));
    var written = harness.write();
    harness.isWriting = true;
    harness.write(); // that the configuration is committed is on disk before anything is sent
    var after = harness.accept(B, 2);

    assertTrue(sent(Append.class, changed).isEmpty());
    assertEquals(1, only(Effect.Commit.class, written).size());
    assertEquals(1, sent(Append.class, after).getFirst().entries().size());
  }

  @Test
  void committedEntriesAreNeverCut() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.receive(append(harness, 3, 1, 1, command(2, 3)));
    harness.receive(new Heartbeat(harness.from(B, 3), 1, 1, 2, 0, 0, 0));

    var refused =
        harness.receive(new Append(harness.from(C, 4), 1, 1, 0, 0, List.of(command(2, 4))));

    assertEquals(List.of(new Effect.CutRefused(C, 2)), only(Effect.CutRefused.class, refused));
    assertTrue(sent(AppendAccepted.class, refused).isEmpty());
  }

  @Test
  void aStoreErrorStopsEverythingForGood() {
    var harness = CoreHarness.ofThree().lead();
    harness.isWriting = false;
    harness.propose(1);

    var stopped = harness.step(new Event.PersistFailed("disk"));
    var later = harness.tickAfter(10_000);
    var done = harness.write();
    var proposed = harness.propose(1);

    assertEquals(Role.STOPPED, harness.core.role());
    assertTrue(sent(RaftMessage.class, stopped).isEmpty());
    assertTrue(later.isEmpty() && done.isEmpty());
    assertEquals(
        List.of(new Effect.ProposalRejected(7, Rejection.STOPPED, Optional.empty())), proposed);
  }

  private static Rejection refusal(CoreHarness harness, MembershipChange change) {
    var effects = harness.step(new Event.ChangeMembership(3, change));
    return only(Effect.ProposalRejected.class, effects).getFirst().reason();
  }

  @Test
  void theConfigurationChangesOneCommittedStepAtATime() {
    var harness = CoreHarness.ofThree().elect();
    assertEquals(
        Rejection.NO_COMMIT_IN_TERM, refusal(harness, new MembershipChange.AddFollower(D)));
    harness.accept(B, 2);

    harness.step(new Event.ChangeMembership(1, new MembershipChange.AddFollower(D)));

    assertEquals(Rejection.CHANGE_PENDING, refusal(harness, new MembershipChange.Remove(C)));
    harness.accept(B, 3);
    // Written at its own majority, not forced there: it doesn't count yet.
    assertEquals(Rejection.CHANGE_PENDING, refusal(harness, new MembershipChange.Remove(C)));
    harness.accept(B, 3, 3);
    assertEquals(Rejection.NOT_CAUGHT_UP, refusal(harness, new MembershipChange.Promote(D)));
    assertEquals(Rejection.INVALID, refusal(harness, new MembershipChange.Remove(A)));
    harness.accept(D, 3);
    var promoted = harness.step(new Event.ChangeMembership(4, new MembershipChange.Promote(D)));
    assertEquals(
        List.of(new Effect.ProposalAccepted(4, 4, 2)),
        only(Effect.ProposalAccepted.class, promoted));
  }

  @Test
  void aConfigurationThatCouldNotBeCommittedNowIsRefused() {
    var harness = CoreHarness.ofThree().lead();
    harness.tickAfter(1_200);
    harness.accept(B, 2);

    assertEquals(Rejection.NO_QUORUM, refusal(harness, new MembershipChange.Demote(B)));
    assertEquals(
        1,
        only(
                Effect.ProposalAccepted.class,
                harness.step(new Event.ChangeMembership(1, new MembershipChange.Demote(C))))
            .size());
  }

  @Test
  void aNewIncarnationFollowsBesideTheOldVoterAndVotesOnlyAfterIt() {
    Endpoint newC = endpoint(3, 2);
    var harness = CoreHarness.ofThree().lead();

    harness.step(new Event.ChangeMembership(1, new MembershipChange.AddFollower(newC)));
    harness.accept(B, 3, 3);
    harness.accept(newC, 3);
    assertEquals(Rejection.INVALID, refusal(harness, new MembershipChange.Promote(newC)));
    harness.step(new Event.ChangeMembership(2, new MembershipChange.Remove(C)));
    harness.accept(B, 4, 4);
    harness.step(new Event.ChangeMembership(3, new MembershipChange.Promote(newC)));

    assertEquals(List.of(A, B, newC), harness.core.configuration().voters());
  }

  @Test
  void aRejectionSkipsTheConflictingTermAtOnce() {
    var log = group(List.of(A, B, C)).entries().getFirst();
    var entries = new java.util.ArrayList<>(List.of(log));
    for (long i = 2; i <= 30; i++) {
      entries.add(command(i, i <= 10 ? 1 : 3));
    }
    var harness =
        new CoreHarness(
            new InitialState(new HardState(3, Optional.empty()), SnapshotMeta.NONE, entries));
    harness.elect();

    var probe = harness.receive(new AppendRejected(harness.from(B), 30, 2, 5));
    var shorter = harness.receive(new AppendRejected(harness.from(C), 30, 0, 8));

    assertEquals(4, sent(Append.class, probe).getFirst().prevIndex());
    assertEquals(7, sent(Append.class, shorter).getFirst().prevIndex());
  }

  @Test
  void whatIsUnderWayToAMemberIsBounded() {
    var harness = CoreHarness.ofThree().lead();

    for (int i = 0; i < 200; i++) {
      harness.propose(10);
    }
    long underWay =
        sent(Append.class, harness.effects).stream()
            .filter(m -> m.header().to().equals(B) && !m.entries().isEmpty())
            .count();

    var freed = harness.accept(B, 66);

    assertEquals(RaftConfig.DEFAULT.inflightMessagesMax(), underWay);
    assertEquals(136, sent(Append.class, freed).stream().mapToInt(m -> m.entries().size()).sum());
  }

  @Test
  void aLeaderThatCannotCommitRefusesMore() {
    var harness = CoreHarness.ofThree().lead();

    long accepted = 0;
    for (int i = 0; i < 200; i++) {
      accepted += only(Effect.ProposalAccepted.class, harness.propose(120_000)).size();
    }
    var refused = only(Effect.ProposalRejected.class, harness.propose(120_000)).getFirst();

    assertEquals(Rejection.BUSY, refused.reason());
    assertEquals((16 << 20) / 120_021, accepted);
  }

  @Test
  void anFsyncIsAnsweredWhenAMajorityHasForced() {
    var harness = CoreHarness.ofThree().lead();

    var proposed = harness.step(new Event.Propose(List.of(new Proposal(1, new byte[1], true))));
    var own = harness.step(new Event.LogForced(3, 2));
    var written = harness.receive(new AppendAccepted(harness.from(B), 3, 2));
    var forced = harness.receive(new AppendAccepted(harness.from(B), 3, 3));

    assertEquals(3, sent(Append.class, proposed).getFirst().forceUpTo());
    assertEquals(List.of(new Effect.ForceLog(3)), only(Effect.ForceLog.class, proposed));
    assertTrue(only(Effect.ForcedAtMajority.class, own).isEmpty());
    assertEquals(1, only(Effect.Commit.class, written).size());
    assertEquals(
        new Effect.ForcedAtMajority(3), only(Effect.ForcedAtMajority.class, forced).getLast());
  }

  @Test
  void anFsyncRestsOnAForcedEntryOfTheLeadersOwnTerm() {
    var harness =
        new CoreHarness(
            new InitialState(
                new HardState(1, Optional.empty(), 1),
                SnapshotMeta.NONE,
                List.of(
                    LogEntry.configuration(1, 1, new Configuration(List.of(A, B, C), List.of())),
                    command(2, 1))));
    harness.isForcing = false;
    harness.elect();

    var written = harness.accept(B, 3, 2);
    var asked = harness.step(new Event.Force(2));
    assertEquals(1, only(Effect.Commit.class, written).size());
    assertTrue(only(Effect.ForcedAtMajority.class, written).isEmpty());
    assertTrue(only(Effect.ForcedAtMajority.class, asked).isEmpty());
    assertEquals(List.of(new Effect.ForceLog(3)), only(Effect.ForceLog.class, asked));
    assertEquals(3, sent(Heartbeat.class, asked).getFirst().forceUpTo());

    harness.step(new Event.LogForced(3, 2));
    var forced = harness.accept(B, 3, 3);
    assertEquals(
        List.of(new Effect.ForcedAtMajority(3)), only(Effect.ForcedAtMajority.class, forced));
  }

  @Test
  void aConfigurationOfAnOlderTermRestsOnAForcedEntryOfTheLeadersOwnTerm() {
    var harness =
        new CoreHarness(
            new InitialState(
                new HardState(1, Optional.empty()),
                SnapshotMeta.NONE,
                List.of(
                    LogEntry.configuration(1, 1, new Configuration(List.of(A, B, C, D), List.of())),
                    LogEntry.configuration(
                        2, 1, new Configuration(List.of(A, B, C), List.of(D))))));
    harness.isForcing = false;
    harness.elect();

    var followed = harness.accept(B, 3, 3);
    assertTrue(only(Effect.Commit.class, followed).isEmpty(), "our own 3 isn't forced");
    assertEquals(List.of(new Effect.ForceLog(3)), only(Effect.ForceLog.class, harness.effects));
    assertEquals(3, sent(Heartbeat.class, harness.effects).getFirst().forceUpTo());

    var forced = harness.step(new Event.LogForced(3, 2));
    assertEquals(3, only(Effect.Commit.class, forced).getFirst().upToIndex());
  }

  @Test
  void aMemberForcesWhenAskedAndAnswersAgain() {
    var harness = CoreHarness.ofThree();
    harness.isForcing = false;
    harness.step(new Event.Tick());

    var taken = harness.receive(new Append(harness.from(B, 3), 1, 1, 0, 2, List.of(command(2, 3))));
    var forced = harness.step(new Event.LogForced(2, 3));

    assertEquals(List.of(new Effect.ForceLog(2)), only(Effect.ForceLog.class, taken));
    assertEquals(1, sent(AppendAccepted.class, taken).getFirst().forcedIndex());
    assertEquals(2, sent(AppendAccepted.class, forced).getFirst().forcedIndex());
  }

  @Test
  void aForceOfEntriesThatWereCutMeanwhileCountsForNothing() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.receive(append(harness, 3, 1, 1, command(2, 3), command(3, 3)));
    harness.receive(
        new Append(harness.from(C, 4), 1, 1, 0, 0, List.of(command(2, 4), command(3, 4))));

    harness.step(new Event.LogForced(3, 3));
    assertEquals(1, harness.core.forcedIndex());
    harness.step(new Event.LogForced(3, 4));
    assertEquals(3, harness.core.forcedIndex());
  }

  @Test
  void aLateForceDoesNotVouchForEntriesThatWereCutAndWrittenAgain() {
    var harness = CoreHarness.ofThree();
    harness.isForcing = false;
    harness.step(new Event.Tick());
    harness.receive(append(harness, 3, 1, 1, command(2, 1), command(3, 1)));
    harness.isWriting = false;
    harness.receive(new Append(harness.from(C, 4), 1, 1, 0, 0, List.of(command(2, 4))));
    harness.receive(append(harness, 5, 1, 1, command(2, 1), command(3, 1)));

    harness.step(new Event.LogForced(3, 1)); // The disk has yet to cut.
    assertEquals(1, harness.core.forcedIndex());
    harness.write();
    harness.step(new Event.LogForced(3, 1));
    assertEquals(3, harness.core.forcedIndex());
  }

  @Test
  void anOldLeaderLearnsOfTheNewTerm() {
    var harness =
        new CoreHarness(
            new InitialState(
                new HardState(9, Optional.empty()),
                SnapshotMeta.NONE,
                group(List.of(A, B, C)).entries()));

    var answered = harness.receive(new Heartbeat(harness.from(B, 8), 1, 1, 0, 0, 0, 0));

    assertEquals(9, sent(AppendRejected.class, answered).getFirst().header().term());
  }

  @Test
  void lostEntriesAreSentAgainAfterTheNextHeartbeat() {
    var harness = CoreHarness.ofThree().lead();
    harness.propose(1);
    var beat =
        sent(Heartbeat.class, harness.tickAfter(150)).stream()
            .filter(m -> m.header().to().equals(B))
            .findFirst()
            .orElseThrow();

    var probe =
        harness.receive(new HeartbeatReply(harness.from(B), beat.round(), beat.sentMs(), 2, 0, 0));
    var again = harness.accept(B, 2);

    assertEquals(2, sent(Append.class, probe).getFirst().prevIndex());
    assertEquals(3, sent(Append.class, again).getFirst().entries().getFirst().index());
  }
}
