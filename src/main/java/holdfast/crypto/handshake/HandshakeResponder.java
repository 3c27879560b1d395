package holdfast.crypto.handshake;

import holdfast.crypto.Curve25519;
import holdfast.crypto.DataKey;
import holdfast.crypto.Fernet;
import holdfast.crypto.Hashes;
import holdfast.crypto.NodePublicKey;
import holdfast.crypto.PoolSecret;
import holdfast.crypto.Role;
import holdfast.crypto.Rsa;
import holdfast.crypto.handshake.HandshakeFormat.Versions;
import holdfast.crypto.identity.Certificate;
import holdfast.model.InstanceId;
import holdfast.model.ProtocolException;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import holdfast.util.WallClock;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * The answering side of a handshake, without I/O, cheap things first:
 *
 * <ol>
 *   <li>{@link #checkM1}: HMACs only. A stranger is closed without a word.
 *   <li>{@link #answerM1}: X25519 and Fernet (1 ms); send what it returns. After "no version"
 *       close.
 *   <li>{@link #checkM3}: Fernet only; passes only a fresh proof of the pool secret.
 *   <li>{@link #m4}: RSA (8 ms); may run on another thread. Send what it returns. Until then {@link
 *       #waiting} tells how the queue moves.
 *   <li>{@link #session}: look at its status; unless OK, close after sending M4.
 * </ol>
 *
 * <p>Each once, in this order; after an exception the connection is closed without a word. Not
 * thread-safe, but may move between threads.
 */
public final class HandshakeResponder {
  private enum Step {
    M1,
    ANSWER,
    M3,
    M4,
    SESSION,
    DONE
  }

  /** What M1 is. */
  public enum Gate {
    /** Not made with a pool secret of ours: close without a word. */
    STRANGER,
    /** Send {@link #answerM1}, then close. */
    NO_VERSION,
    /** Send {@link #answerM1} and go on. */
    OPEN
  }

  private final LocalNode self;
  private final ResponderPolicy policy;
  private final SecureRandom random;
  private final WallClock clock;
  private final Versions versions;

  private Step step = Step.M1;
  private Gate gate = Gate.STRANGER;
  private PoolSecret secret;
  private byte[] m1;
  private Versions theirs;
  private byte[] theirPoint;
  private byte[] ck1;
  private byte[] th2;
  private byte[] sealedSecret;
  private byte[] t3a;
  private byte[] t3b;
  private byte[] waitKey;
  private EstablishedSession session;

  /** A handshake with whoever connected. */
  public HandshakeResponder(
      LocalNode self, ResponderPolicy policy, SecureRandom random, WallClock clock) {
    this(self, policy, random, clock, Versions.OURS);
  }

  HandshakeResponder(
      LocalNode self,
      ResponderPolicy policy,
      SecureRandom random,
      WallClock clock,
      Versions versions) {
    this.self = self;
    this.policy = policy;
    this.random = random;
    this.clock = clock;
    this.versions = versions;
  }

  /** Takes M1; never throws on bad input. */
  public Gate checkM1(byte[] message) {
    advance(Step.M1, Step.ANSWER);
    if (message.length != HandshakeFormat.M1_BYTES
        || HandshakeFormat.kindOf(message) != HandshakeFormat.Kind.SESSION) {
      return gate;
    }
    int macOffset = HandshakeFormat.M1_BYTES - Hashes.BYTES;
    byte[] mac = Arrays.copyOfRange(message, macOffset, message.length);
    for (PoolSecret candidate : self.secrets()) {
      if (Hashes.equal(mac, HandshakeFormat.gateMac(candidate, message, macOffset))) {
        secret = candidate;
      }
    }
    if (secret != null) {
      m1 = message.clone();
      var in = new ByteReader(message, HandshakeFormat.MAGIC.length + 1, macOffset - 5);
      theirs = Versions.read(in);
      in.raw(HandshakeFormat.NONCE_BYTES);
      theirPoint = in.raw(Curve25519.BYTES);
      boolean common = versions.bestVersion(theirs) > 0 && versions.bestSuite(theirs) > 0;
      gate = common ? Gate.OPEN : Gate.NO_VERSION;
    }
    return gate;
  }

  /**
   * M2, or the answer "no version"; not for strangers.
   *
   * @throws ProtocolException MALFORMED if the initiator's X25519 value is of small order
   */
  public byte[] answerM1() {
    advance(Step.ANSWER, Step.M3);
    Invariants.check(gate != Gate.STRANGER, "a stranger gets no answer");
    return gate == Gate.OPEN ? m2() : noVersion();
  }

  /**
   * Takes M3 ({@link HandshakeFormat#M3_BYTES} bytes) and checks its first half.
   *
   * @throws ProtocolException REFUSED or MALFORMED unless its maker has the pool secret and answers
   *     this very M2
   */
  public void checkM3(byte[] m3) {
    advance(Step.M3, Step.M4);
    Invariants.check(gate == Gate.OPEN, "M3 after no version");
    HandshakeFormat.checkSize(m3, HandshakeFormat.M3_BYTES, "M3");
    try {
      var in = new ByteReader(m3);
      t3a = in.v(HandshakeFormat.T3A_BYTES);
      t3b = in.v(HandshakeFormat.T3B_BYTES);
      in.end();
    } catch (ByteReader.Malformed e) {
      throw HandshakeFormat.malformed(e);
    }
    sealedSecret = HandshakeFormat.open(Hashes.expand(ck1, "m3a", th2), t3a, "M3");
    waitKey = Hashes.expand(ck1, "wait", Sha256.of(Sha256.of(th2, t3a), t3b));
  }

  /**
   * A WAIT ({@link HandshakeFormat#WAIT_BYTES} bytes), to be sent between M3 and M4: {@code place}
   * is lower than in the one before, and they are {@link HandshakeFormat#WAITS_MAX} at most. Called
   * by the thread that called {@link #checkM3}, also while another one is in {@link #m4}.
   */
  public byte[] waiting(int place) {
    Invariants.check(waitKey != null, "WAIT before M3");
    Invariants.check(place >= 0 && place <= HandshakeFormat.PLACE_MAX, "WAIT at place %s", place);
    return HandshakeFormat.wait(waitKey, place);
  }

  /**
   * Verifies the initiator and makes M4 ({@link HandshakeFormat#M4_BYTES} bytes).
   *
   * @throws ProtocolException REFUSED or MALFORMED unless the initiator proves its identity
   */
  public byte[] m4() {
    advance(Step.M4, Step.SESSION);
    byte[] th3 = Sha256.of(th2, t3a);
    // A key that doesn't decrypt goes on to the same failure as one that decrypts to the wrong S.
    byte[] substitute = new byte[HandshakeFormat.SECRET_BYTES];
    random.nextBytes(substitute);
    byte[] s =
        self.key()
            .decrypt(sealedSecret)
            .filter(opened -> opened.length == HandshakeFormat.SECRET_BYTES)
            .orElse(substitute);
    byte[] ck2 = Hashes.extract(ck1, s);
    DataKey.erase(s);
    DataKey.erase(ck1);
    byte[] plain = HandshakeFormat.open(Hashes.expand(ck2, "m3b", th3), t3b, "M3");
    try {
      var remote = readIdentity(plain, th3);
      var credentials = new Credentials(remote.key(), remote.certificate());
      var status =
          credentials.isAdmitted(policy.admission())
              ? policy.status(
                  remote.node(),
                  remote.role(),
                  remote.instance(),
                  remote.dataKeyId(),
                  remote.epoch())
              : HandshakeStatus.ROLE_REFUSED;
      return makeM4(remote, status, ck2, Sha256.of(th3, t3b));
    } catch (ByteReader.Malformed e) {
      throw HandshakeFormat.malformed(e);
    } finally {
      DataKey.erase(ck2);
    }
  }

  /** The session; what M4 said of it is its status. */
  public EstablishedSession session() {
    advance(Step.SESSION, Step.DONE);
    return session;
  }

  private byte[] m2() {
    byte[] nonce = new byte[HandshakeFormat.NONCE_BYTES];
    random.nextBytes(nonce);
    var ephemeral = new Curve25519(random);
    byte[] shared = ephemeral.agree(theirPoint);
    ck1 = Hashes.extract(secret.handshakeSalt(), shared);
    DataKey.erase(shared);
    var out = new ByteWriter(HandshakeFormat.M2_BYTES);
    out.u8(versions.bestVersion(theirs)).u8(versions.bestSuite(theirs));
    out.raw(nonce).raw(ephemeral.publicValue());
    ephemeral.erase();
    byte[] th1 = Sha256.of(m1, out.toBytes());
    var inner = new ByteWriter().v(self.key().publicKey().encoded());
    inner.v(self.certificate().encoded()).raw(self.instance().toBytes());
    versions.write(inner);
    inner.u32(self.secrets().get(0).epoch()).raw(policy.admission().memberListDigest());
    byte[] t2 = seal(Hashes.expand(ck1, "m2", th1), inner.toBytes());
    th2 = Sha256.of(th1, t2);
    byte[] m2 = out.raw(t2).toBytes();
    Invariants.check(m2.length == HandshakeFormat.M2_BYTES, "M2 of %s bytes", m2.length);
    return m2;
  }

  private byte[] noVersion() {
    byte[] range = {(byte) versions.min(), (byte) versions.max()};
    var out = new ByteWriter(HandshakeFormat.NO_VERSION_BYTES).u8(0).raw(range);
    return out.raw(HandshakeFormat.noVersionMac(secret, m1, range)).toBytes();
  }

  private EstablishedSession.Remote readIdentity(byte[] plain, byte[] th3) {
    var in = new ByteReader(plain);
    byte[] key = in.v(NodePublicKey.BYTES);
    byte[] certificate = in.v(Certificate.BYTES);
    int roleNumber = in.u8();
    var instance = InstanceId.read(in);
    long dataKeyId = in.u64();
    byte[] signature = in.v(Rsa.BYTES);
    in.end();
    var role =
        Role.ofWire(roleNumber)
            .orElseThrow(() -> HandshakeFormat.refused("role 1 or 2", "" + roleNumber));
    var found = Credentials.of(key, certificate, self.pool(), role);
    if ((role == Role.PEER) != (dataKeyId == 0)) {
      throw HandshakeFormat.refused("a data key id for clients only", role + " with " + dataKeyId);
    }
    byte[] hash =
        HandshakeFormat.initiatorHash(
            th3, found.key().id(), self.key().id(), self.pool(), role, instance, dataKeyId);
    if (!found.key().verifies(HandshakeFormat.INITIATOR_CONTEXT, hash, signature)) {
      throw HandshakeFormat.refused("the initiator's signature", "a forged one");
    }
    return new EstablishedSession.Remote(
        found.key(), found.certificate(), instance, dataKeyId, secret.epoch());
  }

  private byte[] makeM4(
      EstablishedSession.Remote remote, HandshakeStatus status, byte[] ck2, byte[] th4) {
    byte[] hash =
        HandshakeFormat.responderHash(
            th4, self.key().id(), remote.node(), self.pool(), self.instance());
    var limits = policy.limits();
    var out = new ByteWriter();
    out.v(self.key().sign(HandshakeFormat.RESPONDER_CONTEXT, hash, random));
    byte[] drawn = new byte[SessionId.BYTES];
    random.nextBytes(drawn);
    out.raw(drawn);
    limits.write(out);
    out.u8(status.wire());
    byte[] m4 = seal(Hashes.expand(ck2, "m4", th4), out.toBytes());
    Invariants.check(m4.length == HandshakeFormat.M4_BYTES, "M4 of %s bytes", m4.length);
    byte[] th5 = Sha256.of(th4, m4);
    var id = SessionId.of(drawn);
    session = new EstablishedSession(false, remote, id, limits, status, ck2, th5);
    return m4;
  }

  private byte[] seal(byte[] key, byte[] plain) {
    return Fernet.encrypt(key, plain, random, clock.nowNs() / HandshakeFormat.NS_PER_S);
  }

  private void advance(Step from, Step to) {
    Invariants.check(step == from, "handshake at step %s, not %s", step, from);
    step = to;
  }
}
