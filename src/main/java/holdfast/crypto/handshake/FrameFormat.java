package holdfast.crypto.handshake;

import holdfast.crypto.Fernet;
import holdfast.model.ErrorCode;
import holdfast.model.ProtocolException;

/** The format of frames: sizes and bounds; u32 n, then a Fernet token of n bytes. */
public final class FrameFormat {
  /** Bytes in front of the token: its size n. */
  public static final int LENGTH_BYTES = 4;

  /** n at most. */
  public static final int TOKEN_BYTES_MAX = 256 * 1024;

  /** n at least: an empty payload. */
  public static final int TOKEN_BYTES_MIN = 73;

  /** Sequence, type and request inside the token. */
  static final int FIELDS_BYTES = 8 + 1 + 4;

  /** A frame's payload, at most. */
  public static final int PAYLOAD_BYTES_MAX = Fernet.plainBytesMax(TOKEN_BYTES_MAX) - FIELDS_BYTES;

  /** The type of the last frame of a generation of keys; made and taken by the two classes. */
  public static final int TYPE_REKEY = 255;

  /** Frames of one generation, at most, REKEY included. */
  static final long GENERATION_FRAMES_MAX = 1L << 20;

  /** Token bytes after which a generation ends. */
  static final long GENERATION_BYTES = 64L << 30;

  /** Nanoseconds after which the next frame begins a new generation. */
  static final long GENERATION_NS = 3_600L * 1_000_000_000L;

  private FrameFormat() {}

  /** A frame as received. */
  public record Frame(int type, int request, byte[] payload) {
    /** True for the frame that changed keys: it was dealt with already, ignore it. */
    public boolean isRekey() {
      return type == TYPE_REKEY;
    }
  }

  /**
   * Checks n before anything is allocated for it.
   *
   * @return n
   * @throws ProtocolException TOO_LARGE or MALFORMED
   */
  public static int checkTokenBytes(int tokenBytes) {
    boolean isSmall = tokenBytes >= 0 && tokenBytes < TOKEN_BYTES_MIN;
    if (isSmall || tokenBytes < 0 || tokenBytes > TOKEN_BYTES_MAX) {
      throw new ProtocolException(
          isSmall ? ErrorCode.MALFORMED : ErrorCode.TOO_LARGE,
          "read frame: expected="
              + TOKEN_BYTES_MIN
              + " to "
              + TOKEN_BYTES_MAX
              + " bytes, was="
              + Integer.toUnsignedString(tokenBytes));
    }
    return tokenBytes;
  }
}
