package holdfast.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.AppendAccepted;
import holdfast.consensus.RaftMessage.InstallSnapshot;
import holdfast.consensus.RaftMessage.InstallSnapshotReply;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a follower keeps when the term changes, and what begins anew. */
class FollowingTest {
  private static final byte[] PIECE = {1, 2};

  private final CoreHarness harness = CoreHarness.ofThree();

  private static SnapshotMeta snapshot() {
    return new SnapshotMeta(
        50, 2, new Configuration(List.of(CoreHarness.A, CoreHarness.B, CoreHarness.C), List.of()));
  }

  private List<Effect> receivePiece(Endpoint leader, long term, long offset) {
    return harness.receive(
        new InstallSnapshot(
            harness.from(leader, term), snapshot(), 2L * PIECE.length, offset, PIECE));
  }

  private List<AppendAccepted> append(Endpoint leader, long term, long index, long commitIndex) {
    var entries = List.of(CoreHarness.command(index, term));
    long prevTerm = index == 2 ? 1 : term;
    return CoreHarness.sent(
        AppendAccepted.class,
        harness.receive(
            new Append(harness.from(leader, term), index - 1, prevTerm, commitIndex, 0, entries)));
  }

  @Test
  void whatAnEarlierLeaderSentIsNotAcknowledgedToTheNext() {
    append(CoreHarness.B, 2, 2, 1);
    assertEquals(3, append(CoreHarness.B, 2, 3, 1).getLast().matchIndex());

    var accepted =
        CoreHarness.sent(
            AppendAccepted.class,
            harness.receive(new Append(harness.from(CoreHarness.C, 3), 1, 1, 1, 0, List.of())));

    assertEquals(1, accepted.getLast().matchIndex());
  }

  @Test
  void aSnapshotGoesOnWhereItWasWhenItsLeaderIsElectedAgain() {
    receivePiece(CoreHarness.B, 2, 0);
    harness.step(new Event.SnapshotChunkStored(50, PIECE.length));

    var effects = receivePiece(CoreHarness.B, 4, PIECE.length);

    assertEquals(1, CoreHarness.only(Effect.StoreSnapshotChunk.class, effects).size());
    var replies =
        CoreHarness.sent(
            InstallSnapshotReply.class, harness.step(new Event.SnapshotReceived(snapshot())));
    assertTrue(replies.getLast().installed());
    assertEquals(50, harness.core.commitIndex());
  }

  @Test
  void aSnapshotOfAnotherLeaderWaitsForThePieceThatIsBeingStored() {
    receivePiece(CoreHarness.B, 2, 0);

    var effects = receivePiece(CoreHarness.C, 3, 0);
    harness.step(new Event.SnapshotChunkStored(50, PIECE.length));
    var again = receivePiece(CoreHarness.C, 3, 0);

    assertEquals(List.of(), CoreHarness.only(Effect.StoreSnapshotChunk.class, effects));
    assertEquals(1, CoreHarness.only(Effect.StoreSnapshotChunk.class, again).size());
  }
}
