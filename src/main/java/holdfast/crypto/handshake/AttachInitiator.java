package holdfast.crypto.handshake;

import holdfast.crypto.Hashes;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.security.SecureRandom;

/**
 * The dialling end of attaching a further connection to a session: no RSA, one round trip. Not
 * thread-safe.
 */
public final class AttachInitiator {
  static final byte[] ANSWER = Hashes.ascii("r");

  private final Attachment purpose;
  private final byte[] macKey;
  private final byte[] exporter;
  private final byte[] nonce = new byte[HandshakeFormat.NONCE_BYTES];
  private final byte[] message;

  AttachInitiator(Attachment purpose, SessionId id, byte[] exporter, SecureRandom random) {
    this.purpose = purpose;
    this.macKey = macKey(purpose, exporter);
    this.exporter = exporter;
    random.nextBytes(nonce);
    var out = new ByteWriter(HandshakeFormat.ATTACH_BYTES).raw(HandshakeFormat.MAGIC);
    out.u8(purpose.kind());
    HandshakeFormat.Versions.OURS.write(out);
    out.raw(id.toBytes()).raw(nonce);
    message = out.raw(Hashes.hmac(macKey, out.toBytes())).toBytes();
  }

  static byte[] macKey(Attachment purpose, byte[] exporter) {
    return Hashes.expand(exporter, purpose.label() + " mac");
  }

  /** The message to send: {@link HandshakeFormat#ATTACH_BYTES} bytes. */
  public byte[] message() {
    return message.clone();
  }

  /**
   * Takes the answer ({@link HandshakeFormat#ATTACH_ANSWER_BYTES} bytes).
   *
   * @throws holdfast.model.ProtocolException REFUSED if the session's responder didn't make it
   */
  public ConnectionKeys finish(byte[] answer) {
    HandshakeFormat.checkSize(answer, HandshakeFormat.ATTACH_ANSWER_BYTES, "attach answer");
    var in = new ByteReader(answer);
    byte[] theirs = in.raw(HandshakeFormat.NONCE_BYTES);
    if (!Hashes.equal(in.raw(Hashes.BYTES), Hashes.hmac(macKey, ANSWER, nonce, theirs))) {
      throw HandshakeFormat.refused("an attach answer of this session", "another");
    }
    return new ConnectionKeys(
        Hashes.expand(exporter, purpose.label() + " i>r", nonce, theirs),
        Hashes.expand(exporter, purpose.label() + " r>i", nonce, theirs));
  }
}
