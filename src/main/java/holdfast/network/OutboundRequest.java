package holdfast.network;

import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.function.Consumer;

/**
 * One own request until its reply, its deadline or the end of its session. Loop only. Its handler
 * is called exactly once.
 */
final class OutboundRequest {
  private final NodeId to;
  private final Request request;
  private final Body bodyOrNull;
  private final long deadlineNs;
  private final Transport.ReplyHandler handler;
  private final Runnable onEnded;
  private final Consumer<Runnable> poster;
  private Loop.Timer timer;
  private Connection connection;
  private Outgoing.WithBody outgoing;
  private Session session;
  private int number;
  private boolean isEnded;

  /**
   * {@code onEnded} runs once, before the handler. A failure reaches the handler through {@code
   * poster}, so that no caller of {@link Transport#request} is called back before it returns.
   */
  OutboundRequest(
      NodeId to,
      Request request,
      Body bodyOrNull,
      long deadlineNs,
      Transport.ReplyHandler handler,
      Runnable onEnded,
      Consumer<Runnable> poster) {
    this.to = to;
    this.request = request;
    this.bodyOrNull = bodyOrNull;
    this.deadlineNs = deadlineNs;
    this.handler = handler;
    this.onEnded = onEnded;
    this.poster = poster;
  }

  Request request() {
    return request;
  }

  Body bodyOrNull() {
    return bodyOrNull;
  }

  boolean isEnded() {
    return isEnded;
  }

  /** True when it must travel on a bulk connection: it has a body, or its reply has. */
  boolean isBulk() {
    return bodyOrNull != null || request instanceof Request.GetChunk;
  }

  void timer(Loop.Timer pending) {
    timer = pending;
  }

  /** It goes out under this number of a session. */
  void submittedTo(Session onSession, Connection on, int as, Outgoing.WithBody outgoingOrNull) {
    session = onSession;
    connection = on;
    number = as;
    outgoing = outgoingOrNull;
  }

  /** The connection it went out on, or null. */
  Connection connection() {
    return connection;
  }

  /** The reply came. */
  void reply(Reply reply, Body replyBodyOrNull) {
    if (end()) {
      handler.onReply(reply, replyBodyOrNull);
    }
  }

  /** No reply will come, or none is waited for any more: sends no more of its body. */
  void fail(HoldfastException why) {
    if (end()) {
      if (outgoing != null) {
        connection.cancel(outgoing, why);
      }
      if (session != null) {
        session.forget(number);
      }
      poster.accept(() -> handler.onFailure(why));
    }
  }

  private boolean end() {
    if (isEnded) {
      return false;
    }
    isEnded = true;
    timer.cancel();
    onEnded.run();
    return true;
  }
}
