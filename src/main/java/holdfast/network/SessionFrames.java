package holdfast.network;

/** Types of the frames that belong to the session itself; messages begin at 16. */
final class SessionFrames {
  /** The last frame of a session that ends in good order. No payload. */
  static final int CLOSE = 1;

  /** A piece of a body; raw bytes follow. Payload: {@link BodyHeader}. */
  static final int BODY = 3;

  /** Asks for a {@link #PONG}. No payload. */
  static final int PING = 4;

  /** Answers a {@link #PING}. No payload. */
  static final int PONG = 5;

  /** The side that was dialled asks for one more bulk connection. No payload. */
  static final int BULK_WANTED = 6;

  /** A request of the receiver's is worked on: u64 count, higher than the last one. */
  static final int PROGRESS = 7;

  /** Asks to be passed on: node id. Only the first frame of a connection made for that. */
  static final int RELAY = 8;

  /** Answers {@link #RELAY}: u8 result. From then on bytes are passed on. */
  static final int RELAYED = 9;

  private SessionFrames() {}
}
