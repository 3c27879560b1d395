package holdfast.network;

import holdfast.model.HoldfastException;
import holdfast.port.Body;
import holdfast.port.Responder;
import holdfast.protocol.Reply;
import holdfast.util.Invariants;
import java.util.concurrent.atomic.AtomicBoolean;

/** Answers one request of another node, over the connection that brought it, once. Any thread. */
final class InboundRequest implements Responder {
  private final Connection connection;
  private final int number;
  private final Runnable onAnswered;
  private final AtomicBoolean isAnswered = new AtomicBoolean();

  /** {@code onAnswered} runs once, when the answer is given or dropped. */
  InboundRequest(Connection connection, int number, Runnable onAnswered) {
    this.connection = connection;
    this.number = number;
    this.onAnswered = onAnswered;
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
      onAnswered.run();
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
            bodyOrNull::release);
    if (connection.offer(outgoing)) {
      return true;
    }
    bodyOrNull.release();
    return !connection.isOpen();
  }

  private static Reply.Failure failure(HoldfastException why) {
    return new Reply.Failure(why.code(), String.valueOf(why.getMessage()), null);
  }
}
