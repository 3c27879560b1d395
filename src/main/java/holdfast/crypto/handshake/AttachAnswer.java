package holdfast.crypto.handshake;

import holdfast.crypto.Hashes;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * The answering end of attaching a further connection to a session.
 *
 * @param message what to send: {@link HandshakeFormat#ATTACH_ANSWER_BYTES} bytes
 * @param keys of the new connection
 */
public record AttachAnswer(byte[] message, ConnectionKeys keys) {
  /**
   * The session an attach message names, before anything of it is checked.
   *
   * @throws holdfast.model.ProtocolException REFUSED if it is no attach message
   */
  public static SessionId sessionOf(byte[] message) {
    HandshakeFormat.checkSize(message, HandshakeFormat.ATTACH_BYTES, "attach message");
    purposeOf(message);
    var in = new ByteReader(message, HandshakeFormat.PREFIX_BYTES, SessionId.BYTES);
    return SessionId.of(in.raw(SessionId.BYTES));
  }

  /**
   * What it asks for, before anything of it is checked.
   *
   * @param prefix its first {@value HandshakeFormat#PREFIX_BYTES} bytes at least
   * @throws holdfast.model.ProtocolException REFUSED if it is no attach message
   */
  public static Attachment purposeOf(byte[] prefix) {
    return HandshakeFormat.attachmentOf(prefix)
        .orElseThrow(() -> HandshakeFormat.refused("an attach message", "another"));
  }

  static AttachAnswer to(byte[] message, SessionId id, byte[] exporter, SecureRandom random) {
    Attachment purpose = purposeOf(message);
    byte[] macKey = AttachInitiator.macKey(purpose, exporter);
    int macOffset = HandshakeFormat.ATTACH_BYTES - Hashes.BYTES;
    boolean fits =
        sessionOf(message).equals(id)
            && Hashes.equal(
                Arrays.copyOfRange(message, macOffset, message.length),
                Hashes.hmac(macKey, Arrays.copyOf(message, macOffset)));
    if (!fits) {
      throw HandshakeFormat.refused("an attach message of this session", "another");
    }
    byte[] theirs = Arrays.copyOfRange(message, macOffset - HandshakeFormat.NONCE_BYTES, macOffset);
    byte[] ours = new byte[HandshakeFormat.NONCE_BYTES];
    random.nextBytes(ours);
    var out = new ByteWriter(HandshakeFormat.ATTACH_ANSWER_BYTES).raw(ours);
    out.raw(Hashes.hmac(macKey, AttachInitiator.ANSWER, theirs, ours));
    var keys =
        new ConnectionKeys(
            Hashes.expand(exporter, purpose.label() + " r>i", theirs, ours),
            Hashes.expand(exporter, purpose.label() + " i>r", theirs, ours));
    return new AttachAnswer(out.toBytes(), keys);
  }
}
