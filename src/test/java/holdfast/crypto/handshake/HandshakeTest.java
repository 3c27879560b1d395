package holdfast.crypto.handshake;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.PoolSecret;
import holdfast.crypto.Role;
import holdfast.crypto.handshake.HandshakeFormat.Versions;
import holdfast.crypto.handshake.HandshakeResponder.Gate;
import holdfast.crypto.identity.Certificate;
import holdfast.crypto.identity.Fixtures;
import holdfast.crypto.identity.Fixtures.FixedRandom;
import holdfast.crypto.identity.Fixtures.Policy;
import holdfast.crypto.identity.MemberList;
import holdfast.crypto.identity.PoolFile;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class HandshakeTest {
  private final PoolFile pool = Fixtures.pool();
  private final LocalNode client = Fixtures.client(pool);
  private final LocalNode peer = Fixtures.peer(pool);
  private final Policy welcome = new Policy(pool.members(), HandshakeStatus.OK);

  private record Ends(EstablishedSession initiator, EstablishedSession responder) {}

  private static Ends run(HandshakeInitiator initiator, HandshakeResponder responder) {
    assertEquals(Gate.OPEN, responder.checkM1(initiator.m1()));
    responder.checkM3(initiator.m3(responder.answerM1()));
    var atInitiator = initiator.finish(responder.m4());
    return new Ends(atInitiator, responder.session());
  }

  private Ends run() {
    return run(Fixtures.initiator(client, pool), Fixtures.responder(peer, welcome));
  }

  private static FrameSealer sealer(EstablishedSession session) {
    return session.connection().outbound(new FixedRandom("frames"), Fixtures.WALL, Fixtures.STILL);
  }

  private static byte[] token(byte[] frame) {
    return Arrays.copyOfRange(frame, FrameFormat.LENGTH_BYTES, frame.length);
  }

  @Test
  void bothEndsAgreeOnWhoTheyAreAndOnKeysThatOpenEachOthersFrames() {
    var ends = run();

    assertEquals(Fixtures.PEER.id(), ends.initiator().remote().node());
    assertEquals(Role.PEER, ends.initiator().remote().role());
    assertEquals(Fixtures.PEER_INSTANCE, ends.initiator().remote().instance());
    assertEquals(Fixtures.HOME.id(), ends.responder().remote().node());
    assertEquals(Role.CLIENT, ends.responder().remote().role());
    assertEquals(client.dataKeyId(), ends.responder().remote().dataKeyId());
    assertEquals(ends.initiator().id(), ends.responder().id());
    assertEquals(Fixtures.LIMITS, ends.initiator().limits());
    ends.initiator().requireOk();
    byte[] there = sealer(ends.initiator()).seal(7, 99, new byte[] {1, 2, 3});
    var frame = ends.responder().connection().inbound().open(token(there));
    assertEquals(7, frame.type());
    assertEquals(99, frame.request());
    assertArrayEquals(new byte[] {1, 2, 3}, frame.payload());
    byte[] back = sealer(ends.responder()).seal(8, 1, new byte[0]);
    assertEquals(8, ends.initiator().connection().inbound().open(token(back)).type());
  }

  @Test
  void aDirectionsKeysAreHandedOutOnceSoThatSequencesNeverStartAgain() {
    var ends = run();
    sealer(ends.initiator());

    assertThrows(Invariants.Violation.class, () -> sealer(ends.initiator()));
  }

  @Test
  void anAttachedConnectionHasFreshKeysThatBothEndsShare() {
    var ends = run();

    var attach = ends.initiator().attach(Attachment.CONNECTION, new FixedRandom("attach i"));
    assertEquals(ends.responder().id(), AttachAnswer.sessionOf(attach.message()));
    assertEquals(HandshakeFormat.Kind.ATTACH, HandshakeFormat.kindOf(attach.message()));
    var answer = ends.responder().answerAttach(attach.message(), new FixedRandom("attach r"));
    var keys = attach.finish(answer.message());
    var random = new FixedRandom("x");
    byte[] frame = keys.outbound(random, Fixtures.WALL, Fixtures.STILL).seal(1, 2, new byte[9]);
    assertEquals(9, answer.keys().inbound().open(token(frame)).payload().length);
    byte[] back =
        answer.keys().outbound(random, Fixtures.WALL, Fixtures.STILL).seal(3, 2, new byte[4]);
    assertEquals(3, keys.inbound().open(token(back)).type());
  }

  @Test
  void aConnectionForEachPurposeHasKeysOfItsOwn() {
    var ends = run();
    for (Attachment purpose : Attachment.values()) {
      var asker = purpose.isByInitiator() ? ends.initiator() : ends.responder();
      var asked = purpose.isByInitiator() ? ends.responder() : ends.initiator();
      var attach = asker.attach(purpose, new FixedRandom("attach i"));
      byte[] message = attach.message();
      assertEquals(purpose, AttachAnswer.purposeOf(message));
      var answer = asked.answerAttach(message, new FixedRandom("attach r"));
      var keys = attach.finish(answer.message());
      byte[] frame =
          keys.outbound(new FixedRandom("x"), Fixtures.WALL, Fixtures.STILL)
              .seal(8, 0, new byte[32]);
      assertEquals(32, answer.keys().inbound().open(token(frame)).payload().length);

      for (Attachment other : Attachment.values()) {
        if (other != purpose) {
          byte[] changed = message.clone();
          changed[4] = (byte) other.kind();
          assertThrows(
              HoldfastException.class,
              () -> asked.answerAttach(changed, new FixedRandom("r")),
              purpose + " as " + other);
        }
      }
    }
  }

  @Test
  void noChangedBitOfAnAttachMessageOrItsAnswerIsAccepted() {
    var ends = run();
    var attach = ends.initiator().attach(Attachment.CONNECTION, new FixedRandom("attach i"));
    byte[] message = attach.message();
    byte[] answer = ends.responder().answerAttach(message, new FixedRandom("r")).message();

    for (int bit = 0; bit < message.length * 8; bit++) {
      byte[] changed = Fixtures.flipped(message, bit);
      assertThrows(
          HoldfastException.class,
          () -> ends.responder().answerAttach(changed, new FixedRandom("r")),
          "bit " + bit);
    }
    for (int bit = 0; bit < answer.length * 8; bit++) {
      byte[] changed = Fixtures.flipped(answer, bit);
      assertThrows(HoldfastException.class, () -> attach.finish(changed), "bit " + bit);
    }
  }

  @Test
  void noChangedBitOfM1PassesTheGateAndNothingButHmacsRan() {
    byte[] m1 = Fixtures.initiator(client, pool).m1();

    for (int bit = 0; bit < m1.length * 8; bit++) {
      var responder = Fixtures.responder(peer, welcome);
      assertEquals(Gate.STRANGER, responder.checkM1(Fixtures.flipped(m1, bit)), "bit " + bit);
    }
    assertEquals(HandshakeFormat.M1_BYTES, m1.length);
    for (int lengthBytes : new int[] {0, 1, 8, 103, 105}) {
      var responder = Fixtures.responder(peer, welcome);
      byte[] cut = Arrays.copyOf(m1, lengthBytes);
      assertEquals(Gate.STRANGER, responder.checkM1(cut));
    }
  }

  @Test
  void aChangedByteAnywhereInM2ToM4EndsTheHandshakeAndNothingElse() {
    for (int message = 2; message <= 4; message++) {
      int sizeBytes =
          switch (message) {
            case 2 -> HandshakeFormat.M2_BYTES;
            case 3 -> HandshakeFormat.M3_BYTES;
            default -> HandshakeFormat.M4_BYTES;
          };
      for (int at = 0; at < sizeBytes; at += at < 70 ? 1 : 41) {
        int tampered = message;
        int bit = at * 8 + at % 8;
        var initiator = Fixtures.initiator(client, pool);
        var responder = Fixtures.responder(peer, welcome);
        responder.checkM1(initiator.m1());
        assertThrows(
            HoldfastException.class,
            () -> {
              byte[] m2 = responder.answerM1();
              byte[] m3 = initiator.m3(tampered == 2 ? Fixtures.flipped(m2, bit) : m2);
              responder.checkM3(tampered == 3 ? Fixtures.flipped(m3, bit) : m3);
              byte[] m4 = responder.m4();
              initiator.finish(tampered == 4 ? Fixtures.flipped(m4, bit) : m4);
            },
            "M" + message + " byte " + at);
      }
    }
  }

  @Test
  void theWrongRsaKeyUnderTheRightPoolSecretFailsAtM3sSecondHalf() {
    var certificate =
        Certificate.issue(
            pool.id(), Fixtures.OTHER.id(), Role.PEER, Fixtures.HOME, new FixedRandom("c"));
    var impostor =
        new LocalNode(Fixtures.OTHER, certificate, Fixtures.PEER_INSTANCE, pool.secrets(), 0);
    var initiator = Fixtures.initiator(client, pool);
    var responder = Fixtures.responder(impostor, welcome);
    responder.checkM1(initiator.m1());
    byte[] m2 = responder.answerM1();

    var failure = assertThrows(HoldfastException.class, () -> initiator.m3(m2));

    assertEquals(ErrorCode.REFUSED, failure.code());
    assertTrue(failure.getMessage().contains("expected=peer " + Fixtures.PEER.id().shortForm()));
  }

  @Test
  void anM3EncryptedToAnotherKeyFailsLikeAnyOtherForgery() {
    // The responder's key can't open S: it must go on with a random one to the same error text.
    var initiator = Fixtures.initiator(client, pool);
    var responder = Fixtures.responder(peer, welcome);
    responder.checkM1(initiator.m1());
    byte[] m3 = initiator.m3(responder.answerM1());
    var texts = new TreeSet<String>();
    for (int at : new int[] {HandshakeFormat.M3_BYTES - 40, HandshakeFormat.M3_BYTES - 700}) {
      var again = Fixtures.responder(peer, welcome);
      again.checkM1(Fixtures.initiator(client, pool).m1());
      again.answerM1();
      again.checkM3(Fixtures.flipped(m3, at * 8));
      texts.add(assertThrows(HoldfastException.class, again::m4).getMessage());
    }
    var swapped =
        new LocalNode(
            Fixtures.OTHER,
            Certificate.issue(
                pool.id(), Fixtures.OTHER.id(), Role.PEER, Fixtures.HOME, new FixedRandom("c")),
            Fixtures.PEER_INSTANCE,
            pool.secrets(),
            0);
    var lured =
        new HandshakeInitiator(
            client,
            pool.members(),
            Optional.empty(),
            "peer",
            new FixedRandom("holdfast test initiator"),
            Fixtures.WALL);
    var trap = Fixtures.responder(swapped, welcome);
    trap.checkM1(lured.m1());
    byte[] forOther = lured.m3(trap.answerM1());
    var victim = Fixtures.responder(peer, welcome);
    victim.checkM1(Fixtures.initiator(client, pool).m1());
    victim.answerM1();
    // Made for another transcript: even the first half doesn't open.
    assertThrows(HoldfastException.class, () -> victim.checkM3(forOther));
    assertEquals(1, texts.size(), texts.toString());
  }

  @Test
  void anotherPoolsSecretIsAStranger() {
    var otherPool =
        PoolFile.create(
            Fixtures.OTHER.publicKey(), CipherSuite.FERNET, new FixedRandom("another pool"));
    var certificate =
        Certificate.issue(
            otherPool.id(), Fixtures.HOME.id(), Role.CLIENT, Fixtures.OTHER, new FixedRandom("c"));
    var stranger =
        new LocalNode(Fixtures.HOME, certificate, Fixtures.CLIENT_INSTANCE, otherPool.secrets(), 7);
    var responder = Fixtures.responder(peer, welcome);

    assertEquals(Gate.STRANGER, responder.checkM1(Fixtures.initiator(stranger, otherPool).m1()));
    assertThrows(Invariants.Violation.class, responder::answerM1);
  }

  @Test
  void theSecretAloneAdmitsNobody() {
    // OTHER knows the pool secret and certifies itself, but is no listed home.
    var certificate =
        Certificate.issue(
            pool.id(), Fixtures.OTHER.id(), Role.CLIENT, Fixtures.OTHER, new FixedRandom("c"));
    var outsider =
        new LocalNode(Fixtures.OTHER, certificate, Fixtures.CLIENT_INSTANCE, pool.secrets(), 9);

    var ends = run(Fixtures.initiator(outsider, pool), Fixtures.responder(peer, welcome));

    assertEquals(HandshakeStatus.ROLE_REFUSED, ends.responder().status());
    var failure = assertThrows(HoldfastException.class, ends.initiator()::requireOk);
    assertEquals(ErrorCode.REFUSED, failure.code());
    assertTrue(failure.getMessage().contains("use a copy of the pool's home"));
  }

  @Test
  void aCertificateForgedInTheNameOfAListedHomeEndsTheHandshake() {
    byte[] real = client.certificate().encoded();
    real[real.length - 1] ^= 1;
    var forger =
        new LocalNode(
            Fixtures.HOME,
            Certificate.of(real),
            Fixtures.CLIENT_INSTANCE,
            pool.secrets(),
            client.dataKeyId());
    var initiator = Fixtures.initiator(forger, pool);
    var responder = Fixtures.responder(peer, welcome);
    responder.checkM1(initiator.m1());
    responder.checkM3(initiator.m3(responder.answerM1()));

    assertEquals(ErrorCode.REFUSED, assertThrows(HoldfastException.class, responder::m4).code());
  }

  @Test
  void aPeerOfAnUnlistedOrEvictedHomeIsRefusedByTheInitiator() {
    var homes = new TreeMap<NodeId, MemberList.Member>();
    homes.put(Fixtures.OTHER.id(), new MemberList.Member(Fixtures.OTHER.publicKey(), Role.CLIENT));
    var withoutHome = new MemberList(homes, new TreeSet<>());
    var evictedHome =
        new MemberList(pool.members().homes(), new TreeSet<>(List.of(Fixtures.HOME.id())));
    var evictedPeer =
        new MemberList(pool.members().homes(), new TreeSet<>(List.of(Fixtures.PEER.id())));

    for (var members : List.of(withoutHome, evictedHome, evictedPeer)) {
      var initiator =
          new HandshakeInitiator(
              client, members, Optional.empty(), "here", new FixedRandom("i"), Fixtures.WALL);
      var responder = Fixtures.responder(peer, welcome);
      responder.checkM1(initiator.m1());
      byte[] m2 = responder.answerM1();
      var failure = assertThrows(HoldfastException.class, () -> initiator.m3(m2));
      assertEquals(ErrorCode.REFUSED, failure.code());
      assertTrue(failure.getMessage().contains("listed home"), failure.getMessage());
    }
  }

  @Test
  void aClientCantStandInForAPeer() {
    var responder = Fixtures.responder(client, welcome);
    var initiator =
        new HandshakeInitiator(
            peer, pool.members(), Optional.empty(), "x", new FixedRandom("i"), Fixtures.WALL);
    responder.checkM1(initiator.m1());
    byte[] m2 = responder.answerM1();

    var failure = assertThrows(HoldfastException.class, () -> initiator.m3(m2));

    assertTrue(failure.getMessage().contains("certificate for a PEER"), failure.getMessage());
  }

  @Test
  void aStatusReachesTheInitiatorWithItsOwnErrorCode() {
    var codes =
        Map.of(
            HandshakeStatus.DATA_KEY_DIFFERS, ErrorCode.DATA_KEY_DIFFERS,
            HandshakeStatus.ROLE_REFUSED, ErrorCode.REFUSED,
            HandshakeStatus.NEWER_EPOCH, ErrorCode.REFUSED);
    codes.forEach(
        (status, code) -> {
          var ends =
              run(
                  Fixtures.initiator(client, pool),
                  Fixtures.responder(peer, new Policy(pool.members(), status)));

          assertEquals(status, ends.initiator().status());
          var failure = assertThrows(HoldfastException.class, ends.initiator()::requireOk);
          assertEquals(code, failure.code());
        });
  }

  @Test
  void withoutACommonVersionTheInitiatorLearnsWhatThePeerSpeaks() {
    var future = new Versions(8, 9, 1);
    var random = new FixedRandom("x");
    var initiator =
        new HandshakeInitiator(
            client, pool.members(), Optional.empty(), "here:1", random, Fixtures.WALL, future);
    var responder = Fixtures.responder(peer, welcome);

    assertEquals(Gate.NO_VERSION, responder.checkM1(initiator.m1()));
    byte[] answer = responder.answerM1();
    assertEquals(HandshakeFormat.NO_VERSION_BYTES, HandshakeFormat.m2Bytes(answer[0]));
    assertEquals(HandshakeFormat.NO_VERSION_BYTES, answer.length);
    var failure = assertThrows(HoldfastException.class, () -> initiator.m3(answer));
    assertEquals(ErrorCode.UNSUPPORTED, failure.code());
    assertEquals(
        "connect to peer: expected=protocol version 8 to 9, was=7 to 7: update the older holdfast,"
            + " peer=here:1",
        failure.getMessage());
  }

  @Test
  void aNodeWithoutRelaysIsToldWhichOfTheTwoToUpdate() {
    var old = new Versions(6, 6, 1);
    var random = new FixedRandom("x");
    var initiator =
        new HandshakeInitiator(
            client, pool.members(), Optional.empty(), "here:1", random, Fixtures.WALL, old);
    var responder = Fixtures.responder(peer, welcome);
    assertEquals(Gate.NO_VERSION, responder.checkM1(initiator.m1()));
    byte[] answer = responder.answerM1();
    var failure = assertThrows(HoldfastException.class, () -> initiator.m3(answer));
    assertEquals(
        "connect to peer: expected=protocol version 6 to 6, was=7 to 7: update the older holdfast,"
            + " peer=here:1",
        failure.getMessage());

    var newer = Fixtures.initiator(client, pool);
    var older = new HandshakeResponder(peer, welcome, new FixedRandom("r"), Fixtures.WALL, old);
    assertEquals(Gate.NO_VERSION, older.checkM1(newer.m1()));
    byte[] olderAnswer = older.answerM1();
    failure = assertThrows(HoldfastException.class, () -> newer.m3(olderAnswer));
    assertTrue(failure.getMessage().contains("version 7 to 7, was=6 to 6"), failure.getMessage());
  }

  @Test
  void aForgedNoVersionAnswerIsNotBelieved() {
    var initiator = Fixtures.initiator(client, pool);
    initiator.m1();
    byte[] forged = new byte[HandshakeFormat.NO_VERSION_BYTES];

    var failure = assertThrows(HoldfastException.class, () -> initiator.m3(forged));

    assertEquals(ErrorCode.REFUSED, failure.code());
  }

  @Test
  void aResponderThatPicksALowerVersionThanBothSpeakIsADowngrade() {
    // Both speak 1 to 2; a responder that hides version 2 in its choice is caught by t2.
    var wide = new Versions(1, 2, 1);
    var initiator =
        new HandshakeInitiator(
            client,
            pool.members(),
            Optional.empty(),
            "x",
            new FixedRandom("i"),
            Fixtures.WALL,
            wide);
    var responder =
        new HandshakeResponder(
            peer, welcome, new FixedRandom("r"), Fixtures.WALL, new Versions(1, 2, 1));
    responder.checkM1(initiator.m1());
    byte[] m2 = responder.answerM1();
    assertEquals(2, m2[0]);
    m2[0] = 1;

    assertThrows(HoldfastException.class, () -> initiator.m3(m2));
  }

  @Test
  void everyLiveEpochOpensTheGateAndTheResponderTellsItsNewest() {
    byte[] newer = Fixtures.counted(32, 1);
    var secrets = List.of(new PoolSecret(pool.id(), 2, newer), pool.newestSecret());
    var rotated =
        new LocalNode(Fixtures.PEER, peer.certificate(), Fixtures.PEER_INSTANCE, secrets, 0);

    var ends = run(Fixtures.initiator(client, pool), Fixtures.responder(rotated, welcome));

    assertEquals(2, ends.initiator().remote().epoch());
    assertEquals(1, ends.responder().remote().epoch());
  }

  @Test
  void aNodeThatReachesItselfSaysSo() {
    var initiator =
        new HandshakeInitiator(
            peer, pool.members(), Optional.empty(), "x", new FixedRandom("i"), Fixtures.WALL);
    var responder = Fixtures.responder(peer, welcome);
    responder.checkM1(initiator.m1());
    byte[] m2 = responder.answerM1();

    var failure = assertThrows(HoldfastException.class, () -> initiator.m3(m2));

    assertTrue(failure.getMessage().contains("was=this node itself"), failure.getMessage());
  }

  @Test
  void anAllZeroPointIsRefusedBeforeAnythingIsDerivedFromIt() {
    var eI = new byte[32];
    byte[] m1 = Fixtures.initiator(client, pool).m1();
    System.arraycopy(eI, 0, m1, 40, 32);
    byte[] mac = HandshakeFormat.gateMac(pool.newestSecret(), m1, 72);
    System.arraycopy(mac, 0, m1, 72, 32);
    var responder = Fixtures.responder(peer, welcome);

    assertEquals(Gate.OPEN, responder.checkM1(m1));
    assertThrows(HoldfastException.class, responder::answerM1);
  }

  @Test
  void stepsOutOfOrderAreBugs() {
    var initiator = Fixtures.initiator(client, pool);
    assertThrows(Invariants.Violation.class, () -> initiator.m3(new byte[9]));
    assertThrows(
        Invariants.Violation.class,
        () -> Fixtures.responder(peer, welcome).checkM3(new byte[HandshakeFormat.M3_BYTES]));
  }

  @Test
  void allSizesTogetherStayUnderTheLimitBeforeAuthentication() {
    int initiatorReads =
        HandshakeFormat.M2_BYTES
            + HandshakeFormat.WAITS_MAX * HandshakeFormat.WAIT_BYTES
            + HandshakeFormat.M4_BYTES;
    int responderReads = HandshakeFormat.M1_BYTES + HandshakeFormat.M3_BYTES;

    assertTrue(initiatorReads <= HandshakeFormat.UNAUTHENTICATED_BYTES_MAX);
    assertTrue(responderReads <= HandshakeFormat.UNAUTHENTICATED_BYTES_MAX);
  }

  @Test
  void freshRandomnessMakesEveryMessageDifferent() {
    var messages = new ArrayList<String>();
    for (int i = 0; i < 2; i++) {
      var random = new FixedRandom("run " + i);
      var initiator =
          new HandshakeInitiator(
              client, pool.members(), Optional.empty(), "x", random, Fixtures.WALL);
      messages.add(Fixtures.hex(initiator.m1()));
    }
    assertNotEquals(messages.get(0), messages.get(1));
    assertFalse(messages.isEmpty());
  }
}
