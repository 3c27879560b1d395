package holdfast.crypto.handshake;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * The limits a responder sets for a session; the initiator keeps to them.
 *
 * @param frameBytesMax largest n of a frame, at most {@link FrameFormat#TOKEN_BYTES_MAX}
 * @param requestCountMax requests without an answer at once, 1 to 65,535
 * @param connectionCountMax connections of the session at once, 1 to 65,535
 */
public record SessionLimits(int frameBytesMax, int requestCountMax, int connectionCountMax) {
  static final int BYTES = 8;

  /** Checks the bounds. */
  public SessionLimits {
    boolean fits =
        frameBytesMax >= FrameFormat.TOKEN_BYTES_MIN
            && frameBytesMax <= FrameFormat.TOKEN_BYTES_MAX
            && requestCountMax > 0
            && requestCountMax <= 0xFFFF
            && connectionCountMax > 0
            && connectionCountMax <= 0xFFFF;
    if (!fits) {
      throw new IllegalArgumentException(
          "set session limits: expected=frames of "
              + FrameFormat.TOKEN_BYTES_MIN
              + " to "
              + FrameFormat.TOKEN_BYTES_MAX
              + " bytes, 1 to 65535 requests and connections, was="
              + frameBytesMax
              + ", "
              + requestCountMax
              + ", "
              + connectionCountMax);
    }
  }

  static SessionLimits read(ByteReader in) {
    return new SessionLimits(in.u32(), in.u16(), in.u16());
  }

  void write(ByteWriter out) {
    out.u32(frameBytesMax).u16(requestCountMax).u16(connectionCountMax);
  }
}
