package holdfast.consensus;

import static holdfast.consensus.Rig.A;
import static holdfast.consensus.Rig.B;
import static holdfast.consensus.Rig.C;
import static holdfast.consensus.Rig.D;
import static holdfast.consensus.Rig.LOG;
import static holdfast.consensus.Rig.command;
import static holdfast.consensus.Rig.endpoint;
import static holdfast.consensus.Rig.group;
import static holdfast.consensus.Rig.only;
import static holdfast.consensus.Rig.sent;
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
  private static VoteRequest voteRequest(Rig rig, long term, boolean transfer) {
    return new VoteRequest(rig.from(B, term), 100, 100, transfer, false);
  }

  private static Append append(Rig rig, long term, long prevIndex, long prevTerm, LogEntry... e) {
    return new Append(rig.from(B, term), prevIndex, prevTerm, 0, 0, List.of(e));
  }

  @Test
  void aVoterThatHasJustStartedRefusesVotesForAMinimumElectionTimeout() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());

    rig.nowMs += 999;
    var early = rig.receive(voteRequest(rig, 5, false));
    rig.nowMs += 1;
    var late = rig.receive(voteRequest(rig, 5, false));

    assertTrue(early.isEmpty() && rig.core.term() == 5, "the early one must change nothing");
    assertTrue(sent(VoteReply.class, late).getFirst().vote().granted());
  }

  @Test
  void aVoterThatHearsFromALeaderVotesOnlyInAnElectionThatTheLeaderAskedFor() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.nowMs += 5_000;
    rig.receive(append(rig, 3, 1, 1));

    rig.nowMs += 900;
    var refused = rig.receive(new VoteRequest(rig.from(C, 4), 100, 100, false, false));
    var granted = rig.receive(new VoteRequest(rig.from(C, 4), 100, 100, true, false));

    assertTrue(refused.isEmpty());
    assertTrue(sent(VoteReply.class, granted).getFirst().vote().granted());
  }

  @Test
  void aVoteIsOnDiskBeforeItIsSent() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.nowMs += 5_000;
    rig.isWriting = false;

    var asked = rig.receive(voteRequest(rig, 5, false));

    assertTrue(sent(VoteReply.class, asked).isEmpty());
    assertEquals(5, rig.core.term());
    assertTrue(rig.core.durableTerm() < 5, "nobody may be told of a term that a crash undoes");
    assertEquals(
        new HardState(5, Optional.of(B), 1),
        only(Effect.PersistHardState.class, asked).getLast().state());
    assertEquals(1, sent(VoteReply.class, rig.write()).size());
    assertEquals(5, rig.core.durableTerm());
  }

  @Test
  void onlyOneCandidateGetsAVoteInATerm() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.nowMs += 5_000;
    rig.receive(voteRequest(rig, 5, false));

    var second = rig.receive(new VoteRequest(rig.from(C, 5), 100, 100, false, false));

    assertFalse(sent(VoteReply.class, second).getFirst().vote().granted());
  }

  @Test
  void aShorterLogGetsNoVote() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.nowMs += 5_000;
    rig.receive(append(rig, 3, 1, 1, command(2, 3), command(3, 3)));
    rig.nowMs += 5_000;

    var shorter = rig.receive(new VoteRequest(rig.from(C, 4), 2, 3, false, false));
    var older = rig.receive(new VoteRequest(rig.from(C, 5), 9, 2, false, false));
    var equal = rig.receive(new VoteRequest(rig.from(C, 6), 3, 3, false, false));

    assertFalse(sent(VoteReply.class, shorter).getFirst().vote().granted());
    assertFalse(sent(VoteReply.class, older).getFirst().vote().granted());
    assertTrue(sent(VoteReply.class, equal).getFirst().vote().granted());
  }

  @Test
  void askingBeforehandChangesNoTermAnywhere() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());

    var asked = rig.tickAfter(1_000);
    rig.receive(new RaftMessage.PreVoteRequest(rig.from(C, 9), 50, 50, false));

    assertEquals(2, sent(RaftMessage.PreVoteRequest.class, asked).size());
    assertEquals(1, rig.core.term());
    assertEquals(Role.PRE_CANDIDATE, rig.core.role());
  }

  @Test
  void aBeforehandAnswerFromALowerTermCounts() {
    var rig =
        new Rig(
            new InitialState(
                new HardState(4, Optional.empty()),
                SnapshotMeta.NONE,
                group(List.of(A, B, C)).entries()));
    rig.step(new Event.Tick());
    rig.tickAfter(1_000);

    rig.receive(
        new RaftMessage.PreVoteReply(rig.from(B, 3), 5, Rig.vote(Recovery.Cause.NONE), false));

    assertEquals(Role.CANDIDATE, rig.core.role());
  }

  @Test
  void entriesAreAcknowledgedOnlyWhenTheyAreWritten() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.receive(append(rig, 3, 1, 1));
    rig.isWriting = false;

    var taken = rig.receive(append(rig, 3, 1, 1, command(2, 3)));
    var again = rig.receive(append(rig, 3, 1, 1, command(2, 3)));

    assertTrue(sent(AppendAccepted.class, taken).isEmpty());
    assertTrue(sent(AppendAccepted.class, again).isEmpty(), "the copy isn't written either");
    assertEquals(2, sent(AppendAccepted.class, rig.write()).getFirst().matchIndex());
  }

  @Test
  void whatAnEarlierLeaderHadIsNotAcknowledgedToTheNext() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.receive(append(rig, 3, 1, 1, command(2, 3), command(3, 3)));
    rig.tickAfter(1_000);
    rig.receive(new RaftMessage.PreVoteReply(rig.from(C), 4, Rig.vote(Recovery.Cause.NONE), false));
    assertEquals(4, rig.core.term(), "it began the next term itself");

    var probed = rig.receive(new Append(rig.from(C, 4), 1, 1, 0, 0, List.of()));

    assertEquals(1, sent(AppendAccepted.class, probed).getFirst().matchIndex());
  }

  @Test
  void entriesOfEarlierTermsAreCommittedOnlyWithOneOfTheOwnTerm() {
    var rig = Rig.ofThree().elect();

    var older = rig.accept(B, 1);
    var own = rig.accept(B, 2);

    assertTrue(only(Effect.Commit.class, older).isEmpty());
    assertEquals(2, only(Effect.Commit.class, own).getFirst().upToIndex());
  }

  @Test
  void theLeadersOwnCopyCountsOnlyWhenItIsWritten() {
    var rig = new Rig(group(List.of(A, B))).lead();
    rig.isWriting = false;
    rig.propose(1);

    var acknowledged = rig.accept(B, 3);

    assertTrue(only(Effect.Commit.class, acknowledged).isEmpty());
    assertEquals(3, only(Effect.Commit.class, rig.write()).getFirst().upToIndex());
  }

  @Test
  void followersAndOldIncarnationsNeverCount() {
    Endpoint newB = endpoint(2, 2);
    var rig = new Rig(group(List.of(A, B, C), newB, D)).lead();
    rig.propose(1);

    var byNew = rig.accept(newB, 3);
    var byFollower = rig.accept(D, 3);
    var byOlder = rig.accept(endpoint(3, 0), 3);
    var byVoter = rig.accept(C, 3);

    assertTrue(only(Effect.Commit.class, byNew).isEmpty());
    assertTrue(only(Effect.Commit.class, byFollower).isEmpty());
    assertTrue(only(Effect.Commit.class, byOlder).isEmpty());
    assertEquals(1, only(Effect.Commit.class, byVoter).size());
  }

  @Test
  void messagesOfAnotherLogOrForAnotherIncarnationAreDropped() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.nowMs += 5_000;

    var otherLog = rig.receive(new TimeoutNow(new Header(new LogId(9, 9), B, A, 7)));
    var otherLife = rig.receive(new TimeoutNow(new Header(LOG, B, endpoint(1, 2), 7)));

    assertTrue(otherLog.isEmpty() && otherLife.isEmpty());
    assertEquals(1, rig.core.term());
  }

  @Test
  void aLeaseRunsFromWhenTheAnsweredHeartbeatWasSent() {
    var rig = Rig.ofThree().lead();
    var beat = sent(Heartbeat.class, rig.tickAfter(150)).getFirst();
    rig.nowMs = beat.sentMs() + 700;
    rig.answer(B, beat);

    var within = rig.step(new Event.Read(1));
    rig.nowMs = beat.sentMs() + 800;
    var after = rig.step(new Event.Read(2));

    assertEquals(beat.sentMs() + 800, rig.core.leaseUntilMs());
    assertEquals(new Effect.ReadReady(1, 2), only(Effect.ReadReady.class, within).getFirst());
    assertTrue(only(Effect.ReadReady.class, after).isEmpty());
    assertEquals(2, sent(Heartbeat.class, after).size(), "it asks at once");
  }

  @Test
  void withoutALeaseAReadWaitsForARoundThatBeganAfterIt() {
    var rig = Rig.ofThree().lead();
    var before = sent(Heartbeat.class, rig.effects).getLast();
    rig.tickAfter(100);

    rig.step(new Event.Read(1));
    rig.nowMs += 900;
    var old = rig.answer(B, before);
    var next = sent(Heartbeat.class, rig.effects).getLast();
    var fresh = rig.answer(B, next);

    assertTrue(only(Effect.ReadReady.class, old).isEmpty());
    assertTrue(next.round() > before.round());
    assertEquals(1, only(Effect.ReadReady.class, fresh).size());
  }

  @Test
  void aReadWaitsForACommitInTheOwnTerm() {
    var rig = Rig.ofThree().elect();
    rig.answer(B, sent(Heartbeat.class, rig.effects).getLast());

    var early = rig.step(new Event.Read(1));
    var committed = rig.accept(B, 2);

    assertTrue(only(Effect.ReadReady.class, early).isEmpty());
    assertEquals(new Effect.ReadReady(1, 2), only(Effect.ReadReady.class, committed).getFirst());
  }

  @Test
  void thereIsNoLeaseOnceASuccessorWasAskedNotEvenWhenNothingCameOfIt() {
    var rig = Rig.ofThree().lead();
    var asked = rig.step(new Event.TransferLeadership(B));
    var rejected = rig.propose(1);

    rig.accept(C, 2);
    var ticks = rig.tickAfter(1_050);
    rig.answer(B, sent(Heartbeat.class, ticks).getLast());
    var read = rig.step(new Event.Read(1));

    assertEquals(1, sent(TimeoutNow.class, asked).size());
    assertEquals(
        Rejection.TRANSFERRING, only(Effect.ProposalRejected.class, rejected).getFirst().reason());
    assertTrue(only(Effect.ReadReady.class, read).isEmpty());
    assertEquals(Long.MIN_VALUE, rig.core.leaseUntilMs());
    assertEquals(1, only(Effect.ProposalAccepted.class, rig.propose(1)).size(), "it gave up");
  }

  @Test
  void whoIsAskedToSucceedStartsAnElectionAtOnce() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.receive(append(rig, 3, 1, 1));

    var asked = rig.receive(new TimeoutNow(rig.from(B, 3)));

    assertTrue(sent(VoteRequest.class, asked).getFirst().transfer());
    assertEquals(4, rig.core.term());
  }

  @Test
  void aLeaderOfThreeThatHearsNobodyStepsDown() {
    var rig = Rig.ofThree().lead();
    rig.step(new Event.Read(1));

    var ticks = rig.tickAfter(1_600);

    assertTrue(
        only(Effect.RoleChanged.class, ticks).stream()
            .anyMatch(change -> change.cause() == Effect.Cause.QUORUM_LOST));
    assertEquals(1, only(Effect.ReadRejected.class, ticks).size());
  }

  @Test
  void aPauseOfOurOwnIsNoSilenceOfTheOthers() {
    var rig = Rig.ofThree().lead();

    rig.nowMs += 60_000;
    rig.step(new Event.Tick());

    assertEquals(Role.LEADER, rig.core.role());
  }

  @Test
  void aLeaderOfAPairTakesItsPartnersVoteAndGoesOnAlone() {
    var rig = new Rig(group(List.of(A, B))).lead();
    rig.propose(1);

    var ticks = rig.tickAfter(1_600);

    assertEquals(Role.LEADER, rig.core.role());
    assertEquals(new Configuration(List.of(A), List.of(B)), rig.core.configuration());
    assertEquals(4, only(Effect.Commit.class, ticks).getLast().upToIndex());
  }

  @Test
  void aLeaderOfAPairWithoutACommitInItsTermStepsDown() {
    var rig = new Rig(group(List.of(A, B))).elect();

    rig.tickAfter(1_600);

    assertTrue(rig.core.role() != Role.LEADER);
    assertEquals(new Configuration(List.of(A, B), List.of()), rig.core.configuration());
  }

  @Test
  void aLoneLeaderWhosePromotedPartnerDiesAtOnceTakesTheVoteBack() {
    var rig = new Rig(group(List.of(A), B));
    rig.step(new Event.Tick());
    rig.accept(B, 2);
    rig.step(new Event.ChangeMembership(1, new MembershipChange.Promote(B)));
    assertTrue(rig.core.configuration().isVoter(B));

    rig.tickAfter(1_600);

    assertEquals(Role.LEADER, rig.core.role());
    assertEquals(List.of(A), rig.core.configuration().voters());
    assertEquals(rig.core.lastIndex(), rig.core.commitIndex());
  }

  @Test
  void whoLosesItsVoteHearsOfItOnlyWhenItIsCommitted() {
    var rig = new Rig(group(List.of(A, B))).lead();
    rig.isWriting = false;

    var changed = rig.step(new Event.ChangeMembership(1, new MembershipChange.Demote(B)));
    var written = rig.write();
    rig.isWriting = true;
    rig.write(); // that the configuration is committed is on disk before anything is sent
    var after = rig.accept(B, 2);

    assertTrue(sent(Append.class, changed).isEmpty());
    assertEquals(1, only(Effect.Commit.class, written).size());
    assertEquals(1, sent(Append.class, after).getFirst().entries().size());
  }

  @Test
  void committedEntriesAreNeverCut() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.receive(append(rig, 3, 1, 1, command(2, 3)));
    rig.receive(new Heartbeat(rig.from(B, 3), 1, 1, 2, 0, 0, 0));

    var refused = rig.receive(new Append(rig.from(C, 4), 1, 1, 0, 0, List.of(command(2, 4))));

    assertEquals(List.of(new Effect.CutRefused(C, 2)), only(Effect.CutRefused.class, refused));
    assertTrue(sent(AppendAccepted.class, refused).isEmpty());
  }

  @Test
  void aStoreErrorStopsEverythingForGood() {
    var rig = Rig.ofThree().lead();
    rig.isWriting = false;
    rig.propose(1);

    var stopped = rig.step(new Event.PersistFailed("disk"));
    var later = rig.tickAfter(10_000);
    var done = rig.write();
    var proposed = rig.propose(1);

    assertEquals(Role.STOPPED, rig.core.role());
    assertTrue(sent(RaftMessage.class, stopped).isEmpty());
    assertTrue(later.isEmpty() && done.isEmpty());
    assertEquals(
        List.of(new Effect.ProposalRejected(7, Rejection.STOPPED, Optional.empty())), proposed);
  }

  private static Rejection refusal(Rig rig, MembershipChange change) {
    var effects = rig.step(new Event.ChangeMembership(3, change));
    return only(Effect.ProposalRejected.class, effects).getFirst().reason();
  }

  @Test
  void theConfigurationChangesOneCommittedStepAtATime() {
    var rig = Rig.ofThree().elect();
    assertEquals(Rejection.NO_COMMIT_IN_TERM, refusal(rig, new MembershipChange.AddFollower(D)));
    rig.accept(B, 2);

    rig.step(new Event.ChangeMembership(1, new MembershipChange.AddFollower(D)));

    assertEquals(Rejection.CHANGE_PENDING, refusal(rig, new MembershipChange.Remove(C)));
    rig.accept(B, 3);
    // Written at its own majority, not forced there: it doesn't count yet.
    assertEquals(Rejection.CHANGE_PENDING, refusal(rig, new MembershipChange.Remove(C)));
    rig.accept(B, 3, 3);
    assertEquals(Rejection.NOT_CAUGHT_UP, refusal(rig, new MembershipChange.Promote(D)));
    assertEquals(Rejection.INVALID, refusal(rig, new MembershipChange.Remove(A)));
    rig.accept(D, 3);
    var promoted = rig.step(new Event.ChangeMembership(4, new MembershipChange.Promote(D)));
    assertEquals(
        List.of(new Effect.ProposalAccepted(4, 4, 2)),
        only(Effect.ProposalAccepted.class, promoted));
  }

  @Test
  void aConfigurationThatCouldNotBeCommittedNowIsRefused() {
    var rig = Rig.ofThree().lead();
    rig.tickAfter(1_200);
    rig.accept(B, 2);

    assertEquals(Rejection.NO_QUORUM, refusal(rig, new MembershipChange.Demote(B)));
    assertEquals(
        1,
        only(
                Effect.ProposalAccepted.class,
                rig.step(new Event.ChangeMembership(1, new MembershipChange.Demote(C))))
            .size());
  }

  @Test
  void aNewIncarnationFollowsBesideTheOldVoterAndVotesOnlyAfterIt() {
    Endpoint newC = endpoint(3, 2);
    var rig = Rig.ofThree().lead();

    rig.step(new Event.ChangeMembership(1, new MembershipChange.AddFollower(newC)));
    rig.accept(B, 3, 3);
    rig.accept(newC, 3);
    assertEquals(Rejection.INVALID, refusal(rig, new MembershipChange.Promote(newC)));
    rig.step(new Event.ChangeMembership(2, new MembershipChange.Remove(C)));
    rig.accept(B, 4, 4);
    rig.step(new Event.ChangeMembership(3, new MembershipChange.Promote(newC)));

    assertEquals(List.of(A, B, newC), rig.core.configuration().voters());
  }

  @Test
  void aRejectionSkipsTheConflictingTermAtOnce() {
    var log = group(List.of(A, B, C)).entries().getFirst();
    var entries = new java.util.ArrayList<>(List.of(log));
    for (long i = 2; i <= 30; i++) {
      entries.add(command(i, i <= 10 ? 1 : 3));
    }
    var rig =
        new Rig(new InitialState(new HardState(3, Optional.empty()), SnapshotMeta.NONE, entries));
    rig.elect();

    var probe = rig.receive(new AppendRejected(rig.from(B), 30, 2, 5));
    var shorter = rig.receive(new AppendRejected(rig.from(C), 30, 0, 8));

    assertEquals(4, sent(Append.class, probe).getFirst().prevIndex());
    assertEquals(7, sent(Append.class, shorter).getFirst().prevIndex());
  }

  @Test
  void whatIsUnderWayToAMemberIsBounded() {
    var rig = Rig.ofThree().lead();

    for (int i = 0; i < 200; i++) {
      rig.propose(10);
    }
    long underWay =
        sent(Append.class, rig.effects).stream()
            .filter(m -> m.header().to().equals(B) && !m.entries().isEmpty())
            .count();

    var freed = rig.accept(B, 66);

    assertEquals(RaftConfig.DEFAULT.inflightMessagesMax(), underWay);
    assertEquals(136, sent(Append.class, freed).stream().mapToInt(m -> m.entries().size()).sum());
  }

  @Test
  void aLeaderThatCannotCommitRefusesMore() {
    var rig = Rig.ofThree().lead();

    long accepted = 0;
    for (int i = 0; i < 200; i++) {
      accepted += only(Effect.ProposalAccepted.class, rig.propose(120_000)).size();
    }
    var refused = only(Effect.ProposalRejected.class, rig.propose(120_000)).getFirst();

    assertEquals(Rejection.BUSY, refused.reason());
    assertEquals((16 << 20) / 120_021, accepted);
  }

  @Test
  void anFsyncIsAnsweredWhenAMajorityHasForced() {
    var rig = Rig.ofThree().lead();

    var proposed = rig.step(new Event.Propose(List.of(new Proposal(1, new byte[1], true))));
    var own = rig.step(new Event.LogForced(3, 2));
    var written = rig.receive(new AppendAccepted(rig.from(B), 3, 2));
    var forced = rig.receive(new AppendAccepted(rig.from(B), 3, 3));

    assertEquals(3, sent(Append.class, proposed).getFirst().forceUpTo());
    assertEquals(List.of(new Effect.ForceLog(3)), only(Effect.ForceLog.class, proposed));
    assertTrue(only(Effect.ForcedAtMajority.class, own).isEmpty());
    assertEquals(1, only(Effect.Commit.class, written).size());
    assertEquals(
        new Effect.ForcedAtMajority(3), only(Effect.ForcedAtMajority.class, forced).getLast());
  }

  @Test
  void anFsyncRestsOnAForcedEntryOfTheLeadersOwnTerm() {
    var rig =
        new Rig(
            new InitialState(
                new HardState(1, Optional.empty(), 1),
                SnapshotMeta.NONE,
                List.of(
                    LogEntry.configuration(1, 1, new Configuration(List.of(A, B, C), List.of())),
                    command(2, 1))));
    rig.isForcing = false;
    rig.elect();

    var written = rig.accept(B, 3, 2);
    var asked = rig.step(new Event.Force(2));
    assertEquals(1, only(Effect.Commit.class, written).size());
    assertTrue(only(Effect.ForcedAtMajority.class, written).isEmpty());
    assertTrue(only(Effect.ForcedAtMajority.class, asked).isEmpty());
    assertEquals(List.of(new Effect.ForceLog(3)), only(Effect.ForceLog.class, asked));
    assertEquals(3, sent(Heartbeat.class, asked).getFirst().forceUpTo());

    rig.step(new Event.LogForced(3, 2));
    var forced = rig.accept(B, 3, 3);
    assertEquals(
        List.of(new Effect.ForcedAtMajority(3)), only(Effect.ForcedAtMajority.class, forced));
  }

  @Test
  void aConfigurationOfAnOlderTermRestsOnAForcedEntryOfTheLeadersOwnTerm() {
    var rig =
        new Rig(
            new InitialState(
                new HardState(1, Optional.empty()),
                SnapshotMeta.NONE,
                List.of(
                    LogEntry.configuration(1, 1, new Configuration(List.of(A, B, C, D), List.of())),
                    LogEntry.configuration(
                        2, 1, new Configuration(List.of(A, B, C), List.of(D))))));
    rig.isForcing = false;
    rig.elect();

    var followed = rig.accept(B, 3, 3);
    assertTrue(only(Effect.Commit.class, followed).isEmpty(), "our own 3 isn't forced");
    assertEquals(List.of(new Effect.ForceLog(3)), only(Effect.ForceLog.class, rig.effects));
    assertEquals(3, sent(Heartbeat.class, rig.effects).getFirst().forceUpTo());

    var forced = rig.step(new Event.LogForced(3, 2));
    assertEquals(3, only(Effect.Commit.class, forced).getFirst().upToIndex());
  }

  @Test
  void aMemberForcesWhenAskedAndAnswersAgain() {
    var rig = Rig.ofThree();
    rig.isForcing = false;
    rig.step(new Event.Tick());

    var taken = rig.receive(new Append(rig.from(B, 3), 1, 1, 0, 2, List.of(command(2, 3))));
    var forced = rig.step(new Event.LogForced(2, 3));

    assertEquals(List.of(new Effect.ForceLog(2)), only(Effect.ForceLog.class, taken));
    assertEquals(1, sent(AppendAccepted.class, taken).getFirst().forcedIndex());
    assertEquals(2, sent(AppendAccepted.class, forced).getFirst().forcedIndex());
  }

  @Test
  void aForceOfEntriesThatWereCutMeanwhileCountsForNothing() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.receive(append(rig, 3, 1, 1, command(2, 3), command(3, 3)));
    rig.receive(new Append(rig.from(C, 4), 1, 1, 0, 0, List.of(command(2, 4), command(3, 4))));

    rig.step(new Event.LogForced(3, 3));
    assertEquals(1, rig.core.forcedIndex());
    rig.step(new Event.LogForced(3, 4));
    assertEquals(3, rig.core.forcedIndex());
  }

  @Test
  void aLateForceDoesNotVouchForEntriesThatWereCutAndWrittenAgain() {
    var rig = Rig.ofThree();
    rig.isForcing = false;
    rig.step(new Event.Tick());
    rig.receive(append(rig, 3, 1, 1, command(2, 1), command(3, 1)));
    rig.isWriting = false;
    rig.receive(new Append(rig.from(C, 4), 1, 1, 0, 0, List.of(command(2, 4))));
    rig.receive(append(rig, 5, 1, 1, command(2, 1), command(3, 1)));

    rig.step(new Event.LogForced(3, 1)); // The disk has yet to cut.
    assertEquals(1, rig.core.forcedIndex());
    rig.write();
    rig.step(new Event.LogForced(3, 1));
    assertEquals(3, rig.core.forcedIndex());
  }

  @Test
  void anOldLeaderLearnsOfTheNewTerm() {
    var rig =
        new Rig(
            new InitialState(
                new HardState(9, Optional.empty()),
                SnapshotMeta.NONE,
                group(List.of(A, B, C)).entries()));

    var answered = rig.receive(new Heartbeat(rig.from(B, 8), 1, 1, 0, 0, 0, 0));

    assertEquals(9, sent(AppendRejected.class, answered).getFirst().header().term());
  }

  @Test
  void lostEntriesAreSentAgainAfterTheNextHeartbeat() {
    var rig = Rig.ofThree().lead();
    rig.propose(1);
    var beat =
        sent(Heartbeat.class, rig.tickAfter(150)).stream()
            .filter(m -> m.header().to().equals(B))
            .findFirst()
            .orElseThrow();

    var probe = rig.receive(new HeartbeatReply(rig.from(B), beat.round(), beat.sentMs(), 2, 0, 0));
    var again = rig.accept(B, 2);

    assertEquals(2, sent(Append.class, probe).getFirst().prevIndex());
    assertEquals(3, sent(Append.class, again).getFirst().entries().getFirst().index());
  }
}
