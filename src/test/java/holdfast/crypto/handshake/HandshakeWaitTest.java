package holdfast.crypto.handshake;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import holdfast.crypto.identity.Fixtures;
import holdfast.crypto.identity.Fixtures.FixedRandom;
import holdfast.crypto.identity.Fixtures.Policy;
import holdfast.crypto.identity.PoolFile;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.Invariants;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** WAIT: a handshake that waits for its turn between M3 and M4. */
class HandshakeWaitTest {
  private final PoolFile pool = Fixtures.pool();
  private final LocalNode client = Fixtures.client(pool);
  private final LocalNode peer = Fixtures.peer(pool);
  private final Policy welcome = new Policy(pool.members(), HandshakeStatus.OK);

  /** Both ends after M3. */
  private record Waiting(HandshakeInitiator initiator, HandshakeResponder responder) {}

  private Waiting waiting() {
    var initiator = Fixtures.initiator(client, pool);
    var responder = Fixtures.responder(peer, welcome);
    responder.checkM1(initiator.m1());
    responder.checkM3(initiator.m3(responder.answerM1()));
    return new Waiting(initiator, responder);
  }

  private static FrameSealer sealer(EstablishedSession session) {
    return session.connection().outbound(new FixedRandom("frames"), Fixtures.WALL, Fixtures.STILL);
  }

  @Test
  void waitsThatTellLowerPlacesAreTakenAndChangeNothingElse() {
    var ends = waiting();
    for (int place : new int[] {HandshakeFormat.PLACE_MAX, 128, 127, 0}) {
      byte[] wait = ends.responder.waiting(place);
      assertEquals(HandshakeFormat.WAIT_BYTES, wait.length);
      assertEquals(HandshakeFormat.WAIT_BYTES, HandshakeFormat.afterM3Bytes(wait[0] & 0xFF));
      assertEquals(place, ends.initiator.waiting(wait));
    }
    byte[] m4 = ends.responder.m4();

    assertEquals(HandshakeFormat.M4_BYTES, HandshakeFormat.afterM3Bytes(m4[0] & 0xFF));
    var session = ends.initiator.finish(m4);
    assertEquals(ends.responder.session().id(), session.id());
    byte[] frame = sealer(session).seal(7, 1, new byte[3]);
    var unwaited = waiting();
    var straight = unwaited.initiator.finish(unwaited.responder.m4());
    assertArrayEquals(frame, sealer(straight).seal(7, 1, new byte[3]));
  }

  @Test
  void aWaitWithTheSameOrAHigherPlaceIsMalformed() {
    for (int place : new int[] {9, 10, HandshakeFormat.PLACE_MAX}) {
      var ends = waiting();
      ends.initiator.waiting(ends.responder.waiting(9));
      byte[] again = ends.responder.waiting(place);

      var failure = assertThrows(HoldfastException.class, () -> ends.initiator.waiting(again));

      assertEquals(ErrorCode.MALFORMED, failure.code());
      assertEquals(
          "wait for peer: expected=a place below 9 in WAIT 1 to 128, was="
              + place
              + " in WAIT 2, peer=127.0.0.1:8000",
          failure.getMessage());
    }
  }

  @Test
  void moreWaitsThanAQueueHasPlacesAreMalformed() {
    var ends = waiting();
    for (int i = 0; i < HandshakeFormat.WAITS_MAX; i++) {
      ends.initiator.waiting(ends.responder.waiting(1_000 - i));
    }
    byte[] oneMore = ends.responder.waiting(1);

    var failure = assertThrows(HoldfastException.class, () -> ends.initiator.waiting(oneMore));

    assertEquals(ErrorCode.MALFORMED, failure.code());
  }

  @Test
  void aWaitOfAnotherHandshakeAndAChangedOneAreRefused() {
    var ends = waiting();
    var other = Fixtures.responder(peer, welcome);
    var otherInitiator =
        new HandshakeInitiator(
            client, pool.members(), Optional.empty(), "x", new FixedRandom("i"), Fixtures.WALL);
    other.checkM1(otherInitiator.m1());
    other.checkM3(otherInitiator.m3(other.answerM1()));
    byte[] foreign = other.waiting(3);
    byte[] wait = ends.responder.waiting(3);

    var failure = assertThrows(HoldfastException.class, () -> ends.initiator.waiting(foreign));
    assertEquals(ErrorCode.REFUSED, failure.code());
    for (int bit = 0; bit < wait.length * 8; bit++) {
      byte[] changed = Fixtures.flipped(wait, bit);
      assertThrows(HoldfastException.class, () -> ends.initiator.waiting(changed), "bit " + bit);
    }
    assertEquals(3, ends.initiator.waiting(wait));
  }

  @Test
  void aWaitBeforeM3IsABug() {
    assertThrows(Invariants.Violation.class, () -> Fixtures.responder(peer, welcome).waiting(1));
    assertThrows(
        Invariants.Violation.class,
        () -> Fixtures.initiator(client, pool).waiting(new byte[HandshakeFormat.WAIT_BYTES]));
  }
}
