package holdfast.network;

import holdfast.model.HoldfastException;
import holdfast.port.Body;
import holdfast.port.Responder;
import holdfast.protocol.Reply;
import holdfast.util.Invariants;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;

/** Answers one request of another node, over the connection that brought it, once. Any thread. */
final class InboundRequest implements Responder {
  private final Connection connection;
  private final int number;
  private Runnable onAnswered;
  private final AtomicBoolean isAnswered = new AtomicBoolean();

  /** Set when the answer is given and, with its body, sent. */
  private volatile boolean isOver;

  /** The answer's body while it waits or is sent. */
  private volatile Outgoing.WithBody answerOrNull;

  private volatile LongSupplier working = () -> 0;
  private long lastSeen;
  private long movedCount;
  private long toldCount;

  /** {@code onAnswered} runs once, when the answer is given or dropped. */
  InboundRequest(Connection connection, int number, Runnable onAnswered) {
    this.connection = connection;
    this.number = number;
    this.onAnswered = onAnswered;
  }

  @Override
  public void working(LongSupplier count) {
    working = count;
    lastSeen = count.getAsLong();
    movedCount++; // what came before is done
  }

  /** Whether something of it has moved since the last call. Loop thread. */
  boolean hasMoved() {
    var answer = answerOrNull;
    long seen = answer == null ? working.getAsLong() : connection.sentFor(answer);
    if (seen != lastSeen) {
      lastSeen = seen;
      movedCount++;
    }
    boolean isNews = movedCount != toldCount;
    toldCount = movedCount;
    return isNews;
  }

  /** How often something had moved: rises with the work. Loop thread. */
  long movedCount() {
    return movedCount;
  }

  /** Whether it is answered and the answer is sent, or will never be. */
  boolean isOver() {
    return isOver;
  }

  @Override
  public void reply(Reply reply, Body bodyOrNull) {
    if (!isAnswered.compareAndSet(false, true)) {
      return;
    }
    try {
      if (!send(reply, bodyOrNull)) {
        connection.close(Session.overflow(connection));
      }
    } finally {
      working = () -> 0; // what it counted may hold a body
      Runnable then = onAnswered;
      onAnswered = () -> {};
      then.run();
    }
  }

  private boolean send(Reply reply, Body bodyOrNull) {
    var frame = Outgoing.Frame.of(number, reply);
    var chunkOrNull = BodyIntake.chunkOf(reply);
    Invariants.check(
        (chunkOrNull == null) == (bodyOrNull == null),
        "send reply: expected=a body exactly with a chunk, was=%s",
        reply.getClass().getSimpleName());
    if (bodyOrNull == null) {
      isOver = true;
      return connection.offer(frame);
    }
    Invariants.check(connection.isBulk(), "send reply: expected=a bulk connection, was=control");
    bodyOrNull.retain();
    var outgoing =
        new Outgoing.WithBody(
            frame,
            true,
            chunkOrNull,
            BodyIntake.isWhole(reply, bodyOrNull.lengthBytes()),
            bodyOrNull,
            why -> connection.offer(Outgoing.Frame.of(number, failure(why))),
            () -> {
              isOver = true;
              answerOrNull = null;
              bodyOrNull.release();
            });
    answerOrNull = outgoing;
    if (connection.offer(outgoing)) {
      return true;
    }
    isOver = true;
    bodyOrNull.release();
    return !connection.isOpen();
  }

  private static Reply.Failure failure(HoldfastException why) {
    return new Reply.Failure(why.code(), String.valueOf(why.getMessage()), null);
  }
}
