package holdfast.crypto.handshake;

import holdfast.crypto.Curve25519;
import holdfast.crypto.Fernet;
import holdfast.crypto.Hashes;
import holdfast.crypto.PoolSecret;
import holdfast.crypto.Role;
import holdfast.model.ErrorCode;
import holdfast.model.InstanceId;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import holdfast.model.ProtocolException;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Sha256;
import java.util.Arrays;
import java.util.Optional;

/**
 * Sizes and fields of the handshake's messages, as docs/protocol-handshake.md has them. Every
 * message has one size: nothing is allocated on a stranger's word.
 */
public final class HandshakeFormat {
  /** The bytes in front of M1 and of an attach message, which tell the two apart. */
  public static final int PREFIX_BYTES = 8;

  /** M1, prefix included. */
  public static final int M1_BYTES = 104;

  /** M2, when its first byte is not 0. */
  public static final int M2_BYTES = 1_099;

  /** The answer "no version" in M2's place; its first byte is 0. */
  public static final int NO_VERSION_BYTES = 35;

  /** M3. */
  public static final int M3_BYTES = 1_846;

  /** M4. */
  public static final int M4_BYTES = 473;

  /** WAIT, which may come before M4; its first byte is 0, as no M4's is. */
  public static final int WAIT_BYTES = 35;

  /** WAITs of one handshake, and handshakes that wait at once, at most. */
  public static final int WAITS_MAX = 128;

  /** The highest place that a WAIT tells: so many turns of so many sources. */
  public static final int PLACE_MAX = WAITS_MAX * WAITS_MAX;

  /** The message that attaches a connection to a session, prefix included. */
  public static final int ATTACH_BYTES = 88;

  /** Its answer. */
  public static final int ATTACH_ANSWER_BYTES = 64;

  /** Bytes either side reads before the other is authenticated, at most. */
  public static final int UNAUTHENTICATED_BYTES_MAX = 8_192;

  static final byte[] MAGIC = Hashes.ascii("HFH1");
  static final int KIND_SESSION = 1;
  static final int NONCE_BYTES = 32;
  static final int SECRET_BYTES = 32;
  static final int M2_CLEAR_BYTES = 2 + NONCE_BYTES + Curve25519.BYTES;
  static final int T3A_BYTES = 457;
  static final int T3B_BYTES = 1_385;
  static final String INITIATOR_CONTEXT = "holdfast/1 initiator";
  static final String RESPONDER_CONTEXT = "holdfast/1 responder";
  static final long NS_PER_S = 1_000_000_000L;

  private HandshakeFormat() {}

  /** What the first {@value #PREFIX_BYTES} bytes of a connection announce. */
  public enum Kind {
    /** M1 of a new session: {@link #M1_BYTES}. */
    SESSION,
    /** A further connection of a session: {@link #ATTACH_BYTES}. */
    ATTACH,
    /** Nothing of ours: close without a word. */
    STRANGER
  }

  /** Protocol versions and session suites (bit s-1 for suite s) a node speaks. */
  record Versions(int min, int max, int suites) {
    static final Versions OURS = new Versions(7, 7, 1);

    /** The best common version; 0 if there is none. */
    int bestVersion(Versions other) {
      int best = Math.min(max, other.max);
      return best >= Math.max(min, other.min) ? best : 0;
    }

    /** The best common suite; 0 if there is none. */
    int bestSuite(Versions other) {
      return Integer.SIZE - Integer.numberOfLeadingZeros(suites & other.suites);
    }

    static Versions read(ByteReader in) {
      return new Versions(in.u8(), in.u8(), in.u8());
    }

    void write(ByteWriter out) {
      out.u8(min).u8(max).u8(suites);
    }
  }

  /** Tells what a connection begins with from its first {@value #PREFIX_BYTES} bytes. */
  public static Kind kindOf(byte[] prefix) {
    if (prefix.length < PREFIX_BYTES || !Arrays.equals(prefix, 0, 4, MAGIC, 0, 4)) {
      return Kind.STRANGER;
    }
    if (prefix[4] == KIND_SESSION) {
      return Kind.SESSION;
    }
    return Attachment.ofKind(prefix[4]).isPresent() ? Kind.ATTACH : Kind.STRANGER;
  }

  static Optional<Attachment> attachmentOf(byte[] prefix) {
    return kindOf(prefix) == Kind.ATTACH ? Attachment.ofKind(prefix[4]) : Optional.empty();
  }

  /** Size of the answer to M1 from its first byte. */
  public static int m2Bytes(int firstByte) {
    return firstByte == 0 ? NO_VERSION_BYTES : M2_BYTES;
  }

  /** Size of what follows M3 from its first byte: that of WAIT or of M4. */
  public static int afterM3Bytes(int firstByte) {
    return firstByte == 0 ? WAIT_BYTES : M4_BYTES;
  }

  /** The text for a peer that closed instead of answering M1. */
  public static NetworkException closedWithoutAnswer(String address) {
    return new NetworkException(
        ErrorCode.REFUSED,
        "connect to peer: expected=an answer, was=closed without an answer: another pool, or not"
            + " Holdfast; to enter that pool use a copy of its home (home.key and pool), peer="
            + address);
  }

  static byte[] initiatorHash(
      byte[] th3,
      NodeId initiator,
      NodeId responder,
      PoolId pool,
      Role role,
      InstanceId instance,
      long dataKeyId) {
    var in = new ByteWriter().raw(th3).raw(initiator.toBytes()).raw(responder.toBytes());
    in.raw(pool.toBytes()).u8(role.wire()).raw(instance.toBytes()).u64(dataKeyId);
    return Sha256.of(in.toBytes());
  }

  static byte[] responderHash(
      byte[] th4, NodeId responder, NodeId initiator, PoolId pool, InstanceId instance) {
    return Sha256.of(
        th4, responder.toBytes(), initiator.toBytes(), pool.toBytes(), instance.toBytes());
  }

  static byte[] gateMac(PoolSecret secret, byte[] message, int lengthBytes) {
    return Hashes.hmac(secret.gateKey(), Hashes.ascii("M1"), Arrays.copyOf(message, lengthBytes));
  }

  static byte[] noVersionMac(PoolSecret secret, byte[] m1, byte[] versions) {
    return Hashes.hmac(secret.gateKey(), Hashes.ascii("no version"), m1, versions);
  }

  static byte[] wait(byte[] waitKey, int place) {
    var out = new ByteWriter(WAIT_BYTES).u8(0).u16(place);
    return out.raw(Hashes.hmac(waitKey, out.toBytes())).toBytes();
  }

  /** Opens one token of the handshake. */
  static byte[] open(byte[] key, byte[] token, String what) {
    return Fernet.decrypt(key, token)
        .orElseThrow(() -> refused(what + " under this session's key", "one that doesn't open"));
  }

  static void checkSize(byte[] message, int sizeBytes, String what) {
    if (message.length != sizeBytes) {
      throw refused(what + " of " + sizeBytes + " bytes", message.length + " bytes");
    }
  }

  static ProtocolException refused(String expected, String was) {
    return new ProtocolException(
        ErrorCode.REFUSED, "complete handshake: expected=" + expected + ", was=" + was);
  }

  static ProtocolException malformed(RuntimeException cause) {
    return new ProtocolException(
        ErrorCode.MALFORMED,
        "complete handshake: expected=well-formed fields, was=" + cause.getMessage(),
        cause);
  }
}
