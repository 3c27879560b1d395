package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.port.Body;
import holdfast.protocol.Message;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.concurrent.Semaphore;

/**
 * Moves what happens on one connection to its session, on the loop, in order; makes the reader wait
 * when the loop is behind.
 */
final class SessionEvents implements Connection.Events {
  private final Session session;
  private final Connection connection;
  private final SessionHost host;
  private final Semaphore tasks = new Semaphore(Session.TASKS_MAX);

  SessionEvents(Session session, Connection connection, SessionHost host) {
    this.session = session;
    this.connection = connection;
    this.host = host;
  }

  @Override
  public void onMessage(Connection from, int number, Message message) {
    switch (message) {
      case Request request -> inOrder(() -> session.onLoopRequest(from, number, request, null));
      case Reply reply -> inOrder(() -> session.onLoopReply(number, reply, null));
      case Notice notice -> inOrder(() -> session.onLoopNotice(notice));
    }
  }

  @Override
  public void onRequest(int number, Message message, Body body) {
    var request = (Request) message;
    inOrder(() -> session.onLoopRequest(connection, number, request, body));
  }

  @Override
  public void onReply(int number, Message message, Body body) {
    var reply = (Reply) message;
    inOrder(
        () -> {
          try {
            session.onLoopReply(number, reply, body);
          } finally {
            body.release();
          }
        });
  }

  @Override
  public void onReplyFailed(int number, HoldfastException why) {
    host.post(() -> session.onLoopReplyFailed(number, why));
  }

  @Override
  public void onUnknownRequest(Connection from, int number, String text) {
    from.offer(Outgoing.Frame.of(number, new Reply.Failure(ErrorCode.UNSUPPORTED, text, null)));
  }

  @Override
  public void onProgress(int number, long count) {
    inOrder(() -> session.onLoopProgress(number, count));
  }

  @Override
  public void onBulkWanted(Connection from) {
    inOrder(session::onLoopBulkWanted);
  }

  @Override
  public void onSilent(Connection silent) {
    host.post(session::onLoopSilent);
  }

  @Override
  public void onClosed(Connection closed, HoldfastException why) {
    host.post(() -> session.onLoopClosed(closed, why));
  }

  private void inOrder(Runnable task) {
    try {
      tasks.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NetworkException(ErrorCode.SHUTTING_DOWN, "receive message: interrupted", e);
    }
    host.loop()
        .post(
            () -> {
              tasks.release();
              task.run();
            });
  }
}
