package holdfast.network;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.model.ProtocolException;
import holdfast.port.Body;
import holdfast.protocol.Message;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import holdfast.util.ByteReader;
import holdfast.util.Sha256;
import java.io.IOException;
import java.util.function.Function;

/**
 * Receives the one body that a connection has in flight: checks that its pieces continue each
 * other, puts them into place and hashes a whole chunk as it comes. Belongs to the connection's
 * reader.
 */
final class BodyIntake {

  /** The events of an intake. Called by the connection's reader. */
  interface Sink {
    /** A request whose body begins to arrive. */
    void onRequest(int request, Message message, Body body);

    /** A reply whose body is complete. */
    void onReply(int request, Message message, Body body);

    /** A reply whose body won't come or is wrong. */
    void onReplyFailed(int request, HoldfastException why);
  }

  private final Function<Message, Runnable> permits;
  private final Sink sink;
  private Message message;
  private int request;
  private BodyHeader first;
  private Body body;
  private Sha256 digest;

  /** Of the reply whose body arrives, for other threads: its request's number, and its bytes. */
  private volatile int replyRequest;

  private volatile long replyBytes;

  /** {@code permits} waits for a place for the body of a message. */
  BodyIntake(Function<Message, Runnable> permits, Sink sink) {
    this.permits = permits;
    this.sink = sink;
  }

  /** The chunk whose bytes belong to a message, or null. */
  static ChunkId chunkOf(Message message) {
    return switch (message) {
      case Request.PutChunk put -> put.chunk();
      case Request.Change change -> change.inlineChunk();
      case Reply.Chunk reply -> reply.chunk();
      default -> null;
    };
  }

  /** Whether a message's body of this length is all of its chunk. */
  static boolean isWhole(Message message, int lengthBytes) {
    return !(message instanceof Reply.Chunk reply)
        || reply.offsetBytes() == 0 && reply.chunkLengthBytes() == lengthBytes;
  }

  /** Bytes that have come of the reply to this request, while it is what comes; any thread. */
  long replyBytes(int ofRequest) {
    return replyRequest == ofRequest ? replyBytes : 0;
  }

  /** True between two pieces of a body. */
  boolean isOpen() {
    return message != null;
  }

  /** A message that a body belongs to came: its first piece is next. */
  void expect(int requestNumber, Message next) {
    if (message != null) {
      throw new ByteReader.Malformed("read message: expected=rest of a body, was=another body");
    }
    message = next;
    request = requestNumber;
  }

  /** True while a message waits for the first piece of its body: no other frame may come. */
  boolean isExpectingFirst() {
    return message != null && body == null;
  }

  /** Receives one piece, or learns that no more come. */
  void piece(int requestNumber, BodyHeader header, SocketInput in) throws IOException {
    checkContinues(requestNumber, header);
    if (header.abortOrNull() != null) {
      fail(
          new ProtocolException(
              header.abortOrNull(), "receive body: aborted by its sender, " + header.text()));
      return;
    }
    if (body == null) {
      begin(header);
    }
    receive(header, in);
    if (body.availableBytes() == body.lengthBytes()) {
      finish();
    }
  }

  /** The connection is gone, or the sender aborted: so is the body, if one is in flight. */
  void fail(HoldfastException why) {
    if (message == null) {
      return;
    }
    Message failed = message;
    Body arriving = body;
    clear();
    if (arriving != null) {
      arriving.fail(why);
    }
    if (failed instanceof Reply) {
      sink.onReplyFailed(request, why);
      if (arriving != null) {
        arriving.release();
      }
    }
  }

  private void checkContinues(int requestNumber, BodyHeader header) {
    boolean continues =
        message != null
            && requestNumber == request
            && header.isReply() == message instanceof Reply
            && header.chunk().equals(chunkOf(message))
            && header.isWhole() == isWhole(message, header.totalBytes())
            && header.offsetBytes() == (body == null ? 0 : body.availableBytes())
            && (body == null
                ? header.abortOrNull() == null
                : header.totalBytes() == first.totalBytes());
    if (!continues) {
      throw new ByteReader.Malformed(
          "read body: expected=next piece of request "
              + request
              + ", was="
              + header
              + " of request "
              + requestNumber);
    }
  }

  private void begin(BodyHeader header) {
    Runnable permit = permits.apply(message);
    first = header;
    body = Body.arriving(new byte[header.totalBytes()], header.totalBytes(), permit);
    digest = new Sha256();
    if (message instanceof Request) {
      sink.onRequest(request, message, body);
    } else {
      replyBytes = 0;
      replyRequest = request;
    }
  }

  private void receive(BodyHeader header, SocketInput in) throws IOException {
    int leftBytes = header.countBytes();
    while (leftBytes > 0) {
      int offset = body.availableBytes();
      int count = in.readSome(body.array(), offset, leftBytes);
      body.advance(count);
      replyBytes = body.availableBytes();
      leftBytes -= count;
      if (header.isWhole()) {
        digest.update(body.array(), offset, count);
      }
    }
  }

  private void finish() {
    ChunkId expected = first.chunk();
    if (first.isWhole()) {
      ChunkId actual = ChunkId.of(digest.digest());
      if (!actual.equals(expected)) {
        fail(
            new NetworkException(
                ErrorCode.CHUNK_CORRUPT,
                "receive body: expected=bytes that hash to the chunk, was="
                    + actual
                    + ", chunk="
                    + expected));
        return;
      }
    }
    Message done = message;
    Body complete = body;
    clear();
    complete.complete();
    if (done instanceof Reply) {
      sink.onReply(request, done, complete);
    }
  }

  private void clear() {
    message = null;
    body = null;
    first = null;
  }
}
