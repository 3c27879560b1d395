package holdfast.crypto.handshake;

import holdfast.crypto.Admission;
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
import holdfast.model.ErrorCode;
import holdfast.model.InstanceId;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import holdfast.model.ProtocolException;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import holdfast.util.WallClock;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Optional;

/**
 * The dialling side of a handshake, without I/O: send {@link #m1}, read M2 and give it to {@link
 * #m3}, send that, read M4 and give it to {@link #finish}. Each once, in this order; between the
 * last two WAITs may come, each for {@link #waiting}. After an exception the connection is closed.
 * Not thread-safe, but may move between threads.
 */
public final class HandshakeInitiator {
  private enum Step {
    M1,
    M2,
    M4,
    DONE
  }

  private final LocalNode self;
  private final PoolSecret secret;
  private final Admission admission;
  private final Optional<NodeId> expectedPeer;
  private final String address;
  private final SecureRandom random;
  private final WallClock clock;
  private final Versions versions;

  private Step step = Step.M1;
  private Curve25519 ephemeral;
  private byte[] m1;
  private Credentials credentials;
  private InstanceId remoteInstance;
  private int remoteEpoch;
  private byte[] waitKey;
  private int place = HandshakeFormat.PLACE_MAX + 1;
  private int waitCount;
  private byte[] ck2;
  private byte[] th4;

  /**
   * A handshake with one peer.
   *
   * @param expectedPeer the node it is meant to reach, where that is known
   * @param address for messages
   */
  public HandshakeInitiator(
      LocalNode self,
      Admission admission,
      Optional<NodeId> expectedPeer,
      String address,
      SecureRandom random,
      WallClock clock) {
    this(self, admission, expectedPeer, address, random, clock, Versions.OURS);
  }

  HandshakeInitiator(
      LocalNode self,
      Admission admission,
      Optional<NodeId> expectedPeer,
      String address,
      SecureRandom random,
      WallClock clock,
      Versions versions) {
    this.self = self;
    this.secret = self.secrets().get(0);
    this.admission = admission;
    this.expectedPeer = expectedPeer;
    this.address = address;
    this.random = random;
    this.clock = clock;
    this.versions = versions;
  }

  /** M1: {@link HandshakeFormat#M1_BYTES} bytes. */
  public byte[] m1() {
    advance(Step.M1, Step.M2);
    byte[] nonce = new byte[HandshakeFormat.NONCE_BYTES];
    random.nextBytes(nonce);
    ephemeral = new Curve25519(random);
    var out = new ByteWriter(HandshakeFormat.M1_BYTES).raw(HandshakeFormat.MAGIC);
    out.u8(HandshakeFormat.KIND_SESSION);
    versions.write(out);
    out.raw(nonce).raw(ephemeral.publicValue());
    byte[] mac = HandshakeFormat.gateMac(secret, out.toBytes(), out.sizeBytes());
    m1 = out.raw(mac).toBytes();
    return m1.clone();
  }

  /**
   * Takes M2 (or "no version": see {@link HandshakeFormat#m2Bytes}), verifies the peer as far as it
   * can yet, and makes M3. About 5 ms of processor time.
   *
   * @throws ProtocolException UNSUPPORTED if no protocol version is common, else REFUSED or
   *     MALFORMED
   * @throws NetworkException REFUSED if it isn't the expected peer or not one of the pool
   */
  public byte[] m3(byte[] m2) {
    advance(Step.M2, Step.M4);
    if (m2.length > 0 && m2[0] == 0) {
      throw noVersion(m2);
    }
    HandshakeFormat.checkSize(m2, HandshakeFormat.M2_BYTES, "M2");
    try {
      return answerM2(m2);
    } catch (ByteReader.Malformed e) {
      throw HandshakeFormat.malformed(e);
    }
  }

  /**
   * Takes a WAIT ({@link HandshakeFormat#WAIT_BYTES} bytes): the peer hasn't made M4 yet, but has
   * worked.
   *
   * @return the place in its queue, lower than every one before
   * @throws ProtocolException REFUSED if this handshake's responder didn't make it, MALFORMED if
   *     the place isn't lower, or after too many
   */
  public int waiting(byte[] wait) {
    Invariants.check(step == Step.M4, "WAIT at step %s", step);
    HandshakeFormat.checkSize(wait, HandshakeFormat.WAIT_BYTES, "WAIT");
    int told = (wait[1] & 0xFF) << 8 | wait[2] & 0xFF;
    if (!Hashes.equal(wait, HandshakeFormat.wait(waitKey, told))) {
      throw HandshakeFormat.refused("a WAIT of this handshake", "a forged one");
    }
    waitCount++;
    if (told >= place || waitCount > HandshakeFormat.WAITS_MAX) {
      throw new ProtocolException(
          ErrorCode.MALFORMED,
          "wait for peer: expected=a place below "
              + place
              + " in WAIT 1 to "
              + HandshakeFormat.WAITS_MAX
              + ", was="
              + told
              + " in WAIT "
              + waitCount
              + ", peer="
              + address);
    }
    place = told;
    return told;
  }

  /**
   * Takes M4 ({@link HandshakeFormat#M4_BYTES} bytes): the peer is now proved.
   *
   * @return the session, whose status the caller looks at
   * @throws ProtocolException REFUSED or MALFORMED
   */
  public EstablishedSession finish(byte[] m4) {
    advance(Step.M4, Step.DONE);
    HandshakeFormat.checkSize(m4, HandshakeFormat.M4_BYTES, "M4");
    byte[] plain = HandshakeFormat.open(Hashes.expand(ck2, "m4", th4), m4, "M4");
    var peer = credentials.key();
    byte[] hash =
        HandshakeFormat.responderHash(th4, peer.id(), self.key().id(), self.pool(), remoteInstance);
    try {
      var in = new ByteReader(plain);
      if (!peer.verifies(HandshakeFormat.RESPONDER_CONTEXT, hash, in.v(Rsa.BYTES))) {
        throw HandshakeFormat.refused("the peer's signature", "a forged one");
      }
      var id = SessionId.of(in.raw(SessionId.BYTES));
      var limits = SessionLimits.read(in);
      int statusNumber = in.u8();
      in.end();
      var status =
          HandshakeStatus.ofWire(statusNumber)
              .orElseThrow(() -> HandshakeFormat.refused("status 0 to 3", "" + statusNumber));
      var remote =
          new EstablishedSession.Remote(
              peer, credentials.certificate(), remoteInstance, 0, remoteEpoch);
      byte[] th5 = Sha256.of(th4, m4);
      return new EstablishedSession(true, remote, id, limits, status, ck2, th5);
    } catch (ByteReader.Malformed | IllegalArgumentException e) {
      throw HandshakeFormat.malformed(e);
    } finally {
      DataKey.erase(ck2);
    }
  }

  private byte[] answerM2(byte[] m2) {
    byte[] clear = Arrays.copyOf(m2, HandshakeFormat.M2_CLEAR_BYTES);
    byte[] t2 = Arrays.copyOfRange(m2, HandshakeFormat.M2_CLEAR_BYTES, m2.length);
    var in = new ByteReader(clear);
    int version = in.u8();
    int suite = in.u8();
    in.raw(HandshakeFormat.NONCE_BYTES);
    byte[] shared = ephemeral.agree(in.raw(Curve25519.BYTES));
    ephemeral.erase();
    byte[] ck1 = Hashes.extract(secret.handshakeSalt(), shared);
    DataKey.erase(shared);
    byte[] th1 = Sha256.of(m1, clear);
    readT2(HandshakeFormat.open(Hashes.expand(ck1, "m2", th1), t2, "M2"), version, suite);
    byte[] th2 = Sha256.of(th1, t2);
    byte[] s = new byte[HandshakeFormat.SECRET_BYTES];
    random.nextBytes(s);
    byte[] t3a = seal(Hashes.expand(ck1, "m3a", th2), credentials.key().encrypt(s, random));
    byte[] th3 = Sha256.of(th2, t3a);
    ck2 = Hashes.extract(ck1, s);
    DataKey.erase(s);
    byte[] t3b = seal(Hashes.expand(ck2, "m3b", th3), identity(th3));
    th4 = Sha256.of(th3, t3b);
    waitKey = Hashes.expand(ck1, "wait", th4);
    DataKey.erase(ck1);
    byte[] m3 = new ByteWriter(HandshakeFormat.M3_BYTES).v(t3a).v(t3b).toBytes();
    Invariants.check(m3.length == HandshakeFormat.M3_BYTES, "M3 of %s bytes", m3.length);
    return m3;
  }

  private void readT2(byte[] plain, int version, int suite) {
    var in = new ByteReader(plain);
    byte[] key = in.v(NodePublicKey.BYTES);
    byte[] certificate = in.v(Certificate.BYTES);
    remoteInstance = InstanceId.read(in);
    var theirs = Versions.read(in);
    remoteEpoch = in.u32();
    in.raw(Hashes.BYTES);
    in.end();
    if (version != versions.bestVersion(theirs) || suite != versions.bestSuite(theirs)) {
      throw HandshakeFormat.refused(
          "the best common version and suite", "version " + version + ", suite " + suite);
    }
    credentials = Credentials.of(key, certificate, self.pool(), Role.PEER);
    var id = credentials.key().id();
    if (id.equals(self.key().id())) {
      throw notWanted("another node", "this node itself");
    }
    if (expectedPeer.isPresent() && !expectedPeer.get().equals(id)) {
      throw notWanted("peer " + expectedPeer.get().shortForm(), "peer " + id.shortForm());
    }
    if (!credentials.isAdmitted(admission)) {
      throw notWanted(
          "a peer of a listed home",
          "peer " + id.shortForm() + " whose home isn't, or was evicted");
    }
  }

  private byte[] identity(byte[] th3) {
    var role = self.certificate().role();
    byte[] hash =
        HandshakeFormat.initiatorHash(
            th3,
            self.key().id(),
            credentials.key().id(),
            self.pool(),
            role,
            self.instance(),
            self.dataKeyId());
    var out = new ByteWriter().v(self.key().publicKey().encoded());
    out.v(self.certificate().encoded()).u8(role.wire()).raw(self.instance().toBytes());
    out.u64(self.dataKeyId());
    return out.v(self.key().sign(HandshakeFormat.INITIATOR_CONTEXT, hash, random)).toBytes();
  }

  private byte[] seal(byte[] key, byte[] plain) {
    return Fernet.encrypt(key, plain, random, clock.nowNs() / HandshakeFormat.NS_PER_S);
  }

  private ProtocolException noVersion(byte[] answer) {
    HandshakeFormat.checkSize(answer, HandshakeFormat.NO_VERSION_BYTES, "no version");
    byte[] range = Arrays.copyOfRange(answer, 1, 3);
    byte[] mac = Arrays.copyOfRange(answer, 3, answer.length);
    if (!Hashes.equal(mac, HandshakeFormat.noVersionMac(secret, m1, range))) {
      throw HandshakeFormat.refused("an answer of this pool", "a forged one");
    }
    return new ProtocolException(
        ErrorCode.UNSUPPORTED,
        "connect to peer: expected=protocol version "
            + versions.min()
            + " to "
            + versions.max()
            + ", was="
            + (range[0] & 0xFF)
            + " to "
            + (range[1] & 0xFF)
            + ": update the older holdfast, peer="
            + address);
  }

  private NetworkException notWanted(String expected, String was) {
    return new NetworkException(
        ErrorCode.REFUSED,
        "connect to peer: expected=" + expected + ", was=" + was + ", peer=" + address);
  }

  private void advance(Step from, Step to) {
    Invariants.check(step == from, "handshake at step %s, not %s", step, from);
    step = to;
  }
}
