package holdfast.protocol;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;

/**
 * Encodes and decodes the payloads of control frames: the tables of docs/protocol.md as code.
 * Stateless; any thread.
 *
 * <p>Decoding checks every length before it allocates, accepts exactly what encoding makes and
 * fails with {@link ByteReader.Malformed} for anything else.
 */
public final class MessageCodec {
  /** Largest payload of a frame, in bytes: a frame of 256 KiB less sealing, with room to spare. */
  public static final int PAYLOAD_MAX_BYTES = 224 * 1_024;

  /** Smallest type of a message; what is below belongs to the session. */
  public static final int TYPE_MIN = 16;

  /** First type of a reply. */
  static final int REPLY_MIN = 64;

  /** First type of a notice. */
  static final int NOTICE_MIN = 128;

  private MessageCodec() {}

  /** The type number of a message, {@value #TYPE_MIN} to 255. */
  public static int typeOf(Message message) {
    return switch (message) {
      case Request request -> RequestCodec.typeOf(request);
      case Reply reply -> ReplyCodec.typeOf(reply);
      case Notice notice -> NoticeCodec.typeOf(notice);
    };
  }

  /** The payload of a message, at most {@value #PAYLOAD_MAX_BYTES} bytes. */
  public static byte[] encode(Message message) {
    var out = new ByteWriter();
    switch (message) {
      case Request request -> RequestCodec.write(out, request);
      case Reply reply -> ReplyCodec.write(out, reply);
      case Notice notice -> NoticeCodec.write(out, notice);
    }
    Invariants.check(
        out.sizeBytes() <= PAYLOAD_MAX_BYTES,
        "encode message: expected=at most %s bytes, was=%s, type=%s",
        PAYLOAD_MAX_BYTES,
        out.sizeBytes(),
        typeOf(message));
    return out.toBytes();
  }

  /**
   * The message of a payload.
   *
   * @throws ByteReader.Malformed when it is not exactly what the type's table says
   * @throws UnknownType when this version doesn't know the type
   */
  public static Message decode(int type, byte[] payload) {
    if (payload.length > PAYLOAD_MAX_BYTES) {
      throw new ByteReader.Malformed(
          "decode message: expected=at most "
              + PAYLOAD_MAX_BYTES
              + " bytes, was="
              + payload.length
              + ", type="
              + type);
    }
    var in = new ByteReader(payload);
    Message message;
    if (type >= NOTICE_MIN) {
      message = NoticeCodec.read(type, in);
    } else if (type >= REPLY_MIN) {
      message = ReplyCodec.read(type, in);
    } else {
      message = RequestCodec.read(type, in);
    }
    in.end();
    return message;
  }

  /** True for the types of requests, known or not: they want an answer. */
  public static boolean isRequest(int type) {
    return type >= TYPE_MIN && type < REPLY_MIN;
  }

  /** True for the types of notices, known or not: they want none. */
  public static boolean isNotice(int type) {
    return type >= NOTICE_MIN && type <= 255;
  }

  /** A type that this version doesn't know: answer UNSUPPORTED to a request, ignore a notice. */
  public static final class UnknownType extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnknownType(int type) {
      super("decode message: expected=a known type, was=" + type);
    }
  }
}
