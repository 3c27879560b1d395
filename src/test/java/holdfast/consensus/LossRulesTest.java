package holdfast.consensus;

import static holdfast.consensus.CoreHarness.B;
import static holdfast.consensus.CoreHarness.only;
import static holdfast.consensus.CoreHarness.sent;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.AppendRejected;
import holdfast.consensus.RaftMessage.Heartbeat;
import holdfast.consensus.RaftMessage.HeartbeatReply;
import holdfast.consensus.RaftMessage.TermReply;
import holdfast.consensus.RaftMessage.TermRequest;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * A member that comes back with less than it had: it is heard, refilled, and not trusted before.
 */
final class LossRulesTest {
  private static final long NONCE = 9;

  private static List<Append> appendsTo(Endpoint member, List<Effect> effects) {
    return sent(Append.class, effects).stream()
        .filter(append -> append.header().to().equals(member))
        .toList();
  }

  @Test
  void aFollowerWhoseLogGotShorterIsHeardAndSentWhatItLacks() {
    var harness = CoreHarness.ofThree().lead();
    harness.propose(10);
    harness.propose(10);
    long last = harness.core.lastIndex();
    harness.accept(B, last);
    assertEquals(last, harness.core.commitIndex());

    // Its rejection alone looks like a late one: what it says of its loss is what counts.
    var rejected = new AppendRejected(harness.from(B), last, 0, 2);
    assertTrue(appendsTo(B, harness.receive(rejected)).isEmpty());
    var beat = sent(Heartbeat.class, harness.tickAfter(RaftConfig.DEFAULT.heartbeatMs())).getLast();
    var effects =
        harness.receive(
            new HeartbeatReply(harness.from(B), beat.round(), beat.sentMs(), 1, 1, NONCE));

    var probe = appendsTo(B, effects).getFirst();
    assertEquals(1, probe.prevIndex());
    effects = harness.accept(B, 1);
    assertEquals(last, appendsTo(B, effects).getLast().entries().getLast().index());
    var told =
        sent(Heartbeat.class, harness.tickAfter(RaftConfig.DEFAULT.heartbeatMs())).stream()
            .filter(next -> next.header().to().equals(B))
            .findFirst()
            .orElseThrow();
    assertEquals(NONCE, told.recovering());
    assertEquals(last, told.recoverUpTo());
  }

  @Test
  void aFollowerThatHasNothingAnyMoreIsProbedFromTheBeginning() {
    var harness = CoreHarness.ofThree().lead();
    harness.propose(10);
    harness.accept(B, harness.core.lastIndex());
    var beat = sent(Heartbeat.class, harness.tickAfter(RaftConfig.DEFAULT.heartbeatMs())).getLast();

    var effects =
        harness.receive(
            new HeartbeatReply(harness.from(B), beat.round(), beat.sentMs(), 0, 0, NONCE));

    assertEquals(0, appendsTo(B, effects).getFirst().prevIndex());
  }

  @Test
  void whatWaitsForItsWriteIsNotSentAfterALoss() {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    harness.nowMs += 2L * RaftConfig.DEFAULT.electionTimeoutMinMs();
    harness.isWriting = false;
    harness.receive(new RaftMessage.VoteRequest(harness.from(B, 3), 9, 1, false, false));
    harness.receive(
        new Append(
            harness.from(B, 3),
            1,
            1,
            0,
            0,
            List.of(CoreHarness.command(2, 3), CoreHarness.command(3, 3))));

    harness.step(new Event.Lost(new Recovery(NONCE, Recovery.Cause.DAMAGE, true)));
    var written = harness.write();

    assertEquals(List.of(), sent(RaftMessage.AppendAccepted.class, written));
    assertEquals(List.of(), sent(RaftMessage.VoteReply.class, written), "it says it lost nothing");
  }

  @Test
  void whoLostLogAndVoteStandsForNothingAndAsksWhoeverSends() {
    var lost = new Recovery(NONCE, Recovery.Cause.DAMAGE, true);
    var initial =
        new InitialState(new HardState(1, Optional.empty()), SnapshotMeta.NONE, List.of(), lost);
    var harness = new CoreHarness(initial);

    harness.tickAfter(20L * RaftConfig.DEFAULT.electionTimeoutMinMs());

    assertTrue(only(Effect.PersistHardState.class, harness.effects).isEmpty(), "nobody was asked");
    assertTrue(only(Effect.Send.class, harness.effects).isEmpty());
    harness.receive(new RaftMessage.VoteRequest(harness.from(B, 4), 5, 4, true, false));
    harness.tickAfter(2L * RaftConfig.DEFAULT.heartbeatMs());
    assertFalse(sent(TermRequest.class, harness.effects).isEmpty());
    assertTrue(sent(RaftMessage.VoteReply.class, harness.effects).isEmpty(), "it may have voted");
    harness.receive(new TermReply(harness.from(B, 4), NONCE, List.of(B)));
    assertEquals(5, harness.core.term());
    assertTrue(harness.core.recovery().isNeeded());
  }
}
