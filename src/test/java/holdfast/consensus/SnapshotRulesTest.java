package holdfast.consensus;

import static holdfast.consensus.CoreHarness.A;
import static holdfast.consensus.CoreHarness.B;
import static holdfast.consensus.CoreHarness.C;
import static holdfast.consensus.CoreHarness.command;
import static holdfast.consensus.CoreHarness.group;
import static holdfast.consensus.CoreHarness.only;
import static holdfast.consensus.CoreHarness.sent;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.AppendAccepted;
import holdfast.consensus.RaftMessage.InstallSnapshot;
import holdfast.consensus.RaftMessage.InstallSnapshotReply;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Snapshots: taken, sent, received; and what becomes of the log. */
class SnapshotRulesTest {
  private static final Configuration ABC = new Configuration(List.of(A, B, C), List.of());

  private static InstallSnapshot piece(
      CoreHarness harness, SnapshotMeta meta, long offset, int bytes) {
    return new InstallSnapshot(harness.from(B, 3), meta, 20, offset, new byte[bytes]);
  }

  private static CoreHarness following(long lastIndex) {
    var harness = CoreHarness.ofThree();
    harness.step(new Event.Tick());
    List<LogEntry> entries = new ArrayList<>();
    for (long i = 2; i <= lastIndex; i++) {
      entries.add(command(i, 2));
    }
    harness.receive(new Append(harness.from(B, 3), 1, 1, 0, 0, entries));
    return harness;
  }

  @Test
  void theLogIsCutOnlyWhenTheSnapshotIsDurable() {
    var config = RaftConfig.DEFAULT;
    var small =
        new RaftConfig(
            150, 1_000, 2_000, 800, 1_500, 300, 4, 1_000, 16, 20_000, 4_000, 1 << 20, 5, 4_000, 0,
            50, 20, 60_000, 8_000, 30_000);
    assertTrue(config.retainBytes() > 0);
    var harness = new CoreHarness(small, group(List.of(A, B, C))).lead();
    for (int i = 0; i < 10; i++) {
      harness.propose(1);
    }

    var committed = harness.accept(B, 12);
    assertEquals(1, only(Effect.SnapshotWanted.class, committed).size());
    assertTrue(only(Effect.CompactLog.class, harness.effects).isEmpty());
    var taken = harness.step(new Event.SnapshotTaken(harness.core.snapshotMeta(9)));

    assertEquals(List.of(new Effect.CompactLog(9)), only(Effect.CompactLog.class, taken));
    assertEquals(12, harness.core.lastIndex());
  }

  @Test
  void noSnapshotCanClaimMoreThanWhatIsCommitted() {
    var harness = CoreHarness.ofThree().lead();
    harness.propose(1);

    assertThrows(Invariants.Violation.class, () -> harness.core.snapshotMeta(3));
  }

  @Test
  void aSnapshotArrivesPieceByPieceAndGoesOnWhereItStopped() {
    var harness = following(1);
    var meta = new SnapshotMeta(50, 3, ABC);

    var first = harness.receive(piece(harness, meta, 0, 8));
    var meanwhile = harness.receive(piece(harness, meta, 8, 8));
    var stored = harness.step(new Event.SnapshotChunkStored(50, 8));
    var astray = harness.receive(piece(harness, meta, 16, 4));
    var second = harness.receive(piece(harness, meta, 8, 12));

    assertEquals(1, only(Effect.StoreSnapshotChunk.class, first).size());
    assertTrue(meanwhile.isEmpty(), "one piece at a time");
    assertEquals(8, sent(InstallSnapshotReply.class, stored).getFirst().nextOffset());
    assertEquals(8, sent(InstallSnapshotReply.class, astray).getFirst().nextOffset());
    assertEquals(8, only(Effect.StoreSnapshotChunk.class, second).getFirst().offset());
  }

  private static List<Effect> install(CoreHarness harness, SnapshotMeta meta) {
    harness.receive(piece(harness, meta, 0, 20));
    return harness.step(new Event.SnapshotReceived(meta));
  }

  @Test
  void aReceivedSnapshotReplacesALogThatContradictsIt() {
    var harness = following(60);

    var installed = install(harness, new SnapshotMeta(50, 3, ABC));

    assertEquals(1, only(Effect.InstallSnapshot.class, installed).size());
    assertEquals(1, only(Effect.ResetLog.class, installed).size());
    assertEquals(50, harness.core.lastIndex());
    assertEquals(50, harness.core.commitIndex());
    assertTrue(sent(InstallSnapshotReply.class, installed).getFirst().installed());
  }

  @Test
  void aReceivedSnapshotLeavesTheEntriesAfterItWhereTheLogAgrees() {
    var harness = following(60);

    var installed = install(harness, new SnapshotMeta(50, 2, ABC));

    assertTrue(only(Effect.ResetLog.class, installed).isEmpty());
    assertEquals(60, harness.core.lastIndex());
    assertEquals(50, harness.core.commitIndex());
  }

  @Test
  void aSnapshotThatCameTooLateIsDiscarded() {
    var harness = following(60);
    var meta = new SnapshotMeta(50, 2, ABC);
    harness.receive(piece(harness, meta, 0, 20));
    harness.receive(new Append(harness.from(B, 3), 60, 2, 55, 0, List.of()));

    var received = harness.step(new Event.SnapshotReceived(meta));

    assertEquals(1, only(Effect.DiscardSnapshot.class, received).size());
    assertTrue(only(Effect.InstallSnapshot.class, received).isEmpty());
    assertEquals(55, harness.core.commitIndex());
  }

  @Test
  void aMemberThatIsTooFarBehindGetsASnapshotThenTheRest() {
    List<LogEntry> entries = List.of(command(101, 2), command(102, 2));
    var harness =
        new CoreHarness(
            new InitialState(
                new HardState(2, Optional.empty()), new SnapshotMeta(100, 2, ABC), entries));
    harness.lead();

    var behind = harness.receive(new RaftMessage.AppendRejected(harness.from(C), 102, 0, 5));
    var read = only(Effect.ReadSnapshot.class, behind).getFirst();
    var chunk = harness.step(new Event.SnapshotBytes(C, 100, 0, 30, new byte[20]));
    var next = harness.receive(new InstallSnapshotReply(harness.from(C), 100, 20, false));
    harness.step(new Event.SnapshotBytes(C, 100, 20, 30, new byte[10]));
    var rest = harness.receive(new InstallSnapshotReply(harness.from(C), 100, 30, true));

    assertEquals(100, read.snapshotIndex());
    assertEquals(30, sent(InstallSnapshot.class, chunk).getFirst().totalBytes());
    assertEquals(20, only(Effect.ReadSnapshot.class, next).getFirst().offset());
    assertEquals(101, sent(Append.class, rest).getFirst().entries().getFirst().index());
  }

  @Test
  void atStartEntriesThatDoNotJoinTheSnapshotAreDropped() {
    var meta = new SnapshotMeta(50, 3, ABC);
    var hard = new HardState(3, Optional.empty());
    var tooShort = new CoreHarness(new InitialState(hard, meta, List.of(command(49, 2))));
    var another =
        new CoreHarness(new InitialState(hard, meta, List.of(command(50, 2), command(51, 2))));
    var joined =
        new CoreHarness(new InitialState(hard, meta, List.of(command(50, 3), command(51, 3))));

    assertEquals(1, only(Effect.ResetLog.class, tooShort.step(new Event.Tick())).size());
    assertEquals(50, another.core.lastIndex());
    assertEquals(51, joined.core.lastIndex());
  }

  @Test
  void anAppendThatEndsBeforeTheSnapshotIsAnsweredWithWhatIsCommitted() {
    var harness = following(60);
    install(harness, new SnapshotMeta(50, 3, ABC));

    var answered =
        harness.receive(new Append(harness.from(B, 3), 40, 2, 0, 0, List.of(command(41, 2))));

    assertEquals(50, sent(AppendAccepted.class, answered).getFirst().matchIndex());
  }
}
