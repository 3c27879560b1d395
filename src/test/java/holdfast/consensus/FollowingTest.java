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

  private final Rig rig = Rig.ofThree();

  private static SnapshotMeta snapshot() {
    return new SnapshotMeta(50, 2, new Configuration(List.of(Rig.A, Rig.B, Rig.C), List.of()));
  }

  private List<Effect> receivePiece(Endpoint leader, long term, long offset) {
    return rig.receive(
        new InstallSnapshot(rig.from(leader, term), snapshot(), 2L * PIECE.length, offset, PIECE));
  }

  private List<AppendAccepted> append(Endpoint leader, long term, long index, long commitIndex) {
    var entries = List.of(Rig.command(index, term));
    long prevTerm = index == 2 ? 1 : term;
    return Rig.sent(
        AppendAccepted.class,
        rig.receive(
            new Append(rig.from(leader, term), index - 1, prevTerm, commitIndex, 0, entries)));
  }

  @Test
  void whatAnEarlierLeaderSentIsNotAcknowledgedToTheNext() {
    assertEquals(3, lastMatch(append(Rig.B, 2, 2, 1), append(Rig.B, 2, 3, 1)));

    var accepted =
        Rig.sent(
            AppendAccepted.class,
            rig.receive(new Append(rig.from(Rig.C, 3), 1, 1, 1, 0, List.of())));

    assertEquals(1, accepted.getLast().matchIndex());
  }

  private static long lastMatch(List<AppendAccepted> first, List<AppendAccepted> second) {
    assertEquals(2, first.getLast().matchIndex());
    return second.getLast().matchIndex();
  }

  @Test
  void aSnapshotGoesOnWhereItWasWhenItsLeaderIsElectedAgain() {
    receivePiece(Rig.B, 2, 0);
    rig.step(new Event.SnapshotChunkStored(50, PIECE.length));

    var effects = receivePiece(Rig.B, 4, PIECE.length);

    assertEquals(1, Rig.only(Effect.StoreSnapshotChunk.class, effects).size());
    var replies =
        Rig.sent(InstallSnapshotReply.class, rig.step(new Event.SnapshotReceived(snapshot())));
    assertTrue(replies.getLast().installed());
    assertEquals(50, rig.core.commitIndex());
  }

  @Test
  void aSnapshotOfAnotherLeaderWaitsForThePieceThatIsBeingStored() {
    receivePiece(Rig.B, 2, 0);

    var effects = receivePiece(Rig.C, 3, 0);
    rig.step(new Event.SnapshotChunkStored(50, PIECE.length));
    var again = receivePiece(Rig.C, 3, 0);

    assertEquals(List.of(), Rig.only(Effect.StoreSnapshotChunk.class, effects));
    assertEquals(1, Rig.only(Effect.StoreSnapshotChunk.class, again).size());
  }
}
