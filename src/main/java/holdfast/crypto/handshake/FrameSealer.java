package holdfast.crypto.handshake;

import holdfast.crypto.DataKey;
import holdfast.crypto.Fernet;
import holdfast.crypto.Hashes;
import holdfast.model.ErrorCode;
import holdfast.model.ProtocolException;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import holdfast.util.MonotonicClock;
import holdfast.util.WallClock;
import java.security.SecureRandom;

/**
 * Seals the frames of one direction of one connection, in the order they are sent. Changes keys by
 * itself. Not thread-safe: whoever holds the connection's write lock calls it.
 */
public final class FrameSealer {
  private static final byte[] NOTHING = {};

  private final SecureRandom random;
  private final WallClock wall;
  private final MonotonicClock monotonic;
  private byte[] trafficSecret;
  private byte[] key;
  private long sequence;
  private long generationFrameCount;
  private long generationBytes;
  private long generationStartNs;

  FrameSealer(byte[] trafficSecret, SecureRandom random, WallClock wall, MonotonicClock monotonic) {
    this.random = random;
    this.wall = wall;
    this.monotonic = monotonic;
    begin(trafficSecret);
  }

  /**
   * Seals one frame.
   *
   * @param type 0 to 254
   * @param payload at most {@link FrameFormat#PAYLOAD_BYTES_MAX} bytes
   * @return the bytes to send, all of them, before those of the next call: n and the token; where
   *     the keys are due to change, a REKEY frame in front
   * @throws ProtocolException TOO_LARGE if the payload is; nothing was sealed then
   */
  public byte[] seal(int type, int request, byte[] payload) {
    Invariants.check(type >= 0 && type < FrameFormat.TYPE_REKEY, "frame type %s", type);
    if (payload.length > FrameFormat.PAYLOAD_BYTES_MAX) {
      throw new ProtocolException(
          ErrorCode.TOO_LARGE,
          "seal frame: expected=at most "
              + FrameFormat.PAYLOAD_BYTES_MAX
              + " bytes, was="
              + payload.length);
    }
    if (!isRekeyDue()) {
      return frame(type, request, payload);
    }
    byte[] rekey = rekey();
    return new ByteWriter().raw(rekey).raw(frame(type, request, payload)).toBytes();
  }

  private boolean isRekeyDue() {
    return generationFrameCount >= FrameFormat.GENERATION_FRAMES_MAX - 1
        || generationBytes >= FrameFormat.GENERATION_BYTES
        || monotonic.nowNs() - generationStartNs >= FrameFormat.GENERATION_NS;
  }

  /** The last frame of this generation; the next frame is of the next. */
  private byte[] rekey() {
    byte[] frame = frame(FrameFormat.TYPE_REKEY, 0, NOTHING);
    byte[] next = Hashes.expand(trafficSecret, "next");
    DataKey.erase(trafficSecret);
    DataKey.erase(key);
    begin(next);
    return frame;
  }

  private void begin(byte[] secret) {
    trafficSecret = secret;
    key = Hashes.expand(secret, "frame");
    generationFrameCount = 0;
    generationBytes = 0;
    generationStartNs = monotonic.nowNs();
  }

  private byte[] frame(int type, int request, byte[] payload) {
    int plainBytes = FrameFormat.FIELDS_BYTES + payload.length;
    var plain = new ByteWriter(plainBytes).u64(sequence + 1).u8(type).u32(request).raw(payload);
    long nowS = wall.nowNs() / HandshakeFormat.NS_PER_S;
    byte[] token = Fernet.encrypt(key, plain.toBytes(), random, nowS);
    sequence++;
    generationFrameCount++;
    generationBytes += token.length;
    return new ByteWriter(FrameFormat.LENGTH_BYTES + token.length).blob(token).toBytes();
  }
}
