package holdfast.consensus;

import static holdfast.consensus.Rig.B;
import static holdfast.consensus.Rig.only;
import static holdfast.consensus.Rig.sent;
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
    var rig = Rig.ofThree().lead();
    rig.propose(10);
    rig.propose(10);
    long last = rig.core.lastIndex();
    rig.accept(B, last);
    assertEquals(last, rig.core.commitIndex());

    // Its rejection alone looks like a late one: what it says of its loss is what counts.
    var rejected = new AppendRejected(rig.from(B), last, 0, 2);
    assertTrue(appendsTo(B, rig.receive(rejected)).isEmpty());
    var beat = sent(Heartbeat.class, rig.tickAfter(RaftConfig.DEFAULT.heartbeatMs())).getLast();
    var effects =
        rig.receive(new HeartbeatReply(rig.from(B), beat.round(), beat.sentMs(), 1, 1, NONCE));

    var probe = appendsTo(B, effects).getFirst();
    assertEquals(1, probe.prevIndex());
    effects = rig.accept(B, 1);
    assertEquals(last, appendsTo(B, effects).getLast().entries().getLast().index());
    var told =
        sent(Heartbeat.class, rig.tickAfter(RaftConfig.DEFAULT.heartbeatMs())).stream()
            .filter(next -> next.header().to().equals(B))
            .findFirst()
            .orElseThrow();
    assertEquals(NONCE, told.recovering());
    assertEquals(last, told.recoverUpTo());
  }

  @Test
  void aFollowerThatHasNothingAnyMoreIsProbedFromTheBeginning() {
    var rig = Rig.ofThree().lead();
    rig.propose(10);
    rig.accept(B, rig.core.lastIndex());
    var beat = sent(Heartbeat.class, rig.tickAfter(RaftConfig.DEFAULT.heartbeatMs())).getLast();

    var effects =
        rig.receive(new HeartbeatReply(rig.from(B), beat.round(), beat.sentMs(), 0, 0, NONCE));

    assertEquals(0, appendsTo(B, effects).getFirst().prevIndex());
  }

  @Test
  void whatWaitsForItsWriteIsNotSentAfterALoss() {
    var rig = Rig.ofThree();
    rig.step(new Event.Tick());
    rig.nowMs += 2L * RaftConfig.DEFAULT.electionTimeoutMinMs();
    rig.isWriting = false;
    rig.receive(new RaftMessage.VoteRequest(rig.from(B, 3), 9, 1, false, false));
    rig.receive(
        new Append(rig.from(B, 3), 1, 1, 0, 0, List.of(Rig.command(2, 3), Rig.command(3, 3))));

    rig.step(new Event.Lost(new Recovery(NONCE, Recovery.Cause.DAMAGE, true)));
    var written = rig.write();

    assertEquals(List.of(), sent(RaftMessage.AppendAccepted.class, written));
    assertEquals(List.of(), sent(RaftMessage.VoteReply.class, written), "it says it lost nothing");
  }

  @Test
  void whoLostLogAndVoteStandsForNothingAndAsksWhoeverSends() {
    var lost = new Recovery(NONCE, Recovery.Cause.DAMAGE, true);
    var initial =
        new InitialState(new HardState(1, Optional.empty()), SnapshotMeta.NONE, List.of(), lost);
    var rig = new Rig(initial);

    rig.tickAfter(20L * RaftConfig.DEFAULT.electionTimeoutMinMs());

    assertTrue(only(Effect.PersistHardState.class, rig.effects).isEmpty(), "nobody was asked");
    assertTrue(only(Effect.Send.class, rig.effects).isEmpty());
    rig.receive(new RaftMessage.VoteRequest(rig.from(B, 4), 5, 4, true, false));
    rig.tickAfter(2L * RaftConfig.DEFAULT.heartbeatMs());
    assertFalse(sent(TermRequest.class, rig.effects).isEmpty());
    assertTrue(sent(RaftMessage.VoteReply.class, rig.effects).isEmpty(), "it may have voted");
    rig.receive(new TermReply(rig.from(B, 4), NONCE, List.of(B)));
    assertEquals(5, rig.core.term());
    assertTrue(rig.core.recovery().isNeeded());
  }
}
