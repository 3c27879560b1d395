package holdfast.network;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.port.Body;
import holdfast.protocol.Reply;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * What a BODY frame carries: which message's body the raw bytes sent right behind the frame belong
 * to, where in it, and how many they are. A body travels in pieces, one frame before each, so that
 * a sender never starts what it can't finish, other frames pass between two pieces, and a source
 * that fails ends in a frame instead of a broken connection.
 *
 * @param isReply the message is a reply, else a request
 * @param isWhole the body is all of the chunk: SHA-256 of it is its id
 * @param totalBytes of the body, 1 to {@link Body#MAX_BYTES}
 * @param offsetBytes of this piece in the body
 * @param countBytes raw bytes that follow; 0 in an abort only
 * @param abortOrNull why no more will come
 * @param text of the abort, for logs
 */
record BodyHeader(
    boolean isReply,
    boolean isWhole,
    ChunkId chunk,
    int totalBytes,
    int offsetBytes,
    int countBytes,
    ErrorCode abortOrNull,
    String text) {
  /** Largest piece in bytes; all but the last of a body are this long. */
  static final int PIECE_MAX_BYTES = 256 * 1_024;

  private static final int FLAG_WHOLE = 1;
  private static final int FLAG_REPLY = 2;
  private static final int FLAG_ABORT = 4;

  /** Longest text of an abort as characters kept. */
  private static final int TEXT_MAX_CHARS = Reply.TEXT_MAX_BYTES / 4;

  byte[] encode() {
    int flags =
        (isWhole ? FLAG_WHOLE : 0)
            | (isReply ? FLAG_REPLY : 0)
            | (abortOrNull != null ? FLAG_ABORT : 0);
    var out = new ByteWriter().u8(flags);
    chunk.write(out);
    out.u32(totalBytes).u32(offsetBytes).u32(countBytes);
    if (abortOrNull != null) {
      out.u16(abortOrNull.wire());
      out.text(text.substring(0, Math.min(text.length(), TEXT_MAX_CHARS)));
    }
    return out.toBytes();
  }

  /**
   * Reads a payload; every number is within its bounds afterwards.
   *
   * @throws ByteReader.Malformed when one is not
   */
  static BodyHeader decode(byte[] payload) {
    var in = new ByteReader(payload);
    int flags = in.u8();
    if (flags > (FLAG_WHOLE | FLAG_REPLY | FLAG_ABORT)) {
      throw new ByteReader.Malformed("read body: expected=flags 0 to 7, was=" + flags);
    }
    boolean isAbort = (flags & FLAG_ABORT) != 0;
    var chunk = ChunkId.read(in);
    int totalBytes = in.count(Body.MAX_BYTES);
    int offsetBytes = in.count(totalBytes);
    int countBytes = in.count(Math.min(PIECE_MAX_BYTES, totalBytes - offsetBytes));
    if (isAbort != (countBytes == 0)) {
      throw new ByteReader.Malformed("read body: expected=bytes or an abort, was=" + countBytes);
    }
    ErrorCode abortOrNull = isAbort ? ErrorCode.ofWire(in.u16()) : null;
    String text = isAbort ? in.text(Reply.TEXT_MAX_BYTES) : "";
    in.end();
    return new BodyHeader(
        (flags & FLAG_REPLY) != 0,
        (flags & FLAG_WHOLE) != 0,
        chunk,
        totalBytes,
        offsetBytes,
        countBytes,
        abortOrNull,
        text);
  }
}
