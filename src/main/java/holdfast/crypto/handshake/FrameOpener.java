package holdfast.crypto.handshake;

import holdfast.crypto.DataKey;
import holdfast.crypto.Fernet;
import holdfast.crypto.Hashes;
import holdfast.model.ErrorCode;
import holdfast.model.ProtocolException;
import holdfast.util.ByteReader;

/**
 * Opens the frames of one direction of one connection, in the order they came: the sequence is
 * exactly the last one's plus 1, so nothing is lost, repeated or exchanged unseen. After an
 * exception the connection is closed. Not thread-safe.
 */
public final class FrameOpener {
  private byte[] trafficSecret;
  private byte[] key;
  private long sequence;
  private long generationFrameCount;

  FrameOpener(byte[] trafficSecret) {
    begin(trafficSecret);
  }

  /**
   * Opens the token behind n (see {@link FrameFormat#checkTokenBytes}).
   *
   * @return the frame; one with {@code isRekey()} is ignored by the caller
   * @throws ProtocolException REFUSED if it is not the next frame under these keys
   */
  public FrameFormat.Frame open(byte[] token) {
    FrameFormat.checkTokenBytes(token.length);
    byte[] plain = Fernet.decrypt(key, token).orElseThrow(() -> refused("this session's", "none"));
    if (plain.length < FrameFormat.FIELDS_BYTES) {
      throw refused("13 bytes of fields", plain.length + " bytes");
    }
    var in = new ByteReader(plain);
    long was = in.u64();
    if (was != sequence + 1) {
      throw refused("sequence " + (sequence + 1), Long.toUnsignedString(was));
    }
    sequence = was;
    if (++generationFrameCount > FrameFormat.GENERATION_FRAMES_MAX) {
      throw refused("new keys after 2^20 frames", "none");
    }
    var frame = new FrameFormat.Frame(in.u8(), in.u32(), in.raw(in.remaining()));
    if (frame.isRekey()) {
      byte[] next = Hashes.expand(trafficSecret, "next");
      DataKey.erase(trafficSecret);
      DataKey.erase(key);
      begin(next);
    }
    return frame;
  }

  private void begin(byte[] secret) {
    trafficSecret = secret;
    key = Hashes.expand(secret, "frame");
    generationFrameCount = 0;
  }

  private ProtocolException refused(String expected, String was) {
    return new ProtocolException(
        ErrorCode.REFUSED, "open frame: expected=" + expected + ", was=" + was);
  }
}
