package holdfast.network;

import holdfast.model.ChunkId;
import holdfast.model.HoldfastException;
import holdfast.port.Body;
import holdfast.protocol.Message;
import holdfast.protocol.MessageCodec;
import java.util.function.Consumer;

/** An element of a connection's outbox: a frame, or a message with a body. */
sealed interface Outgoing {
  /** One control frame. */
  record Frame(int type, int request, byte[] payload) implements Outgoing {
    /** The frame of a message, whoever's request it belongs to; a notice has the number 0. */
    static Frame of(int request, Message message) {
      return new Frame(MessageCodec.typeOf(message), request, MessageCodec.encode(message));
    }

    /** What it counts for in the queue, in bytes. */
    int sizeBytes() {
      return payload.length + 64;
    }
  }

  /**
   * A message and the bytes that belong to it, which may still be arriving. Its fields that change
   * belong to the writer, under the lock of its {@link Outbox}.
   */
  final class WithBody implements Outgoing {
    private final Frame message;
    private final boolean isReply;
    private final ChunkId chunk;
    private final boolean isWhole;
    private final Body body;
    private final Consumer<HoldfastException> onUnsent;
    private final Runnable onEnded;
    private HoldfastException failure;
    private boolean isSourceEnded;
    private int sentBytes;
    private long sentUpToBytes;
    private long progressNs;

    /**
     * A message with a body.
     *
     * @param isReply whether the message is a reply
     * @param chunk what the bytes are of
     * @param isWhole whether they are all of it
     * @param onUnsent called instead of sending anything when the source failed before its first
     *     piece went out; any thread
     * @param onEnded called once when the body is not read any more; any thread
     */
    WithBody(
        Frame message,
        boolean isReply,
        ChunkId chunk,
        boolean isWhole,
        Body body,
        Consumer<HoldfastException> onUnsent,
        Runnable onEnded) {
      this.message = message;
      this.isReply = isReply;
      this.chunk = chunk;
      this.isWhole = isWhole;
      this.body = body;
      this.onUnsent = onUnsent;
      this.onEnded = onEnded;
    }

    Frame message() {
      return message;
    }

    Body body() {
      return body;
    }

    Consumer<HoldfastException> onUnsent() {
      return onUnsent;
    }

    Runnable onEnded() {
      return onEnded;
    }

    /** Header of the piece that starts at {@code offsetBytes}. */
    BodyHeader header(int offsetBytes, int countBytes) {
      return new BodyHeader(
          isReply, isWhole, chunk, body.lengthBytes(), offsetBytes, countBytes, null, "");
    }

    /** Header that says that no more comes. */
    BodyHeader abort(int offsetBytes, HoldfastException why) {
      return new BodyHeader(
          isReply,
          isWhole,
          chunk,
          body.lengthBytes(),
          offsetBytes,
          0,
          why.code(),
          String.valueOf(why.getMessage()));
    }

    void failLocked(HoldfastException why) {
      if (failure == null) {
        failure = why;
      }
    }

    HoldfastException failureLocked() {
      return failure;
    }

    void endSourceLocked(HoldfastException whyOrNull) {
      isSourceEnded = true;
      if (whyOrNull != null) {
        failLocked(whyOrNull);
      }
    }

    boolean isStartedLocked() {
      return sentBytes > 0;
    }

    boolean isAllThereLocked() {
      return isSourceEnded || body.availableBytes() == body.lengthBytes();
    }

    int sentBytesLocked() {
      return sentBytes;
    }

    long progressNsLocked() {
      return progressNs;
    }

    void startLocked(long nowNs) {
      progressNs = nowNs;
    }

    /** Bytes that can be sent as one piece now; 0 when more has to arrive first. */
    int pieceBytesLocked() {
      int readyBytes = body.availableBytes() - sentBytes;
      int leftBytes = body.lengthBytes() - sentBytes;
      return readyBytes >= Math.min(leftBytes, BodyHeader.PIECE_MAX_BYTES)
          ? Math.min(leftBytes, BodyHeader.PIECE_MAX_BYTES)
          : 0;
    }

    boolean isSentLocked() {
      return sentBytes == body.lengthBytes();
    }

    /** Bytes of bodies that its connection had sent when it was sent. */
    long sentUpToLocked() {
      return sentUpToBytes;
    }

    void sentLocked(int countBytes, long nowNs, long ofConnectionBytes) {
      sentUpToBytes = ofConnectionBytes;
      sentBytes += countBytes;
      progressNs = nowNs;
    }
  }
}
